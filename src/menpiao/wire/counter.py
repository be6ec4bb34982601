"""Messages between the clerk's page (patent part 101) and the counter sales server (702)."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from menpiao.wire.booking import Id, SerialNumber, Token
from menpiao.wire.check import Message

Means = Literal["cash", "qr", "code"]
"""Money in the drawer · a code we show · the code that the visitor shows."""
AuthCode = Annotated[str, msgspec.Meta(pattern=r"^(1[0-5][0-9]{16})?\Z")]


class CounterVisitor(Message, frozen=True, kw_only=True):
    """A person with a document; ``people`` come in on it.

    ``evidence_seen``: the clerk has seen the paper of a concession.
    """

    document_type: Annotated[str, msgspec.Meta(max_length=40)]
    number: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    people: Annotated[int, msgspec.Meta(ge=1, le=500)] = 1
    evidence_seen: bool = False

    def __repr__(self) -> str:
        """Never the number or the name."""
        return f"CounterVisitor({self.document_type!r})"


class QuoteAsked(Message, frozen=True, kw_only=True):
    """What would this cost?"""

    product_id: Id
    slot_id: Id
    visitors: Annotated[list[CounterVisitor], msgspec.Meta(min_length=1, max_length=50)]


class SaleAsked(QuoteAsked, frozen=True, kw_only=True):
    """Sell this. ``token``: one a sale, chosen by the page; again gives the same order.

    ``expected_fen``: the total that the visitor was told. ``auth_code``: for the means ``code``.
    """

    token: Token
    means: Means
    expected_fen: Annotated[int, msgspec.Meta(ge=0, le=2**40)]
    auth_code: AuthCode = ""
    phone: Annotated[str, msgspec.Meta(max_length=20)] = ""
    language: Annotated[str, msgspec.Meta(max_length=10)] = "zh-hans"

    def __repr__(self) -> str:
        """Never the visitors, the telephone or the payment code."""
        return f"SaleAsked({self.means!r})"


class Paper(Message, frozen=True, kw_only=True):
    """A paper with which this visitor would pay less."""

    name: str
    name_en: str
    price_fen: int


class CounterLine(Message, frozen=True, kw_only=True):
    """The price of one document's ticket, why, and the papers that would make it less."""

    people: int
    price_fen: int
    list_price_fen: int
    reason_zh: str
    reason_en: str
    papers: list[Paper]


class CounterQuote(Message, frozen=True, kw_only=True):
    """What a sale would cost."""

    total_fen: int
    lines: list[CounterLine]


class CounterSlot(Message, frozen=True, kw_only=True):
    """A slot and its places; ``span`` is in the site's own time: ``09:00-12:00``."""

    id: int
    span: str
    remaining: int


class CounterProduct(Message, frozen=True, kw_only=True):
    """What can be sold at the counter on a day."""

    id: int
    name: str
    name_en: str
    price_fen: int
    people_per_order: int
    people_per_document: int
    document_types: list[str]
    slots: list[CounterSlot]


class Offer(Message, frozen=True, kw_only=True):
    """A day at the counter: products with places, and the means of payment there are."""

    day: date
    today: date
    means: list[Means]
    products: list[CounterProduct]


class CounterOrder(Message, frozen=True, kw_only=True):
    """An order as the clerk sees it. ``code_svg``: the code to show, as a picture; empty: none."""

    order_no: str
    state: str
    means: str
    total_fen: int
    people: int
    created_at: datetime
    expires_at: datetime | None
    product: str
    product_en: str
    visit_date: date
    span: str
    holders: list[str]
    code_svg: str = ""
    trouble: str = ""
    """Why a payment did not work, in the provider's own code."""


class FindAsked(Message, frozen=True, kw_only=True):
    """Which orders? By one of: the order's number, a document, the end of a telephone and a day.

    It is a body and no address: neither a document nor a telephone belongs into one.
    """

    order_no: Annotated[str, msgspec.Meta(max_length=24)] = ""
    document_type: Annotated[str, msgspec.Meta(max_length=40)] = ""
    number: Annotated[str, msgspec.Meta(max_length=64)] = ""
    phone_end: Annotated[str, msgspec.Meta(max_length=20, pattern=r"^([0-9]{4,20})?\Z")] = ""
    day: date | None = None
    """The day of the visit; None: today at the site."""

    def __repr__(self) -> str:
        """Never the number or the telephone."""
        return "FindAsked()"


class FoundOrders(Message, frozen=True, kw_only=True):
    """Orders that a search has found, the latest first."""

    orders: list[CounterOrder]


class ReturnTicket(Message, frozen=True, kw_only=True):
    """A ticket as the window may give it back. ``refund_fen`` None: not, for the reason told."""

    ticket_no: str
    holder: str
    people: int
    used: int
    state: str
    price_fen: int
    reason_zh: str
    reason_en: str
    refund_fen: int | None
    refused: str = ""
    """A code of the reason table, with its texts."""
    refused_zh: str = ""
    refused_en: str = ""


class ReturnStep(Message, frozen=True, kw_only=True):
    """A step of the rule. ``until`` is in the site's own time: ``2026-10-01 18:00``."""

    until: str
    percent: int
    now: bool
    """Whether it is the step that counts at this moment."""


class ReturnMade(Message, frozen=True, kw_only=True):
    """A refund of an order. ``here``: given at a window, so that it has a slip.

    ``state``: a refund's own, and ``replaced``: closed, and another one has followed it.
    """

    refund_no: str
    amount_fen: int
    state: str
    created_at: datetime
    tickets: list[str]
    here: bool
    trouble: str = ""


class ReturnView(Message, frozen=True, kw_only=True):
    """An order as it is given back: its tickets, its rule, and what went back already.

    ``refund``: the one that this asking has begun, or has begun before.
    """

    order: CounterOrder
    tickets: list[ReturnTicket]
    rule: list[ReturnStep]
    refunds: list[ReturnMade]
    refund: ReturnMade | None = None


class ReturnQuoteAsked(Message, frozen=True, kw_only=True):
    """What would go back for these tickets?"""

    tickets: Annotated[list[SerialNumber], msgspec.Meta(min_length=1, max_length=50)]


class ReturnQuote(Message, frozen=True, kw_only=True):
    """What would go back now."""

    refund_fen: int


class ReturnAsked(ReturnQuoteAsked, frozen=True, kw_only=True):
    """Give these tickets back. ``token``: one a press; again gives the same refund.

    ``expected_fen``: the sum that the visitor was told; another one is refused.
    """

    token: Token
    expected_fen: Annotated[int, msgspec.Meta(ge=0, le=2**40)]


class SlipLines(Message, frozen=True, kw_only=True):
    """A slip as the agent prints it, and as text for a page that has no agent."""

    lines: list[dict[str, str | int | bool]]


class MeansSum(Message, frozen=True, kw_only=True):
    """What one means of payment has brought, and what the clerk gave back by it."""

    means: str
    orders: int
    people: int
    paid_fen: int
    refunded_fen: int


class OwnSales(Message, frozen=True, kw_only=True):
    """A clerk's day: sums by means, cash that should be in the drawer, the latest orders."""

    day: date
    drawer_fen: int
    sums: list[MeansSum]
    latest: list[CounterOrder]
