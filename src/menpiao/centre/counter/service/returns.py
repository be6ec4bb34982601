"""Giving tickets back at the window: find the order, see what returns and why, do it, print it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import asyncpg
import structlog

from menpiao.centre.counter.service.desk import Clerk, means_of, order_of
from menpiao.centre.selling.service import RefundAsker, RefundCore, RefundTerms, would_return
from menpiao.domain.document import DocumentRefusal, DocumentType, parse_document
from menpiao.domain.product import Product
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.refund import again_token
from menpiao.domain.ticket import parse_serial, serial_number
from menpiao.storage.crypto import Vault
from menpiao.storage.database import counter, orders, searches
from menpiao.storage.database.catalogue import Catalogue, Site
from menpiao.wire.counter import (
    FindAsked,
    FoundOrders,
    ReturnAsked,
    ReturnMade,
    ReturnQuote,
    ReturnQuoteAsked,
    ReturnStep,
    ReturnTicket,
    ReturnView,
)

log = structlog.get_logger(__name__)

_MOST = 20
_LOOK_BACK = timedelta(days=2)
"""How long after its end a ticket is still found by its document: rules may allow it."""
_SECOND = timedelta(seconds=1)
_TYPES = {kind.value: kind for kind in DocumentType}


@dataclass(frozen=True, slots=True)
class RefundSlip:
    """What stands on the slip of a refund; ``refunded_at`` is in the site's own zone.

    ``means``: cash, free, or a way of paying through a provider. ``done``: the money is back.
    """

    site: str
    order_number: str
    refund_number: str
    product: str
    tickets: int
    people: int
    amount_fen: int
    means: str
    done: bool
    refunded_at: datetime
    holder_masked: str
    counter: str
    english: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    """An order of the clerk's site, whole; a reading."""

    row: asyncpg.Record
    whole: orders.Whole
    site: Site
    product: Product


class ReturnService:
    """Server 702: refunds by clerks, over the one refund core and by the product's own rule.

    That minors must not be left alone is asked of those who book by themselves; here a person of
    the house sees who stands before them, as at the sale.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        vault: Vault,
        catalogue: Catalogue,
        refunds: RefundCore,
        clock: Callable[[], datetime],
    ) -> None:
        """Stand on the data store and on the refund core."""
        self._pool = pool
        self._vault = vault
        self._catalogue = catalogue
        self._refunds = refunds
        self._clock = clock

    async def find(self, clerk: Clerk, asked: FindAsked) -> FoundOrders | Refusal:
        """Orders of the site, at most 20; who searched by what is logged."""
        if sum(map(bool, (asked.order_no, asked.number, asked.phone_end))) != 1:
            return Refusal(Reason.BAD_REQUEST, "one of order_no, number and phone_end")
        snapshot, now = await self._catalogue.current(), self._clock()
        site_id = clerk.site_id
        today = now.astimezone(snapshot.sites[site_id].zone).date()
        if asked.order_no:
            by, order_id = "order", parse_serial(asked.order_no)
            ids = [order_id] if order_id else []
        elif asked.number:
            by, kind = "document", _TYPES.get(asked.document_type)
            if kind is None:
                return Refusal(Reason.DOCUMENT_TYPE_NOT_ACCEPTED, field="document_type")
            document = parse_document(kind, asked.number, today)
            if isinstance(document, DocumentRefusal):
                return Refusal(Reason.DOCUMENT_INVALID, document.fault.value, "number")
            ids = await searches.orders_by_holder(
                self._pool, site_id, self._vault.holder_hash(document), now - _LOOK_BACK, _MOST
            )
        else:
            by, begin = "phone", asked.day or today
            zone = snapshot.sites[site_id].zone
            first = datetime.combine(begin, time(), zone)
            span = (first, datetime.combine(begin + timedelta(days=1), time(), zone))
            ids = await searches.orders_by_phone(
                self._pool, self._vault, site_id, span, asked.phone_end
            )
        rows = await counter.orders(self._pool, site_id, ids[:_MOST])
        log.info("window_search", staff=clerk.staff_id, by=by, found=len(rows))
        if not rows:
            return Refusal(Reason.ORDER_UNKNOWN)
        return FoundOrders(orders=[order_of(row, snapshot) for row in rows])

    async def view(self, clerk: Clerk, order_no: str) -> ReturnView | Refusal:
        """An order with its tickets, what each would give back now, and by which rule."""
        kept = await self._kept(clerk, order_no)
        return kept if isinstance(kept, Refusal) else await self._view(kept, None)

    async def quote(
        self, clerk: Clerk, order_no: str, asked: ReturnQuoteAsked
    ) -> ReturnQuote | Refusal:
        """What :meth:`give_back` would give back now."""
        kept = await self._kept(clerk, order_no)
        if isinstance(kept, Refusal):
            return kept
        chosen = _chosen(kept, asked.tickets)
        if isinstance(chosen, Refusal):
            return chosen
        terms = RefundTerms(kept.product.refund)
        fen = await self._refunds.offer(clerk.site_id, kept.row["id"], chosen, terms)
        return fen if isinstance(fen, Refusal) else ReturnQuote(refund_fen=fen)

    async def give_back(
        self, clerk: Clerk, order_no: str, asked: ReturnAsked
    ) -> ReturnView | Refusal:
        """Give tickets back. Cash is to be paid out after this answer, and once a token."""
        kept = await self._kept(clerk, order_no)
        if isinstance(kept, Refusal):
            return kept
        chosen = _chosen(kept, asked.tickets)
        if isinstance(chosen, Refusal):
            return chosen
        done = await self._refunds.request(
            clerk.site_id,
            kept.row["id"],
            chosen,
            asker=RefundAsker("counter", clerk.staff_id, asked.token),
            terms=RefundTerms(kept.product.refund, asked.expected_fen),
        )
        if isinstance(done, Refusal):
            return done
        log.info("window_refund", staff=clerk.staff_id, refund=done.refund_id, tickets=len(chosen))
        again = await self._kept(clerk, order_no)
        return again if isinstance(again, Refusal) else await self._view(again, done.refund_id)

    async def slip(self, clerk: Clerk, order_no: str, refund_no: str) -> RefundSlip | Refusal:
        """What stands on the slip of a refund that a window gave."""
        kept = await self._kept(clerk, order_no)
        if isinstance(kept, Refusal):
            return kept
        refund_id = parse_serial(refund_no)
        row = next((r for r in kept.whole.refunds if r["id"] == refund_id), None)
        if row is None or row["staff_id"] is None:
            return Refusal(Reason.ORDER_UNKNOWN, field="refund_no")
        given = [t for t in kept.whole.tickets if t["id"] in row["tickets"]]
        site, product = kept.site, kept.product
        english = kept.row["language"].startswith("en")
        return RefundSlip(
            site=(english and site.name_en) or site.name,
            order_number=serial_number(kept.row["id"]),
            refund_number=serial_number(row["id"]),
            product=(english and product.name_en) or product.name,
            tickets=len(given),
            people=sum(t["people"] for t in given),
            amount_fen=row["amount_fen"],
            means=means_of(kept.row["provider"] or "", kept.row["method"] or ""),
            done=row["state"] == "done",
            refunded_at=row["created_at"].astimezone(site.zone),
            holder_masked=" ".join(t["holder_masked"] for t in given),
            counter=str(row["staff_id"]),
            english=english,
        )

    async def _kept(self, clerk: Clerk, order_no: str) -> _Kept | Refusal:
        order_id = parse_serial(order_no)
        row = order_id and await counter.order(self._pool, clerk.site_id, order_id)
        whole = order_id and await orders.order(self._pool, clerk.site_id, order_id)
        if not row or not whole:
            return Refusal(Reason.ORDER_UNKNOWN, field="order_no")
        snapshot = await self._catalogue.current()
        site, product = snapshot.sites[clerk.site_id], snapshot.products[row["product_id"]]
        return _Kept(row, whole, site, product)

    async def _view(self, kept: _Kept, refund_id: int | None) -> ReturnView:
        now = self._clock()
        tokens = {row["token"] for row in kept.whole.refunds}
        made = [_made(row, tokens) for row in kept.whole.refunds]
        this = None if refund_id is None else serial_number(refund_id)
        return ReturnView(
            order=order_of(kept.row, await self._catalogue.current()),
            tickets=[_ticket(row, kept.product, now) for row in kept.whole.tickets],
            rule=_steps(kept, now),
            refunds=made,
            refund=next((one for one in made if one.refund_no == this), None),
        )


def _chosen(kept: _Kept, numbers: Sequence[str]) -> list[int] | Refusal:
    named = {parse_serial(number) for number in numbers}
    found = [t["id"] for t in kept.whole.tickets if t["id"] in named]
    return found if len(found) == len(named) else Refusal(Reason.NOT_REFUNDABLE, field="tickets")


def _ticket(row: asyncpg.Record, product: Product, now: datetime) -> ReturnTicket:
    returns = would_return(row, product.refund, now)
    refused = returns if isinstance(returns, Refusal) else None
    return ReturnTicket(
        ticket_no=serial_number(row["id"]),
        holder=row["holder_masked"],
        people=row["people"],
        used=row["used"],
        state=row["state"],
        price_fen=row["price_fen"],
        reason_zh=row["reason_zh"],
        reason_en=row["reason_en"],
        refund_fen=returns if isinstance(returns, int) else None,
        refused=refused.reason.value if refused else "",
        refused_zh=refused.wording.zh if refused else "",
        refused_en=refused.wording.en if refused else "",
    )


def _steps(kept: _Kept, now: datetime) -> list[ReturnStep]:
    policy, closes_at = kept.product.refund, kept.whole.tickets[0]["closes_at"]
    counts = policy.percent(closes_at, now)
    return [
        ReturnStep(
            # A slot that ends with the last second of an hour reads as the full hour.
            until=f"{(until + _SECOND).astimezone(kept.site.zone):%Y-%m-%d %H:%M}",
            percent=percent,
            now=percent == counts,
        )
        for until, percent in policy.deadlines(closes_at)
    ]


def _made(row: asyncpg.Record, tokens: Collection[str | None]) -> ReturnMade:
    state = row["state"]
    if state == "closed" and again_token(row["id"]) in tokens:
        state = "replaced"
    return ReturnMade(
        refund_no=serial_number(row["id"]),
        amount_fen=row["amount_fen"],
        # One that began at the platform is money that is back.
        state="done" if state == "external" else state,
        created_at=row["created_at"],
        tickets=[serial_number(one) for one in row["tickets"]],
        here=row["staff_id"] is not None,
        trouble=row["last_error"],
    )
