"""The slips of a counter: from what the server knows to what a clerk's agent prints."""

from dataclasses import asdict
from typing import Any

from menpiao.centre.counter.service import RefundSlip, SaleSlip
from menpiao.terminals.parts.printer.base import Cut, Feed, QrCode, Rule, Slip, SlipLine, Text
from menpiao.terminals.parts.printer.slips import (
    RefundFacts,
    RefundWay,
    SaleFacts,
    refund_slip,
    sale_slip,
)

_KINDS: dict[type, str] = {Text: "text", Rule: "rule", QrCode: "qr", Feed: "feed", Cut: "cut"}


def slip_lines(facts: SaleSlip | RefundSlip) -> list[dict[str, Any]]:
    """The lines of a slip, as ``terminals.counter.messages`` has them."""
    slip = _refund(facts) if isinstance(facts, RefundSlip) else _sale(facts)
    return [_line(line) for line in slip.lines]


def _sale(facts: SaleSlip) -> Slip:
    return sale_slip(
        SaleFacts(
            site=facts.site,
            order_number=facts.order_number,
            product=facts.product,
            visit_on=facts.visit_on,
            people=facts.people,
            price_fen=facts.price_fen,
            sold_at=facts.sold_at,
            slot=facts.slot,
            holder_masked=facts.holder_masked,
            counter=facts.counter,
        ),
        "en" if facts.english else "zh",
    )


def _refund(facts: RefundSlip) -> Slip:
    return refund_slip(
        RefundFacts(
            site=facts.site,
            order_number=facts.order_number,
            refund_number=facts.refund_number,
            product=facts.product,
            tickets=facts.tickets,
            people=facts.people,
            amount_fen=facts.amount_fen,
            way=_way(facts),
            refunded_at=facts.refunded_at,
            holder_masked=facts.holder_masked,
            counter=facts.counter,
        ),
        "en" if facts.english else "zh",
    )


def _way(facts: RefundSlip) -> RefundWay:
    if not facts.amount_fen:
        return "none"
    return "cash" if facts.means == "cash" else "provider"


def _line(line: SlipLine) -> dict[str, Any]:
    return {"line": _KINDS[type(line)], **asdict(line)}
