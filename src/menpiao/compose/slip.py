"""The slip of a counter sale: from what the server knows to what a clerk's agent prints."""

from dataclasses import asdict
from typing import Any

from menpiao.centre.counter.service import SaleSlip
from menpiao.terminals.parts.printer.base import Cut, Feed, QrCode, Rule, SlipLine, Text
from menpiao.terminals.parts.printer.slips import SaleFacts, sale_slip

_KINDS: dict[type, str] = {Text: "text", Rule: "rule", QrCode: "qr", Feed: "feed", Cut: "cut"}


def sale_lines(facts: SaleSlip) -> list[dict[str, Any]]:
    """The lines of a slip, as ``terminals.counter.messages`` has them."""
    slip = sale_slip(
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
    return [_line(line) for line in slip.lines]


def _line(line: SlipLine) -> dict[str, Any]:
    return {"line": _KINDS[type(line)], **asdict(line)}
