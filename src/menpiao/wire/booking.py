"""Messages between a booking page or partner (patent part 102) and the booking server (703)."""

from datetime import date, datetime
from typing import Annotated

import msgspec

from menpiao.wire.check import Message

Token = Annotated[str, msgspec.Meta(min_length=16, max_length=64, pattern=r"^[0-9A-Za-z_-]+\Z")]
Id = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


class Visitor(Message, frozen=True, kw_only=True):
    """A person with a document; ``people`` come in on it."""

    document_type: Annotated[str, msgspec.Meta(max_length=40)]
    number: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
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
    phone: Annotated[str, msgspec.Meta(max_length=20)]
    expected_fen: Annotated[int, msgspec.Meta(ge=0, le=2**40)] | None = None
    language: Annotated[str, msgspec.Meta(max_length=10)] = "zh-hans"


class Booked(Message, frozen=True, kw_only=True):
    """An order that exists. ``secret`` opens its page; keep it with the order number."""

    order_id: int
    order_no: str
    secret: str
    total_fen: int
    state: str
    expires_at: datetime | None


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
    starts_at: datetime
    ends_at: datetime
    remaining: int
    capacity: int


class DayAvailability(Message, frozen=True, kw_only=True):
    """A day and its places over all slots."""

    date: date
    remaining: int
    capacity: int
    open: bool


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


class OrderView(Message, frozen=True, kw_only=True):
    """An order as its buyer sees it."""

    order_no: str
    state: str
    total_fen: int
    created_at: datetime
    expires_at: datetime | None
    code_url: str | None
    product_name: str
    product_name_en: str
    visit_date: date
    starts_at: datetime
    ends_at: datetime
    tickets: list[OrderTicket]
