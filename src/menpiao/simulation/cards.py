"""Simulated identity cards: the text block of each kind, and a few people who do not exist.

The numbers are published samples or were computed; no card of a real person is in here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from menpiao.terminals.parts.reader.base import LONG_TERM, CardKind
from menpiao.terminals.parts.reader.text import KIND_LETTERS, LAYOUTS, TEXT_BYTES

PHOTO_BYTES: Final = 1024
_LETTERS: Final = {kind: letter for letter, kind in KIND_LETTERS.items()}


def build_text(kind: CardKind, **fields: str) -> bytes:
    """Write the 256-byte text block of a card.

    `fields` are named as in `LAYOUTS`; what is not given stays blank, what is too long is cut,
    dates are eight digits.
    """
    block = bytearray(" ".encode("utf-16-le") * (TEXT_BYTES // 2))
    for name, value in (fields | {"kind": _LETTERS[kind]}).items():
        raw = value.encode("utf-16-le")
        for offset, length in LAYOUTS[kind][name]:
            piece, raw = raw[:length], raw[length:]
            block[offset : offset + len(piece)] = piece
    return bytes(block)


@dataclass(frozen=True, slots=True)
class SimulatedCard:
    """What lies on the simulated reader."""

    text: bytes = field(repr=False)
    photo: bytes = field(default=bytes(PHOTO_BYTES), repr=False)
    fingerprint: bytes = field(default=b"", repr=False)
    addresses: tuple[str, ...] = ()
    """Additional addresses, at most 35 characters each."""


def resident(
    number: str,
    name: str,
    *,
    sex: str = "",
    nation: str = "01",
    address: str = "",
    issuer: str = "",
    valid_from: str = "20200101",
    valid_until: str = "20400101",
) -> SimulatedCard:
    """A resident's card; the birth date and, unless given, the sex are those of the number."""
    return SimulatedCard(
        build_text(
            "resident",
            name=name,
            sex=sex or _sex_of(number),
            nation=nation,
            birth=number[6:14],
            address=address,
            number=number,
            issuer=issuer,
            valid_from=valid_from,
            valid_until=valid_until,
        )
    )


def hmt(number: str, name: str, pass_number: str, *, sex: str = "") -> SimulatedCard:
    """A residence permit of a person from Hong Kong, Macao or Taiwan."""
    return SimulatedCard(
        build_text(
            "hmt",
            name=name,
            sex=sex or _sex_of(number),
            birth=number[6:14],
            address="广东省深圳市福田区示例街8号",
            number=number,
            issuer="深圳市公安局",
            valid_from="20230901",
            valid_until="20280901",
            pass_number=pass_number,
            issue_count="01",
        )
    )


def _sex_of(number: str) -> str:
    return "1" if int(number[16]) % 2 else "2"


RESIDENT: Final = resident(
    "11010519491231002X",
    "李样例",
    address="北京市朝阳区示例路1号院2楼3门",
    issuer="北京市公安局朝阳分局",
    valid_from="20150601",
    valid_until=LONG_TERM,
)
HMT: Final = hmt("810000199408230021", "陈样例", "H12345678")
FOREIGNER_2017: Final = SimulatedCard(
    build_text(
        "foreigner_2017",
        name="SAMPLE, ANNA MARIA",
        sex="2",
        number="PAK310080010103",
        nationality="PAK",
        chinese_name="安娜",
        valid_from="20180701",
        valid_until="20280630",
        birth="19800101",
        version="01",
        authority="3100",
    )
)
FOREIGNER_2023: Final = SimulatedCard(
    build_text(
        "foreigner_2023",
        chinese_name="安德莎",
        sex="2",
        renewal="01",
        birth="19810803",
        name="SAMPLE, ALEXANDRA CATHERINE ELIZABETH ROSE",
        number="911124198108030024",
        valid_from="20240115",
        valid_until="20340114",
        nationality="CAN",
    )
)

SAMPLES: Final[dict[str, SimulatedCard]] = {
    "resident": RESIDENT,
    "leap-day": resident("110105200002290013", "赵样例", address="北京市朝阳区示例路2号"),
    "hainan": resident("442101198606150014", "王样例", address="海南省海口市示例路3号"),
    "chongqing": resident("510202197001010012", "张䶮", address="重庆市渝中区示例路4号"),
    "rare-name": resident("110105194912310038", "𬭎㛃·样例", nation="05"),
    "hong-kong": HMT,
    "macao": hmt("820000198108030025", "何样例", "M12345678"),
    "taiwan": hmt("830000198307150013", "林样例", "12345678"),
    "foreigner-2017": FOREIGNER_2017,
    "foreigner-2023": FOREIGNER_2023,
}
"""Cards for a demonstration, by the name under which they can be chosen."""
