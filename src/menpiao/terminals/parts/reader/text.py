"""The 256-byte text block of a card chip: where each kind of card keeps what.

The block is UTF-16LE, padded with spaces, and is cut by offset alone: an address may fill its
field to the last character and a name may contain spaces. The layouts of the foreigners' cards
come from few sources, so all layouts are data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from menpiao.terminals.parts.reader.base import LONG_TERM, CardKind, CardRead

TEXT_BYTES: Final = 256
Span = tuple[int, int]
"""Offset and length in bytes."""
_KIND_SPAN: Final[Span] = (248, 2)

KIND_LETTERS: Final[dict[str, CardKind]] = {
    "": "resident",
    "J": "hmt",
    "I": "foreigner_2017",
    "Y": "foreigner_2023",
}
"""The character at offset 248; blank, and every letter not listed, is a resident card."""

_EIGHTEEN: Final[dict[str, tuple[Span, ...]]] = {
    "sex": ((30, 2),),
    "birth": ((36, 16),),
    "number": ((122, 36),),
    "valid_from": ((188, 16),),
    "valid_until": ((204, 16),),
    "kind": (_KIND_SPAN,),
}

LAYOUTS: Final[dict[CardKind, MappingProxyType[str, tuple[Span, ...]]]] = {
    "resident": MappingProxyType(
        _EIGHTEEN
        | {
            "name": ((0, 30),),
            "nation": ((32, 4),),
            "address": ((52, 70),),
            "issuer": ((158, 30),),
        }
    ),
    "hmt": MappingProxyType(
        _EIGHTEEN
        | {
            "name": ((0, 30),),
            "address": ((52, 70),),
            "issuer": ((158, 30),),
            "pass_number": ((220, 18),),
            "issue_count": ((238, 4),),
        }
    ),
    "foreigner_2017": MappingProxyType(
        {
            "name": ((0, 120),),
            "sex": ((120, 2),),
            "number": ((122, 30),),
            "nationality": ((152, 6),),
            "chinese_name": ((158, 30),),
            "valid_from": ((188, 16),),
            "valid_until": ((204, 16),),
            "birth": ((220, 16),),
            "version": ((236, 4),),
            "authority": ((240, 8),),
            "kind": (_KIND_SPAN,),
        }
    ),
    "foreigner_2023": MappingProxyType(
        _EIGHTEEN
        | {
            "chinese_name": ((0, 30),),
            "renewal": ((32, 4),),
            "name": ((52, 70), (220, 22)),
            "nationality": ((242, 6),),
            "previous_link": ((250, 6),),
        }
    ),
}
"""Card kind to field to the spans that hold it, in reading order. `name` is the name in the
holder's own passport or card.
"""

_NUMBER: Final[dict[CardKind, re.Pattern[str]]] = {
    "resident": re.compile(r"[0-9]{17}[0-9X]", re.ASCII),
    "hmt": re.compile(r"[0-9]{17}[0-9X]", re.ASCII),
    "foreigner_2017": re.compile(r"[A-Z]{3}[0-9]{12}", re.ASCII),
    "foreigner_2023": re.compile(r"[0-9]{17}[0-9X]", re.ASCII),
}
_FINGERPRINTS: Final = (b"\x04\x00", b"\x00\x00")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DATE: Final = re.compile(r"[0-9]{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CardText:
    """What a text block says.

    `well_formed` is whether the number has the shape of its kind; `unknown_letter` is a card kind
    letter that is in no table (the block was then read as a resident's).
    """

    card: CardRead
    well_formed: bool
    unknown_letter: str = ""


def read_text(block: bytes) -> CardText:
    """Cut a text block. Never raises on its content; `block` has exactly `TEXT_BYTES` bytes."""
    letter = _cut(block, (_KIND_SPAN,))
    kind = KIND_LETTERS.get(letter, "resident")
    layout = LAYOUTS[kind]

    def field(name: str) -> str:
        return _cut(block, layout[name]) if name in layout else ""

    number = field("number").upper()
    card = CardRead(
        kind=kind,
        number=number,
        name=field("name") or field("chinese_name"),
        sex=field("sex"),
        birth=_iso_date(field("birth")),
        valid_until=LONG_TERM
        if field("valid_until") == LONG_TERM
        else _iso_date(field("valid_until")),
        nationality=field("nationality") or None,
        pass_number=field("pass_number") or None,
    )
    return CardText(
        card=card,
        well_formed=_NUMBER[kind].fullmatch(number) is not None,
        unknown_letter="" if letter in KIND_LETTERS else letter,
    )


def text_ahead(data: bytes) -> bytes | None:
    """The text block of an answer of which only the beginning has arrived."""
    for head in (4, 6):
        if data[:2] == TEXT_BYTES.to_bytes(2, "big") and len(data) >= head + TEXT_BYTES:
            plausible = data[2:4] == b"\x04\x00" and (head == 4 or data[4:6] in _FINGERPRINTS)
            if plausible and (head == 6 or data[4:6] not in _FINGERPRINTS):
                return data[head : head + TEXT_BYTES]
    return None


def photo_of_payload(data: bytes) -> bytes:
    """The photo's blob in an answer in which `text_of_payload` found the text."""
    head = 6 if len(data) != 4 + TEXT_BYTES + int.from_bytes(data[2:4], "big") else 4
    start = head + TEXT_BYTES
    return data[start : start + int.from_bytes(data[2:4], "big")]


def text_of_payload(data: bytes) -> bytes | None:
    """The text block inside the answer to "read text and photo", found by the lengths it states.

    None if they do not add up.

    The longer answer with a fingerprint is understood too: some modules give it although it was
    not asked for.
    """
    for length_fields in (2, 3):
        head = 2 * length_fields
        lengths = [int.from_bytes(data[at : at + 2], "big") for at in range(0, head, 2)]
        if lengths[0] == TEXT_BYTES and head + sum(lengths) == len(data):
            return data[head : head + TEXT_BYTES]
    return None


def _cut(block: bytes, spans: tuple[Span, ...]) -> str:
    raw = b"".join(block[offset : offset + length] for offset, length in spans)
    text = raw.decode("utf-16-le", "replace")
    return _CONTROL.sub("", text.rstrip(" \0")).strip()


def _iso_date(text: str) -> str | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:])).isoformat()
    except ValueError:
        return None
