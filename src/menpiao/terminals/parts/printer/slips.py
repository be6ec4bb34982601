"""The slips of a site, as documents: what the patent puts on paper, and what a buyer keeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Final, Literal

from menpiao.terminals.parts.printer.base import Slip
from menpiao.terminals.parts.printer.templates import FOLDER, Template, load

Language = Literal["zh", "en"]

ADMISSION_FACTS: Final = frozenset(
    {"site", "status", "people", "ticket_number", "checked_at", "place", "holder"}
)
SALE_FACTS: Final = frozenset(
    {
        *("site", "order_number", "product", "visit", "slot", "people", "price"),
        *("holder", "sold_at", "counter", "code"),
    }
)
REFUND_FACTS: Final = frozenset(
    {
        *("site", "order_number", "refund_number", "product", "tickets", "people", "amount"),
        *("way", "holder", "refunded_at", "counter"),
    }
)
"""What a template may ask for."""

RefundWay = Literal["cash", "provider", "none"]
"""How money goes back: out of the drawer, to where it came from, or there is none."""
_WAYS: Final[dict[Language, dict[RefundWay, str]]] = {
    "zh": {"cash": "现金", "provider": "原路退回", "none": "无需退款"},
    "en": {"cash": "cash", "provider": "original payment", "none": "nothing to return"},
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


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """What a visitor keeps of tickets given back; `refunded_at` is in the site's own zone."""

    site: str
    order_number: str
    refund_number: str
    product: str
    tickets: int
    people: int
    amount_fen: int
    way: RefundWay
    refunded_at: datetime
    holder_masked: str = ""
    counter: str = ""


def admission_slip(
    facts: AdmissionFacts, language: Language = "zh", template: Template | None = None
) -> Slip:
    """The slip that comes out beside the opened barrier; `template` is the site's own."""
    return (template or _shipped("admission", language)).fill(
        {
            "site": facts.site,
            "status": facts.status,
            "people": str(facts.people),
            "ticket_number": facts.ticket_number,
            "checked_at": _moment(facts.checked_at),
            "place": facts.place,
            "holder": facts.holder_masked,
        }
    )


def sale_slip(
    facts: SaleFacts, language: Language = "zh", template: Template | None = None
) -> Slip:
    """The slip of a sale at the counter; `template` is the site's own."""
    return (template or _shipped("sale", language)).fill(
        {
            "site": facts.site,
            "order_number": facts.order_number,
            "product": facts.product,
            "visit": facts.visit_on.isoformat(),
            "slot": facts.slot,
            "people": str(facts.people),
            "price": yuan(facts.price_fen),
            "holder": facts.holder_masked,
            "sold_at": _moment(facts.sold_at),
            "counter": facts.counter,
            "code": facts.code,
        }
    )


def refund_slip(
    facts: RefundFacts, language: Language = "zh", template: Template | None = None
) -> Slip:
    """The slip of tickets given back at the counter; `template` is the site's own."""
    return (template or _shipped("refund", language)).fill(
        {
            "site": facts.site,
            "order_number": facts.order_number,
            "refund_number": facts.refund_number,
            "product": facts.product,
            "tickets": str(facts.tickets),
            "people": str(facts.people),
            "amount": yuan(facts.amount_fen),
            "way": _WAYS[language][facts.way],
            "holder": facts.holder_masked,
            "refunded_at": _moment(facts.refunded_at),
            "counter": facts.counter,
        }
    )


SHIPPED: Final = {"admission": ADMISSION_FACTS, "sale": SALE_FACTS, "refund": REFUND_FACTS}
"""The slips there are, with what each may ask for."""


@cache
def _shipped(name: str, language: Language) -> Template:
    return load(FOLDER / f"{name}.{language}.toml", SHIPPED[name])


def yuan(amount_fen: int) -> str:
    """An amount as people read it: ￥80.00, -￥0.05."""
    sign = "-" if amount_fen < 0 else ""
    whole, part = divmod(abs(amount_fen), 100)
    return f"{sign}￥{whole}.{part:02d}"


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")
