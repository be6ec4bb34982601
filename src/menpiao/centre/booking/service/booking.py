"""The booking service: what is free, what it costs, an order, and looking it up again."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import asyncpg
import msgspec

from menpiao.centre.booking.service.kept import KeptOrder
from menpiao.centre.selling.service import Posted, Purchase, SellingService, Sold
from menpiao.domain.booking import SaleRequest, Visitor
from menpiao.domain.document import DocumentRefusal, DocumentType, parse_document
from menpiao.domain.masking import mask_name, mask_number
from menpiao.domain.order import OrderState
from menpiao.domain.product import Product
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.ticket import TicketState, parse_serial, serial_number
from menpiao.storage.crypto import Vault, keyed_hash
from menpiao.storage.database import orders
from menpiao.storage.database.catalogue import Catalogue, Snapshot
from menpiao.storage.ticket_codes import TicketCodes
from menpiao.wire.booking import (
    Booked,
    BookingRequest,
    DayAvailability,
    OrderView,
    QuoteLine,
    QuoteResult,
    SlotAvailability,
)

_TYPES = {kind.value: kind for kind in DocumentType}


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """What a page says of the site."""

    id: int
    code: str
    name: str
    name_en: str
    zone: str
    address: str
    address_en: str
    phone: str
    terms: str
    terms_en: str


class BookingService:
    """Internet booking for the installation's site."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        vault: Vault,
        catalogue: Catalogue,
        selling: SellingService,
        link_key: bytes,
        clock: Callable[[], datetime],
        codes: TicketCodes | None = None,
    ) -> None:
        """Stand on the data store and the selling core; ``link_key`` makes order links.

        Without ``codes`` tickets have none.
        """
        self._codes = codes
        self._pool = pool
        self._vault = vault
        self._catalogue = catalogue
        self._selling = selling
        self._link = keyed_hash(link_key)
        self._clock = clock
        self._site_id = 0

    async def site(self) -> SiteInfo:
        """The site of this installation."""
        site = (await self._catalogue.current()).default_site()
        names = (site.id, site.code, site.name, site.name_en, site.zone.key)
        where = (site.address, site.address_en, site.phone)
        return SiteInfo(*names, *where, site.terms, site.terms_en)

    async def products(self) -> list[Product]:
        """Products on sale, in the operator's order."""
        snapshot = await self._catalogue.current()
        site_id = snapshot.default_site().id
        return [p for p in snapshot.products.values() if p.on_sale and p.site_id == site_id]

    async def today(self) -> date:
        """Today at the site."""
        site = (await self._catalogue.current()).default_site()
        return self._clock().astimezone(site.zone).date()

    async def calendar(
        self, product_id: int, first: date, days: int
    ) -> list[DayAvailability] | Refusal:
        """Places of a product for so many days from ``first``."""
        snapshot = await self._catalogue.current()
        product = snapshot.products.get(product_id)
        if product is None:
            return Refusal(Reason.PRODUCT_UNKNOWN, field="product_id")
        sale_ends = product.sale_reaches(self._clock())
        last = await self.today() + timedelta(product.sale_days)
        if first > last:
            return []
        last = min(last, first + timedelta(days=days - 1))
        span = first, last
        rows = await orders.days(self._pool, product.site_id, product_id, span, sale_ends)
        return [
            DayAvailability(
                date=r["visit_date"],
                remaining=r["remaining"],
                capacity=r["capacity"],
                open=r["remaining"] > 0,
            )
            for r in rows
        ]

    async def slots(
        self, product_id: int, day: date, *, chosen: bool = False
    ) -> list[SlotAvailability] | Refusal:
        """The slots of a product on a day that can still be bought.

        ``chosen``: for somebody who has chosen one, those that have not ended; the sale says what
        has become of theirs.
        """
        snapshot = await self._catalogue.current()
        product = snapshot.products.get(product_id)
        if product is None:
            return Refusal(Reason.PRODUCT_UNKNOWN, field="product_id")
        now = self._clock()
        after = now if chosen else product.sale_reaches(now)
        rows = await orders.slots(self._pool, product.site_id, product_id, day, after)
        return [
            SlotAvailability(
                id=r["id"],
                starts_at=r["starts_at"],
                ends_at=r["ends_at"],
                remaining=r["remaining"],
                capacity=r["capacity"],
            )
            for r in rows
        ]

    async def quote(self, request: BookingRequest) -> QuoteResult | Refusal:
        """What a request would cost, by the same rules as its sale."""
        purchase = await self._purchase(request)
        if isinstance(purchase, Refusal):
            return purchase
        priced = await self._selling.price(purchase)
        if isinstance(priced, Refusal):
            return priced
        lines = []
        for draft in priced.drafts:
            visitor = purchase.request.visitors[draft.visitor_index]
            lines.append(
                QuoteLine(
                    name_masked=mask_name(visitor.name),
                    number_masked=mask_number(visitor.document.number),
                    people=draft.people,
                    price_fen=draft.price_fen,
                    list_price_fen=draft.list_price_fen,
                    reason_zh=draft.reason_zh,
                    reason_en=draft.reason_en,
                )
            )
        return QuoteResult(total_fen=priced.total_fen, lines=lines)

    async def book(self, request: BookingRequest) -> Booked | Refusal:
        """Sell what is asked, or say why not; the same token gives the same order."""
        purchase = await self._purchase(request)
        if isinstance(purchase, Refusal):
            return purchase
        return self._booked(await self._selling.sell(purchase), purchase.site_id)

    def post(self, request: BookingRequest) -> Posted | Refusal | None:
        """The same where all is at hand: the answer to come, told by :meth:`booked`.

        None: something must be looked up first, :meth:`book` does it.
        """
        snapshot = self._catalogue.at_hand()
        if snapshot is None:
            return None
        self._site_id = snapshot.default_site().id
        purchase = self._purchased(request, snapshot)
        return purchase if isinstance(purchase, Refusal) else self._selling.post(purchase)

    def booked(self, posted: Posted) -> Booked | Refusal:
        """What came of what was posted."""
        return self._booked(self._selling.outcome(posted), self._site_id)

    def _booked(self, sold: Sold | Refusal, site_id: int) -> Booked | Refusal:
        if isinstance(sold, Refusal):
            return sold
        return Booked(
            order_id=sold.order_id,
            order_no=serial_number(sold.order_id),
            secret=self.secret(site_id, sold.order_id),
            total_fen=sold.total_fen,
            state=sold.state,
            expires_at=sold.expires_at,
        )

    def secret(self, site_id: int, order_id: int) -> str:
        """The key of an order's page: only who bought it knows it."""
        return self._link(f"order:{site_id}:{order_id}".encode())[:12].hex()

    async def _purchase(self, request: BookingRequest) -> Purchase | Refusal:
        return self._purchased(request, await self._catalogue.current())

    def _purchased(self, request: BookingRequest, snapshot: Snapshot) -> Purchase | Refusal:
        site = snapshot.default_site()
        today = self._clock().astimezone(site.zone).date()
        visitors = []
        for index, given in enumerate(request.visitors):
            kind = _TYPES.get(given.document_type)
            if kind is None:
                field = f"visitors.{index}.document_type"
                return Refusal(Reason.DOCUMENT_TYPE_NOT_ACCEPTED, field=field)
            document = parse_document(kind, given.number, today)
            if isinstance(document, DocumentRefusal):
                fault = document.fault.value
                return Refusal(Reason.DOCUMENT_INVALID, fault, f"visitors.{index}.number")
            visitors.append(Visitor(document, given.name.strip(), given.people))
        sale = SaleRequest(
            request.product_id,
            request.slot_id,
            tuple(visitors),
            request.phone.replace(" ", ""),
            request.expected_fen,
        )
        return Purchase(site.id, f"web:{request.token}", "web", sale, language=request.language)

    async def order(self, order_no: str, secret: str) -> OrderView | None:
        """An order, for whoever has its number and its secret."""
        kept = await self.kept(order_no, secret)
        if kept is None:
            return None
        view = kept.view(self._clock())
        if self._codes is None or view.state != OrderState.PAID:
            return view
        snapshot = await self._catalogue.current()
        codes = [self._code(row, snapshot) for row in kept.tickets]
        tickets = [
            msgspec.structs.replace(ticket, code=code)
            for ticket, code in zip(view.tickets, codes, strict=True)
        ]
        return msgspec.structs.replace(view, tickets=tickets)

    def _code(self, row: asyncpg.Record, snapshot: Snapshot) -> str:
        """The code of a ticket; empty when it is good for nobody any more."""
        if self._codes is None or row["state"] != TicketState.VALID:
            return ""
        if row["closes_at"] <= self._clock():
            return ""
        site = snapshot.sites[row["site_id"]]
        return self._codes.write(site.id, row["id"], row["closes_at"].astimezone(site.zone).date())

    async def kept(self, order_no: str, secret: str) -> KeptOrder | None:
        """An order as the data store has it, for whoever has its number and its secret."""
        order_id = parse_serial(order_no)
        snapshot = await self._catalogue.current()
        site_id = snapshot.default_site().id
        if order_id is None or not secret.isascii():
            return None
        if not hmac.compare_digest(secret, self.secret(site_id, order_id)):
            return None
        found = await orders.order(self._pool, site_id, order_id)
        if found is None:
            return None
        product = snapshot.products[found.row["product_id"]]
        return KeptOrder(found.row, found.tickets, found.refunds, product)

    async def find(self, order_no: str, phone: str, last4: str) -> str | None:
        """The secret of an order, for who knows its number, telephone and a document's end."""
        order_id = parse_serial(order_no)
        if order_id is None:
            return None
        site_id = (await self._catalogue.current()).default_site().id
        found = await orders.order(self._pool, site_id, order_id)
        if found is None or found.row["phone_hash"] != self._vault.phone_hash(phone.strip()):
            return None
        for ticket in found.tickets:
            if ticket["holder_sealed"] is None:
                continue
            holder = orders.holder(self._vault, ticket)
            if hmac.compare_digest(holder["number"][-4:].encode(), last4.strip().upper().encode()):
                return self.secret(site_id, order_id)
        return None
