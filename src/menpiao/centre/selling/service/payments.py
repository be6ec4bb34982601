"""The one function that changes an order because of money; push, pull and bill all use it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from prometheus_client import Counter

from menpiao.domain.order import OrderState, cancel, revive
from menpiao.domain.reasons import Reason, Refusal
from menpiao.storage.crypto import Vault
from menpiao.storage.database import payments, refunds
from menpiao.storage.database.ids import IdBlocks

_ended = Counter("menpiao_payments", "Payments that came to an end, by how", ["state"])


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a payment: ``paid``, ``paid_late`` (reissued or given back), or unchanged."""

    payment_id: int
    order_id: int
    state: str
    changed: bool


class PaymentCore:
    """Changes payments, orders and tickets together, under row locks, and only forward."""

    def __init__(
        self, pool: asyncpg.Pool, vault: Vault, ids: IdBlocks, clock: Callable[[], datetime]
    ) -> None:
        """Stand on the data store."""
        self._pool = pool
        self._vault = vault
        self._ids = ids
        self._clock = clock

    async def succeed(
        self, site_id: int, out_trade_no: str, paid_fen: int, provider_ref: str
    ) -> Settled | Refusal:
        """The platform has the money. Twice, late or out of order: the outcome is the same.

        A payment of another amount is refused and changes nothing. Money for an order that was
        closed meanwhile becomes ``paid_late``: the tickets are issued again where their places are
        still free, else the money is queued to be given back.
        """
        settled = await self._succeed(site_id, out_trade_no, paid_fen, provider_ref)
        if isinstance(settled, Settled) and settled.changed:
            _ended.labels(settled.state).inc()
        return settled

    async def _succeed(
        self, site_id: int, out_trade_no: str, paid_fen: int, provider_ref: str
    ) -> Settled | Refusal:
        await self._ids.reserve(4)
        async with self._pool.acquire() as connection, connection.transaction():
            row = await payments.lock(connection, site_id, out_trade_no)
            if row is None:
                return Refusal(Reason.ORDER_UNKNOWN)
            if row["amount_fen"] != paid_fen:
                return Refusal(Reason.AMOUNT_DIFFERS, f"{row['amount_fen']} {paid_fen}")
            now = self._clock()
            if row["state"] in {"paid", "paid_late"}:
                return Settled(row["id"], row["order_id"], row["state"], changed=False)
            order = await payments.lock_order(connection, site_id, row["order_id"])
            if row["state"] in {"created", "pending"} and order["state"] == "awaiting_payment":
                ids = self._ids.take(1)
                await payments.mark_paid(connection, row, order, provider_ref, now)
                await payments.queue_confirmation(connection, self._vault, order, ids[0], now)
                return Settled(row["id"], row["order_id"], "paid", changed=True)
            revived = not isinstance(revive(OrderState(order["state"])), Refusal)
            if revived and await refunds.reissue(connection, order, now):
                await refunds.keep_late(connection, row, provider_ref, now)
                ids = self._ids.take(1)
                await payments.queue_confirmation(connection, self._vault, order, ids[0], now)
                return Settled(row["id"], row["order_id"], "paid_late", changed=True)
            refund_id, outbox_id = self._ids.take(2)
            await payments.mark_late(connection, row, provider_ref, refund_id, outbox_id, now)
            return Settled(row["id"], row["order_id"], "paid_late", changed=True)

    async def pending(
        self, site_id: int, payment_id: int, code_url: str, next_query_at: datetime
    ) -> bool:
        """The platform has made the payment; the visitor may scan ``code_url``.

        Empty: the visitor's own code is about to be charged. False when the payment was not new.
        """
        done = await self._pool.execute(
            "UPDATE payment SET state = 'pending', code_url = $3, next_query_at = $4"
            " WHERE site_id = $1 AND id = $2 AND state = 'created'",
            site_id,
            payment_id,
            code_url,
            next_query_at,
        )
        return bool(done == "UPDATE 1")

    async def close(
        self, site_id: int, out_trade_no: str, state: str = "closed", *, unshown: bool = False
    ) -> bool:
        """The platform confirms that nothing was and will be paid: give the places back.

        ``state``: ``closed`` or ``failed``. ``unshown``: there is no such word, so close only a
        payment whose code no visitor can have seen; from then on none will be shown.
        False when the payment had ended already, or must wait for the platform's word.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            row = await payments.lock(connection, site_id, out_trade_no)
            if row is None or row["state"] not in {"created", "pending"}:
                return False
            if unshown and row["code_url"] is not None:
                return False
            order = await payments.lock_order(connection, site_id, row["order_id"])
            await payments.release(connection, row, order, state, self._clock())
        _ended.labels(state).inc()
        return True

    async def give_up(self, site_id: int, order_id: int) -> OrderState | Refusal:
        """The buyer gives an unpaid order up: its places are free with this commit.

        A code that may have been seen is closed at the platform afterwards; whoever pays it all
        the same gets the money back.
        """
        await self._ids.reserve(1)
        async with self._pool.acquire() as connection, connection.transaction():
            payment = await payments.lock_open_of(connection, site_id, order_id)
            order = await payments.lock_order(connection, site_id, order_id)
            state = cancel(OrderState(order["state"]))
            if isinstance(state, Refusal):
                return state
            now = self._clock()
            await payments.release_order(connection, order, state)
            if payment is not None and payment["code_url"] is None:
                await payments.end(connection, payment, "closed", now)
            elif payment is not None:
                outbox_id = self._ids.take(1)[0]
                await payments.queue_close(connection, site_id, payment["id"], outbox_id, now)
        _ended.labels("given_up").inc()
        return state

    async def expire_abandoned(self, count: int) -> int:
        """End orders past their time for which no payment is open; how many.

        A net below the life of payments, which ends the others.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            orders = await payments.lock_abandoned(connection, self._clock(), count)
            for order in orders:
                await payments.release_order(connection, order)
        return len(orders)
