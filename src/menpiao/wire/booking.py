"""Messages between a booking page or partner (patent part 102) and the booking server (703)."""

from datetime import date
from typing import Annotated

import msgspec

from menpiao.domain.document_types import DocumentType
from menpiao.wire.check import NO_CONTROLS, Instant, Message

Token = Annotated[str, msgspec.Meta(min_length=16, max_length=64, pattern=r"^[0-9A-Za-z_-]+\Z")]
Id = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]

SerialNumber = Annotated[
    str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[0-9-]+\Z", examples=["1000-0017"])
]


class ProductPath(Message, frozen=True, kw_only=True):
    """Which product."""

    product_id: Id


class DaysQuery(Message, frozen=True, kw_only=True):
    """Which days: so many from a first one."""

    first: date = msgspec.field(name="from")
    days: Annotated[int, msgspec.Meta(ge=1, le=62)] = 31


class SlotsQuery(Message, frozen=True, kw_only=True):
    """Which day."""

    day: date = msgspec.field(name="date")


class OrderPath(Message, frozen=True, kw_only=True):
    """Which order."""

    order_no: SerialNumber


class OrderSecret(Message, frozen=True, kw_only=True):
    """What opens an order: told to its buyer alone when it was booked."""

    secret: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{24}\Z")] = msgspec.field(
        name="x-order-secret"
    )


class Visitor(Message, frozen=True, kw_only=True):
    """A person with a document; ``people`` come in on it."""

    document_type: Annotated[
        str, msgspec.Meta(max_length=40, pattern=NO_CONTROLS, examples=[*DocumentType])
    ]
    number: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=NO_CONTROLS)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=NO_CONTROLS)]
    people: Annotated[int, msgspec.Meta(ge=1, le=500)] = 1

    def __repr__(self) -> str:
        """Never the number or the name."""
        return f"Visitor({self.document_type!r})"


class BookingRequest(Message, frozen=True, kw_only=True):
    """Book a slot. ``token``: chosen by the asker; the same token gives the same order."""

    token: Token
    product_id: Id
    slot_id: Id
    visitors: Annotated[list[Visitor], msgspec.Meta(min_length=1, max_length=50)]
    phone: Annotated[str, msgspec.Meta(max_length=20, pattern=NO_CONTROLS)]
    expected_fen: Annotated[int, msgspec.Meta(ge=0, le=2**40)] | None = None
    language: Annotated[str, msgspec.Meta(max_length=10, pattern=r"^[0-9A-Za-z-]*\Z")] = "zh-hans"


class Booked(Message, frozen=True, kw_only=True):
    """An order that exists. ``secret`` opens its page; keep it with the order number."""

    order_id: int
    order_no: str
    secret: str
    total_fen: int
    state: str
    expires_at: Instant | None


class QuoteLine(Message, frozen=True, kw_only=True):
    """The price of one document's ticket, and why."""

    name_masked: str
    number_masked: str
    people: int
    price_fen: int
    list_price_fen: int
    reason_zh: str
    reason_en: str


class QuoteResult(Message, frozen=True, kw_only=True):
    """What a request would cost."""

    total_fen: int
    lines: list[QuoteLine]


class SlotAvailability(Message, frozen=True, kw_only=True):
    """A slot and its places."""

    id: int
    starts_at: Instant
    ends_at: Instant
    remaining: int
    capacity: int


class DayAvailability(Message, frozen=True, kw_only=True):
    """A day and its places over all slots."""

    date: date
    remaining: int
    capacity: int
    open: bool


class CancelAsked(Message, frozen=True, kw_only=True):
    """Give tickets back: these numbers, or none named: the whole order.

    ``expected_fen``: the refund that the visitor was shown; another one is refused.
    """

    tickets: Annotated[list[SerialNumber], msgspec.Meta(max_length=50)] = msgspec.field(
        default_factory=list
    )
    expected_fen: Annotated[int, msgspec.Meta(ge=0, le=2**40)] | None = None


class RefundQuote(Message, frozen=True, kw_only=True):
    """What would go back now for tickets, to where it came from."""

    refund_fen: int


class RefundUntil(Message, frozen=True, kw_only=True):
    """A step of a refund rule: this share of the price goes back until then."""

    until: Instant
    percent: int


class OrderRefund(Message, frozen=True, kw_only=True):
    """Money of an order that goes back, or is back."""

    amount_fen: int
    state: str
    created_at: Instant


class OrderTicket(Message, frozen=True, kw_only=True):
    """A ticket of an order, without personal data in the clear."""

    ticket_no: str
    holder_masked: str
    people: int
    used: int
    price_fen: int
    state: str
    reason_zh: str
    reason_en: str
    refund_fen: int | None
    """What would go back for this ticket now; null: it cannot be given back."""
    code: str = ""
    """What a lane's scanner takes instead of the document, while the ticket is good for it."""


class OrderView(Message, frozen=True, kw_only=True):
    """An order as its buyer sees it."""

    order_no: str
    state: str
    total_fen: int
    created_at: Instant
    expires_at: Instant | None
    code_url: str | None
    product_name: str
    product_name_en: str
    visit_date: date
    starts_at: Instant
    ends_at: Instant
    tickets: list[OrderTicket]
    cancellable: bool
    """Whether its buyer may give the order, or a ticket of it, back now."""
    refunds: list[OrderRefund]
    refund_rule: list[RefundUntil]
    """What goes back until when, the earliest first; empty: nothing ever does."""
