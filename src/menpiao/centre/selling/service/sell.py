"""The selling core: every channel sells through it, so that a place is sold once."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import asyncpg
import msgspec

from menpiao.centre.selling.service.left import Left
from menpiao.centre.selling.service.purchase import Purchase, Sold
from menpiao.centre.selling.service.rows import Drafted, draft_rows
from menpiao.domain.booking import Priced, Sale, at_desk, check_request, place
from menpiao.domain.capacity import Day, Slot
from menpiao.domain.product import Product
from menpiao.domain.reasons import Reason, Refusal
from menpiao.storage.crypto import Vault
from menpiao.storage.database import sales
from menpiao.storage.database.catalogue import Catalogue, Snapshot
from menpiao.storage.database.combine import Answers, Combiner, UnavailableError
from menpiao.storage.database.ids import IdBlocks

Posted = asyncio.Future[Sold | Refusal]
"""A sale whose answer is to come."""
PAY_WITHIN_S = 15 * 60
"""How long places are held for a payment, unless the settings say otherwise."""
_CODE_WITHIN = timedelta(seconds=45)
"""How long a charge of a payment code may wait for its visitor: then it is reversed."""


class _Waiting(NamedTuple):
    purchase: Purchase
    priced: Priced
    slot: Slot
    holders: tuple[bytes, ...]
    digest: bytes
    product: Product
    keys: tuple[sales.HolderKey, ...]
    barred: int | None
    """The index of a visitor who is on the list of barred documents on the day."""


class _Judged(NamedTuple):
    """What a batch came to, and days and slots as it leaves them."""

    drafted: list[Drafted]
    answers: list[Sold | Refusal]
    outcomes: list[str]
    days: dict[date, Day]
    slots: dict[int, Slot]


class SellingService:
    """Sells slots. One instance a process; any number of processes beside each other."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        vault: Vault,
        catalogue: Catalogue,
        ids: IdBlocks,
        clock: Callable[[], datetime],
        pay_within_s: int = PAY_WITHIN_S,
    ) -> None:
        """Stand on the data store; ``clock`` gives the time in UTC."""
        self._pay_within = timedelta(seconds=pay_within_s)
        self._pool = pool
        self._vault = vault
        self._catalogue = catalogue
        self._ids = ids
        self._clock = clock
        self._combiners: dict[int, Combiner[_Waiting, Sold | Refusal]] = {}
        self._slots: dict[tuple[int, int], Slot] = {}

    async def slot(self, site_id: int, slot_id: int) -> Slot | None:
        """A slot as it was laid out; its ``sold`` is not current and decides nothing."""
        slot = self._slots.get((site_id, slot_id))
        if slot is None:
            row = await self._pool.fetchrow(
                "SELECT id, product_id, visit_date, starts_at, ends_at, capacity, sold"
                " FROM slot WHERE site_id = $1 AND id = $2",
                site_id,
                slot_id,
            )
            if row is None:
                return None
            if len(self._slots) > 4096:
                self._slots.clear()
            slot = self._slots[site_id, slot_id] = sales.slot_of(site_id, row)
        return slot

    async def price(self, purchase: Purchase) -> Priced | Refusal:
        """Everything that can be said before places are locked: the rules and the price."""
        snapshot = await self._catalogue.current()
        slot = await self.slot(purchase.site_id, purchase.request.slot_id)
        priced = self._priced(purchase, snapshot, slot)
        if isinstance(priced, Refusal) or slot is None or not snapshot.barred:
            return priced
        barred = _barred(snapshot, slot, self._holders(purchase))
        return priced if barred is None else at_desk(barred)

    def post(self, purchase: Purchase) -> Posted | Refusal | None:
        """Sell, where all that the rules need is at hand: the answer to come, or why not.

        None: something must be looked up first, :meth:`sell` does it. What comes of it is told by
        :meth:`outcome`.
        """
        snapshot = self._catalogue.at_hand()
        slot = self._slots.get((purchase.site_id, purchase.request.slot_id))
        if snapshot is None or slot is None or not self._ids.at_hand(1024):
            return None
        waiting = self._waiting(purchase, snapshot, slot)
        if isinstance(waiting, Refusal):
            return waiting
        return self._combiner(purchase.site_id).post(waiting)

    async def sell(self, purchase: Purchase) -> Sold | Refusal:
        """Sell, or say why not. After the answer the order, its tickets and its payment exist."""
        posted = self.post(purchase)
        if posted is None:
            snapshot = await self._catalogue.current()
            slot = await self.slot(purchase.site_id, purchase.request.slot_id)
            waiting = self._waiting(purchase, snapshot, slot)
            if isinstance(waiting, Refusal):
                return waiting
            await self._ids.reserve(1024)
            posted = self._combiner(purchase.site_id).post(waiting)
        elif isinstance(posted, Refusal):
            return posted
        # The batch is not touched when this caller goes.
        await asyncio.wait([posted])
        return self.outcome(posted)

    @staticmethod
    def outcome(posted: Posted) -> Sold | Refusal:
        """What came of a sale that was posted."""
        try:
            return posted.result()
        except UnavailableError:
            return Refusal(Reason.BUSY)

    def _priced(
        self, purchase: Purchase, snapshot: Snapshot, slot: Slot | None
    ) -> Priced | Refusal:
        request = purchase.request
        product = snapshot.products.get(request.product_id)
        if product is None or product.site_id != purchase.site_id:
            return Refusal(Reason.PRODUCT_UNKNOWN, field="product_id")
        if slot is None:
            return Refusal(Reason.SLOT_UNKNOWN, field="slot_id")
        now = self._clock()
        today = now.astimezone(snapshot.sites[purchase.site_id].zone).date()
        return check_request(request, product, slot, today, now, purchase.channel)

    def _waiting(
        self, purchase: Purchase, snapshot: Snapshot, slot: Slot | None
    ) -> _Waiting | Refusal:
        priced = self._priced(purchase, snapshot, slot)
        if isinstance(priced, Refusal) or slot is None:
            return priced if isinstance(priced, Refusal) else Refusal(Reason.SLOT_UNKNOWN)
        product = snapshot.products[purchase.request.product_id]
        holders = self._holders(purchase)
        keys = tuple((holder, slot.visit_date, product.product_class) for holder in holders)
        digest = _digest(purchase, holders)
        # It is refused under the lock: a token that has its order is answered with it all the same.
        barred = _barred(snapshot, slot, holders) if snapshot.barred else None
        return _Waiting(purchase, priced, slot, holders, digest, product, keys, barred)

    def _holders(self, purchase: Purchase) -> tuple[bytes, ...]:
        return tuple(self._vault.holder_hash(v.document) for v in purchase.request.visitors)

    def _combiner(self, site_id: int) -> Combiner[_Waiting, Sold | Refusal]:
        combiner = self._combiners.get(site_id)
        if combiner is None:
            left = Left()

            async def work(
                connection: asyncpg.Connection, batch: Sequence[_Waiting]
            ) -> Sequence[Sold | Refusal]:
                async with left.turn:
                    hoped = await self._hope(site_id, batch, left)
                    return hoped or await self._decide(connection, site_id, batch, left)

            async def again(
                connection: asyncpg.Connection, batch: Sequence[_Waiting]
            ) -> Sequence[Sold | Refusal]:
                async with left.turn:
                    left.missed()
                    return await self._decide(connection, site_id, batch, left)

            combiner = Combiner(
                self._pool,
                work,
                lambda waiting: waiting.purchase.token,
                again=again,
                lanes=2,  # one is decided while the one before it is recorded
                kind="sale",
                name=lambda waiting: f"order {waiting.purchase.token[-12:]}",
            )
            self._combiners[site_id] = combiner
        return combiner

    async def _hope(
        self, site_id: int, batch: Sequence[_Waiting], left: Left
    ) -> Answers[Sold | Refusal] | None:
        """Decide on what this process left, without a look at the data store.

        Only where all are sold: that days and slots are as they were left is checked as they are
        written, and that no token and no holder was there before is by their keys. So one batch
        can be on its way while the next is decided. None: it is to be looked first.
        """
        looked = left.hope({w.slot.id for w in batch}, {w.slot.visit_date for w in batch})
        if looked is None:
            return None
        judged = await self._judge(batch, looked, whole=True)
        if len(judged.drafted) < len(batch) or any(d.zones for d in judged.drafted):
            return None
        closing = _recording(site_id, judged, looked)
        # One day and one slot: the record itself takes them in that order, and looks anew at what
        # it waited for. Of more, only a lock of their own keeps the one order.
        if len(looked.days) > 1 or len(looked.slots) > 1:
            closing = f"{sales.holding(site_id, looked.days, looked.slots)};{closing}"
        left.keep(judged.days, judged.slots)
        return Answers(judged.answers, judged.outcomes, closing)

    async def _decide(
        self, connection: asyncpg.Connection, site_id: int, batch: Sequence[_Waiting], left: Left
    ) -> Answers[Sold | Refusal]:
        """Lock capacity, decide one after the other, record all of it."""
        looked = await sales.lock_and_look(
            connection,
            site_id,
            (w.slot.id for w in batch),
            [w.purchase.token for w in batch],
            [key for w in batch for key in w.keys],
        )
        judged = await self._judge(batch, looked)
        closing = ""
        if judged.drafted:
            zones = [zone for draft in judged.drafted for zone in draft.zones]
            if zones:
                await sales.write_zones(connection, site_id, zones)
            closing = _recording(site_id, judged, looked)
        left.keep(judged.days, judged.slots)
        return Answers(judged.answers, judged.outcomes, closing)

    async def _judge(
        self, batch: Sequence[_Waiting], looked: sales.Looked, *, whole: bool = False
    ) -> _Judged:
        """Decide one after the other; ``whole``: only as long as all are sold."""
        now = self._clock()
        await self._ids.reserve(sum(4 + len(w.holders) for w in batch))
        judged = _Judged([], [], [], dict(looked.days), dict(looked.slots))
        for waiting in batch:
            earlier = looked.orders.get(waiting.purchase.token)
            if earlier is not None:
                judged.answers.append(_again(waiting, earlier))
                judged.outcomes.append("repeated")
                continue
            sale = _place(waiting, judged.days, judged.slots, looked.taken)
            if isinstance(sale, Refusal):
                if whole:
                    break
                judged.answers.append(sale)
                judged.outcomes.append(sale.reason.value)
                continue
            draft = self._draft(waiting, sale, now)
            judged.drafted.append(draft)
            order = draft.order
            judged.answers.append(Sold(order.id, order.total_fen, order.state, order.expires_at))
            judged.outcomes.append("sold")
        return judged

    def _draft(self, waiting: _Waiting, sale: Sale, now: datetime) -> Drafted:
        purchase = waiting.purchase
        return draft_rows(
            purchase=purchase,
            sale=sale,
            slot=waiting.slot,
            holders=waiting.holders,
            digest=waiting.digest,
            product=waiting.product,
            ids=self._ids.take(3 + len(sale.drafts)),
            vault=self._vault,
            now=now,
            expires_at=now + (_CODE_WITHIN if purchase.auth_code else self._pay_within),
        )


def _recording(site_id: int, judged: _Judged, looked: sales.Looked) -> str:
    drafted = judged.drafted
    rows = (
        [d.order for d in drafted],
        [ticket for d in drafted for ticket in d.tickets],
        [d.payment for d in drafted],
        [d.outbox for d in drafted if d.outbox is not None],
    )
    days = {d.order.visit_date for d in drafted}
    slots = {d.order.slot_id for d in drafted}
    return sales.recording(
        site_id,
        rows,
        [(day, judged.days[key]) for key, day in looked.days.items() if key in days],
        [(slot, judged.slots[key]) for key, slot in looked.slots.items() if key in slots],
    )


def _place(
    waiting: _Waiting,
    days: dict[date, Day],
    slots: dict[int, Slot],
    taken: set[sales.HolderKey],
) -> Sale | Refusal:
    """Decide one sale on what the ones before it left, and move the local counts."""
    slot, day = slots.get(waiting.slot.id), days.get(waiting.slot.visit_date)
    if slot is None or day is None:
        return Refusal(Reason.SLOT_UNKNOWN, field="slot_id")
    indexes = frozenset(i for i, key in enumerate(waiting.keys) if key in taken)
    sale = place(waiting.priced, slot, day, indexes, waiting.barred)
    if isinstance(sale, Sale):
        slots[slot.id], days[day.visit_date] = sale.slot, sale.day
        taken.update(waiting.keys)
    return sale


def _barred(snapshot: Snapshot, slot: Slot, holders: Sequence[bytes]) -> int | None:
    """The first visitor who is barred until the slot has ended; None: all may come."""
    for index, holder in enumerate(holders):
        key = (slot.site_id, holder)
        if key in snapshot.barred:
            until = snapshot.barred[key]
            if until is None or until >= slot.ends_at:
                return index
    return None


def _again(waiting: _Waiting, earlier: sales.KnownOrder) -> Sold | Refusal:
    if earlier.digest != waiting.digest:
        return Refusal(Reason.TOKEN_REUSED, field="token")
    return Sold(earlier.id, earlier.total_fen, earlier.state, earlier.expires_at)


def _digest(purchase: Purchase, holders: Sequence[bytes]) -> bytes:
    """What must be the same when a token comes again: what is bought, and for whom."""
    request = purchase.request
    facts = (request.product_id, request.slot_id, [v.people for v in request.visitors])
    body = msgspec.json.encode(facts) + b"".join(holders)
    return hashlib.blake2b(body, digest_size=16).digest()
