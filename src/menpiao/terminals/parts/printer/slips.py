"""The two slips of a site, as documents: what the patent puts on paper, and what a buyer keeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from menpiao.terminals.parts.printer.base import (
    Align,
    Cut,
    Feed,
    QrCode,
    Rule,
    Slip,
    SlipLine,
    Text,
)

Language = Literal["zh", "en"]

_LABELS: Final[dict[str, dict[Language, str]]] = {
    "admission": {"zh": "检票凭条", "en": "Admission slip"},
    "status": {"zh": "票务状态", "en": "Ticket"},
    "people": {"zh": "人数", "en": "People"},
    "ticket_number": {"zh": "票号", "en": "Ticket no."},
    "checked_at": {"zh": "检票时间", "en": "Checked at"},
    "place": {"zh": "检票地点", "en": "Checked by"},
    "holder": {"zh": "持票人", "en": "Holder"},
    "sale": {"zh": "购票凭证", "en": "Sales slip"},
    "order_number": {"zh": "订单号", "en": "Order no."},
    "product": {"zh": "票种", "en": "Ticket type"},
    "visit": {"zh": "游览日期", "en": "Visit"},
    "slot": {"zh": "入园时段", "en": "Time slot"},
    "price": {"zh": "金额", "en": "Total"},
    "sold_at": {"zh": "售票时间", "en": "Sold at"},
    "counter": {"zh": "售票点", "en": "Counter"},
    "card_is_ticket": {
        "zh": "请持身份证原件直接刷证入园",
        "en": "Your ID card is your ticket: tap it at the gate",
    },
}


@dataclass(frozen=True, slots=True)
class AdmissionFacts:
    """The five facts of the check, with the site and the masked holder.

    `checked_at` is in the site's own zone. `status` is the display text of the answer.
    """

    site: str
    status: str
    people: int
    ticket_number: str
    checked_at: datetime
    place: str
    holder_masked: str = ""


@dataclass(frozen=True, slots=True)
class SaleFacts:
    """What a buyer at the counter takes along.

    `sold_at` is in the site's own zone. `code` is the payload of the QR code for visitors who
    have no card to tap; "" for none.
    """

    site: str
    order_number: str
    product: str
    visit_on: date
    people: int
    price_fen: int
    sold_at: datetime
    slot: str = ""
    holder_masked: str = ""
    counter: str = ""
    code: str = ""


def admission_slip(facts: AdmissionFacts, language: Language = "zh") -> Slip:
    """The slip that comes out beside the opened barrier."""
    rows = [
        ("people", str(facts.people)),
        ("ticket_number", facts.ticket_number),
        ("checked_at", _moment(facts.checked_at)),
        ("place", facts.place),
        ("holder", facts.holder_masked),
    ]
    return Slip(
        (
            *_heading(facts.site, "admission", language),
            Text(facts.status, size=2, bold=True, align=Align.CENTRE),
            Feed(1),
            *_rows(rows, language),
            Rule(),
            Cut(),
        )
    )


def sale_slip(facts: SaleFacts, language: Language = "zh") -> Slip:
    """The slip of a sale at the counter."""
    rows = [
        ("order_number", facts.order_number),
        ("product", facts.product),
        ("visit", facts.visit_on.isoformat()),
        ("slot", facts.slot),
        ("people", str(facts.people)),
        ("price", yuan(facts.price_fen)),
        ("holder", facts.holder_masked),
        ("sold_at", _moment(facts.sold_at)),
        ("counter", facts.counter),
    ]
    code: tuple[SlipLine, ...] = (QrCode(facts.code),) if facts.code else ()
    return Slip(
        (
            *_heading(facts.site, "sale", language),
            *_rows(rows, language),
            Rule(),
            *code,
            Text(_LABELS["card_is_ticket"][language], align=Align.CENTRE),
            Cut(),
        )
    )


def yuan(amount_fen: int) -> str:
    """An amount as people read it: ￥80.00, -￥0.05."""
    sign = "-" if amount_fen < 0 else ""
    whole, part = divmod(abs(amount_fen), 100)
    return f"{sign}￥{whole}.{part:02d}"


def _heading(site: str, title: str, language: Language) -> tuple[SlipLine, ...]:
    return (
        Text(site, size=2, align=Align.CENTRE),
        Text(_LABELS[title][language], bold=True, align=Align.CENTRE),
        Rule(),
    )


def _rows(rows: list[tuple[str, str]], language: Language) -> list[SlipLine]:
    colon = "：" if language == "zh" else ": "
    return [Text(f"{_LABELS[label][language]}{colon}{value}") for label, value in rows if value]


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")
