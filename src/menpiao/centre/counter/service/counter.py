"""Sales by clerks over the one selling core, and a clerk's day."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import asyncpg

from menpiao.centre.counter.service.desk import Clerk, means_of, order_of, span_of
from menpiao.centre.selling.service import Purchase, SellingService
from menpiao.domain.booking import Priced, SaleRequest, TicketDraft, Visitor
from menpiao.domain.document import DocumentRefusal, DocumentType, parse_document
from menpiao.domain.product import Product
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.ticket import parse_serial, serial_number
from menpiao.storage.database import counter, orders, payments
from menpiao.storage.database.catalogue import Catalogue
from menpiao.storage.database.ids import IdBlocks
from menpiao.wire.counter import (
    CounterLine,
    CounterOrder,
    CounterProduct,
    CounterQuote,
    CounterSlot,
    CounterVisitor,
    Means,
    MeansSum,
    Offer,
    OwnSales,
    Paper,
    QuoteAsked,
    SaleAsked,
)

_LATEST = 20
_TYPES = {kind.value: kind for kind in DocumentType}


@dataclass(frozen=True, slots=True)
class SaleSlip:
    """What stands on the slip of a sale; ``sold_at`` is in the site's own zone."""

    site: str
    order_number: str
    product: str
    visit_on: date
    slot: str
    people: int
    price_fen: int
    sold_at: datetime
    holder_masked: str
    counter: str
    english: bool


class CounterService:
    """Server 702: sales by clerks (patent part 702)."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        catalogue: Catalogue,
        selling: SellingService,
        ids: IdBlocks,
        providers: Collection[str],
        clock: Callable[[], datetime],
    ) -> None:
        """Stand on the data store and the selling core; ``providers``: who can be paid through."""
        self._pool = pool
        self._catalogue = catalogue
        self._selling = selling
        self._ids = ids
        self._means: list[Means] = ["cash"]
        if "wechat" in providers:
            self._means += ["qr", "code"]
        self._clock = clock

    def now(self) -> datetime:
        """The time by which tickets of this server are judged."""
        return self._clock()

    async def offer(self, clerk: Clerk, day: date | None) -> Offer:
        """What can be sold for a day; None: today at the site."""
        snapshot = await self._catalogue.current()
        site, now = snapshot.sites[clerk.site_id], self._clock()
        today = now.astimezone(site.zone).date()
        day = day or today
        found = []
        for product in snapshot.products.values():
            if not product.on_sale or product.site_id != site.id:
                continue
            after = product.sale_reaches(now)
            rows = await orders.slots(self._pool, site.id, product.id, day, after)
            slots = [
                CounterSlot(
                    id=r["id"],
                    span=span_of(site, r["starts_at"], r["ends_at"]),
                    remaining=r["remaining"],
                )
                for r in rows
            ]
            found.append(_offered(product, slots))
        return Offer(day=day, today=today, means=self._means, products=found)

    async def quote(self, clerk: Clerk, asked: QuoteAsked) -> CounterQuote | Refusal:
        """What a sale would cost, by the rules of its sale; and which papers would help."""
        request = await self._request(clerk, asked)
        if isinstance(request, Refusal):
            return request
        priced = await self._price(clerk, request)
        if isinstance(priced, Refusal):
            return priced
        seen = request._replace(
            visitors=tuple(v._replace(evidence_seen=True) for v in request.visitors)
        )
        best = await self._price(clerk, seen)
        if isinstance(best, Refusal):
            return best
        product = (await self._catalogue.current()).products[request.product_id]
        lines = [
            CounterLine(
                people=draft.people,
                price_fen=draft.price_fen,
                list_price_fen=draft.list_price_fen,
                reason_zh=draft.reason_zh,
                reason_en=draft.reason_en,
                papers=_papers(product, draft, other),
            )
            for draft, other in zip(priced.drafts, best.drafts, strict=True)
        ]
        return CounterQuote(total_fen=priced.total_fen, lines=lines)

    async def _price(self, clerk: Clerk, request: SaleRequest) -> Priced | Refusal:
        return await self._selling.price(Purchase(clerk.site_id, "", "counter", request))

    async def sell(self, clerk: Clerk, asked: SaleAsked) -> CounterOrder | Refusal:
        """Sell, or say why not. Cash is paid in the same transaction; the same token sells once."""
        if asked.means not in self._means:
            return Refusal(Reason.PAYMENT_REFUSED, asked.means, "means")
        if (asked.means == "code") != bool(asked.auth_code):
            return Refusal(Reason.BAD_REQUEST, field="auth_code")
        request = await self._request(clerk, asked)
        if isinstance(request, Refusal):
            return request
        purchase = Purchase(
            clerk.site_id,
            f"counter:{asked.token}",
            "counter",
            request._replace(phone=asked.phone.replace(" ", ""), expected_fen=asked.expected_fen),
            provider="cash" if asked.means == "cash" else "wechat",
            language=asked.language,
            staff_id=clerk.staff_id,
            auth_code=asked.auth_code,
        )
        sold = await self._selling.sell(purchase)
        if isinstance(sold, Refusal):
            return sold
        order = await self.order(clerk, serial_number(sold.order_id))
        return order or Refusal(Reason.BUSY)

    async def _request(self, clerk: Clerk, asked: QuoteAsked) -> SaleRequest | Refusal:
        site = (await self._catalogue.current()).sites[clerk.site_id]
        today = self._clock().astimezone(site.zone).date()
        visitors = []
        for index, given in enumerate(asked.visitors):
            visitor = _visitor(given, index, today)
            if isinstance(visitor, Refusal):
                return visitor
            visitors.append(visitor)
        return SaleRequest(asked.product_id, asked.slot_id, tuple(visitors))

    async def order(self, clerk: Clerk, order_no: str) -> CounterOrder | None:
        """An order of the clerk's site, whoever sold it and however."""
        row = await self._row(clerk, order_no)
        return None if row is None else order_of(row, await self._catalogue.current())

    async def _row(self, clerk: Clerk, order_no: str) -> asyncpg.Record | None:
        order_id = parse_serial(order_no)
        if order_id is None:
            return None
        return await counter.order(self._pool, clerk.site_id, order_id)

    async def give_up(self, clerk: Clerk, order_no: str) -> CounterOrder | Refusal:
        """End an order that is not paid: the payment server closes or reverses its payment.

        The places are free when the provider has confirmed that; ask again until it has ended.
        """
        row = await self._row(clerk, order_no)
        if row is None or row["channel"] != "counter":
            return Refusal(Reason.ORDER_UNKNOWN, field="order_no")
        if row["payment_state"] in {"created", "pending"}:
            await self._ids.reserve(1)
            await payments.queue_close(
                self._pool, clerk.site_id, row["payment_id"], self._ids.take(1)[0], self._clock()
            )
        return order_of(row, await self._catalogue.current())

    async def slip(self, clerk: Clerk, order_no: str) -> SaleSlip | Refusal:
        """What stands on the slip of a paid order."""
        row = await self._row(clerk, order_no)
        if row is None:
            return Refusal(Reason.ORDER_UNKNOWN, field="order_no")
        if row["state"] != "paid":
            reason = Reason.UNPAID if row["state"] == "awaiting_payment" else Reason.ORDER_CLOSED
            return Refusal(reason, field="order_no")
        snapshot = await self._catalogue.current()
        site, product = snapshot.sites[clerk.site_id], snapshot.products[row["product_id"]]
        english = row["language"].startswith("en")
        return SaleSlip(
            site=(english and site.name_en) or site.name,
            order_number=serial_number(row["id"]),
            product=(english and product.name_en) or product.name,
            visit_on=row["visit_date"],
            slot=span_of(site, row["starts_at"], row["ends_at"]),
            people=row["people"],
            price_fen=row["total_fen"],
            sold_at=(row["paid_at"] or row["created_at"]).astimezone(site.zone),
            holder_masked=" ".join(row["holders"]),
            counter=str(row["staff_id"] or ""),
            english=english,
        )

    async def own_sales(self, clerk: Clerk) -> OwnSales:
        """What this clerk took today at the site, by means of payment."""
        snapshot = await self._catalogue.current()
        site = snapshot.sites[clerk.site_id]
        day = self._clock().astimezone(site.zone).date()
        begin = datetime.combine(day, time(), site.zone)
        span = (begin, datetime.combine(day + timedelta(days=1), time(), site.zone))
        rows = await counter.sums(self._pool, clerk.site_id, clerk.staff_id, span)
        sums = [
            MeansSum(
                means=means_of(r["provider"], r["method"]),
                orders=r["orders"],
                people=r["people"],
                paid_fen=r["paid_fen"],
                refunded_fen=r["refunded_fen"],
            )
            for r in rows
        ]
        cash = (s.paid_fen - s.refunded_fen for s in sums if s.means == "cash")
        found = await counter.latest(self._pool, clerk.site_id, clerk.staff_id, span, _LATEST)
        latest = [order_of(row, snapshot) for row in found]
        return OwnSales(day=day, drawer_fen=sum(cash), sums=sums, latest=latest)


def _offered(product: Product, slots: list[CounterSlot]) -> CounterProduct:
    return CounterProduct(
        id=product.id,
        name=product.name,
        name_en=product.name_en or product.name,
        price_fen=product.price_fen,
        people_per_order=product.people_per_order,
        people_per_document=product.people_per_document,
        document_types=sorted(product.document_types),
        slots=slots,
    )


def _visitor(given: CounterVisitor, index: int, today: date) -> Visitor | Refusal:
    kind = _TYPES.get(given.document_type)
    if kind is None:
        field = f"visitors.{index}.document_type"
        return Refusal(Reason.DOCUMENT_TYPE_NOT_ACCEPTED, field=field)
    document = parse_document(kind, given.number, today)
    if isinstance(document, DocumentRefusal):
        field = f"visitors.{index}.number"
        return Refusal(Reason.DOCUMENT_INVALID, document.fault.value, field)
    return Visitor(document, given.name.strip(), given.people, given.evidence_seen)


def _papers(product: Product, draft: TicketDraft, best: TicketDraft) -> list[Paper]:
    """The paper that this visitor would pay less with, if it were seen."""
    if best.price_fen >= draft.price_fen and not best.concession:
        return []
    rule = next((r for r in product.rules if r.code == best.concession and r.evidence), None)
    if rule is None:
        return []
    name_en = rule.evidence_en or rule.evidence
    return [Paper(name=rule.evidence, name_en=name_en, price_fen=best.price_fen)]
