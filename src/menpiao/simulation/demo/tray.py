"""The tray of cards on the bench: people who do not exist, and whoever just booked in the demo."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Final

from menpiao.compose.standing import Holder
from menpiao.domain.document import resident_number
from menpiao.domain.document_resident import check_character
from menpiao.domain.masking import mask_name
from menpiao.simulation.cards import SimulatedCard, build_text, hmt, resident
from menpiao.simulation.demo.booking import Traveller
from menpiao.simulation.demo.people import make_person

_KINDS: Final = {
    "resident_card": ("居民身份证", "Resident card"),
    "hmt_residence_permit": ("港澳台居民居住证", "HMT residence permit"),
    "foreigner_permanent_card": ("外国人永久居留身份证", "Foreigner's residence card"),
}


@dataclass(frozen=True, slots=True)
class TrayCard:
    """A card to lay. ``key`` names it on the page; no number ever goes there."""

    key: str
    zh: str
    en: str
    kind_zh: str
    kind_en: str
    name: str
    card: SimulatedCard = field(repr=False)
    traveller: Traveller | None = None


def make_tray(chance: Random, today: date) -> list[TrayCard]:
    """A family, two permits and a card that was forged badly."""
    tray = []
    for key, zh, en, first, last in (
        ("adult", "成人", "Adult", 28, 45),
        ("child", "儿童", "Child", 3, 5),
        ("elder", "老人", "Elder", 66, 78),
    ):
        person = make_person(chance, today, first, last)
        tray.append(_tray_card(key, zh, en, "resident_card", person.number, person.name))
    born = date(1975 + chance.randrange(25), 1 + chance.randrange(12), 1 + chance.randrange(28))
    sequence = chance.randrange(1, 999)
    foreigner = resident_number("931840", born, sequence)
    tray.append(
        _tray_card(
            "foreigner",
            "外国人",
            "Foreigner",
            "foreigner_permanent_card",
            foreigner,
            "SAMPLE, ANNA",
        )
    )
    permit = resident_number("810000", born, sequence)
    tray.append(
        _tray_card("hmt", "港澳居民", "Hong Kong", "hmt_residence_permit", permit, "陈样例")
    )
    wrong = _misprinted(resident_number("330106", born, sequence))
    tray.append(
        _tray_card("invalid", "号码有误", "Forged number", "resident_card", wrong, "伪样例")
    )
    return tray


def _misprinted(number: str) -> str:
    """The number with a check character that does not fit."""
    right = check_character(number[:17])
    return number[:17] + ("1" if right != "1" else "2")


def booked_cards(holders: Sequence[Holder]) -> list[TrayCard]:
    """The cards of those who booked; documents that no card reader reads are left out."""
    return [
        _tray_card(f"t{h.ticket_id}", "刚预订", "Just booked", h.document_type, h.number, h.name)
        for h in holders
        if h.document_type in _KINDS
    ]


def _tray_card(key: str, zh: str, en: str, kind: str, number: str, name: str) -> TrayCard:
    kind_zh, kind_en = _KINDS[kind]
    traveller = Traveller(kind, number, name) if key != "invalid" else None
    return TrayCard(
        key, zh, en, kind_zh, kind_en, mask_name(name), _card(kind, number, name), traveller
    )


def _card(kind: str, number: str, name: str) -> SimulatedCard:
    if kind == "hmt_residence_permit":
        return hmt(number, name, "H12345678")
    if kind == "foreigner_permanent_card":
        return SimulatedCard(
            build_text(
                "foreigner_2023",
                sex="2",
                renewal="01",
                birth=number[6:14],
                name=name,
                number=number,
                valid_from="20240115",
                valid_until="20340114",
                nationality="USA",
            )
        )
    return resident(number, name, address="示例地址", issuer="示例公安局")
