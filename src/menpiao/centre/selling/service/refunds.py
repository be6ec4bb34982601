"""Refunds of the selling core: tickets void first, money back after, places free at the end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec

from menpiao.domain import refund as rules
from menpiao.domain.order import OrderState, finish_refund, start_refund
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.refund import RefundState
from menpiao.domain.ticket import Reentry, Ticket, TicketState
from menpiao.storage.crypto import Vault
from menpiao.storage.database import messages, payments, refunds
from menpiao.storage.database.ids import IdBlocks

AT_ONCE = frozenset({"cash", "free"})
"""Providers whose money goes back by hand, in the same moment."""
_LIVE = frozenset({TicketState.VALID, TicketState.BLOCKED, TicketState.REFUNDING})


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """A refund that was begun: its tickets are void from now on."""

    refund_id: int | None
    """None when nothing is kept of it: a visitor's tickets for which nothing goes back."""
    amount_fen: int
    done: bool


@dataclass(frozen=True, slots=True)
class RefundTerms:
    """By what rules tickets are given back.

    ``expected_fen``: what the asker was shown. ``leaves``: told the tickets that would stay valid,
    whether they may be left alone.
    """

    policy: rules.RefundPolicy = rules.FREE_UNTIL_END
    expected_fen: int | None = None
    leaves: Callable[[Sequence[int]], Refusal | None] | None = None


@dataclass(frozen=True, slots=True)
class RefundAsker:
    """Who wants tickets given back, as it is kept beside the refund.

    ``staff_id``: the person of the house who does it. ``token``: their key for this one act;
    asking again with it gives the refund that there is.
    """

    reason: str = ""
    staff_id: int | None = None
    token: str = ""


_PLAIN = RefundTerms()
_NOBODY = RefundAsker()


class _Tickets(msgspec.Struct, frozen=True):
    """The payload of a refund's job."""

    tickets: list[int] = []


@dataclass(frozen=True, slots=True)
class _Decided:
    """A refund that may begin, its rows locked."""

    payment: asyncpg.Record
    order: asyncpg.Record
    tickets: list[int]
    amount_fen: int
    now: datetime


class RefundCore:
    """Begins refunds and records what became of them; under row locks, and only forward."""

    def __init__(
        self, pool: asyncpg.Pool, vault: Vault, ids: IdBlocks, clock: Callable[[], datetime]
    ) -> None:
        """Stand on the data store."""
        self._pool = pool
        self._vault = vault
        self._ids = ids
        self._clock = clock

    async def request(
        self,
        site_id: int,
        order_id: int,
        ticket_ids: Sequence[int] = (),
        *,
        asker: RefundAsker = _NOBODY,
        terms: RefundTerms = _PLAIN,
    ) -> RefundAsked | Refusal:
        """Give back tickets of an order (none named: all), or say why not.

        One refund of an order at a time. The tickets are ``refunding`` from this commit on, so
        that no gate admits them; the money follows by the payment server.
        """
        await self._ids.reserve(3)
        async with self._pool.acquire() as connection, connection.transaction():
            found = await self._decide(connection, site_id, order_id, ticket_ids, terms)
            if asker.token:
                # The decision has locked the payment: nobody begins this refund beside us.
                earlier = await refunds.by_token(connection, site_id, order_id, asker.token)
                if earlier is not None:
                    return _as_begun(earlier, ticket_ids)
            if isinstance(found, Refusal):
                return found
            await refunds.set_order(connection, site_id, order_id, OrderState.REFUNDING)
            return await self._begin(connection, found, asker)

    async def offer(
        self, site_id: int, order_id: int, ticket_ids: Sequence[int], terms: RefundTerms = _PLAIN
    ) -> int | Refusal:
        """How many fen :meth:`request` would give back now; nothing is changed."""
        async with self._pool.acquire() as connection, connection.transaction():
            found = await self._decide(connection, site_id, order_id, ticket_ids, terms)
        return found if isinstance(found, Refusal) else found.amount_fen

    async def _decide(
        self,
        connection: asyncpg.Connection,
        site_id: int,
        order_id: int,
        ticket_ids: Sequence[int],
        terms: RefundTerms,
    ) -> _Decided | Refusal:
        """Lock an order with its payment and tickets, and decide."""
        payment = await refunds.lock_payment_of(connection, site_id, order_id)
        if payment is None:
            return Refusal(Reason.UNPAID)
        order = await payments.lock_order(connection, site_id, order_id)
        state = start_refund(OrderState(order["state"]))
        if isinstance(state, Refusal):
            return state
        counted_fen, open_count = await refunds.sums(connection, site_id, payment["id"])
        if open_count:
            return Refusal(Reason.REFUNDING)
        rows = await refunds.lock_tickets(connection, site_id, order_id)
        chosen = [r for r in rows if not ticket_ids or r["id"] in set(ticket_ids)]
        if len(chosen) < len(set(ticket_ids)):
            return Refusal(Reason.NOT_REFUNDABLE, field="tickets")
        now = self._clock()
        prices_fen = sum(r["price_fen"] for r in chosen)
        amount = rules.refundable([_ticket(r) for r in chosen], prices_fen, 0, now, terms.policy)
        if isinstance(amount, Refusal):
            return amount
        if counted_fen + amount > payment["amount_fen"]:
            return Refusal(Reason.NOT_REFUNDABLE, field="amount")
        if terms.expected_fen is not None and terms.expected_fen != amount:
            return Refusal(Reason.REFUND_CHANGED, str(amount), "expected_fen")
        left = [r["id"] for r in rows if r not in chosen and r["state"] == TicketState.VALID]
        refusal = terms.leaves(left) if terms.leaves is not None else None
        return refusal or _Decided(payment, order, [r["id"] for r in chosen], amount, now)

    async def _begin(
        self, connection: asyncpg.Connection, found: _Decided, asker: RefundAsker
    ) -> RefundAsked:
        payment, order, amount_fen = found.payment, found.order, found.amount_fen
        now = found.now
        site_id, tickets = payment["site_id"], found.tickets
        refund_id, outbox_id = self._ids.take(2)
        at_once = amount_fen == 0 or payment["provider"] in AT_ONCE
        # What a person of the house gives back has its row, also when no money goes back.
        kept = bool(amount_fen) or asker.staff_id is not None
        if kept:
            new = refunds.NewRefund(
                refund_id,
                "done" if at_once else "requested",
                amount_fen,
                f"MP{site_id}R{refund_id}",
                asker.reason,
                tickets,
                asker.staff_id,
                asker.token or None,
            )
            await refunds.insert(connection, payment, new, now)
        if at_once:
            await _give_up(connection, order, tickets)
            if amount_fen:
                await self._tell(connection, order, "refund.done", refund_id)
            return RefundAsked(refund_id if kept else None, amount_fen, done=True)
        await refunds.void_tickets(connection, site_id, tickets, TicketState.REFUNDING)
        payload = msgspec.json.encode(_Tickets(tickets)).decode()
        await refunds.queue(connection, site_id, outbox_id, refund_id, payload, now)
        return RefundAsked(refund_id, amount_fen, done=False)

    async def submitted(self, site_id: int, number: str, next_query_at: datetime) -> None:
        """The provider has accepted the refund."""
        async with self._pool.acquire() as connection, connection.transaction():
            refund = await refunds.lock(connection, site_id, number)
            if refund is not None and refund["state"] == RefundState.REQUESTED:
                await refunds.move(
                    connection,
                    refund,
                    RefundState.SUBMITTED,
                    self._clock(),
                    next_query_at=next_query_at,
                )

    async def done(self, site_id: int, number: str, amount_fen: int) -> bool | Refusal:
        """The money is back: tickets refunded, places free. False when that was known."""
        await self._ids.reserve(1)
        async with self._pool.acquire() as connection, connection.transaction():
            refund = await refunds.lock(connection, site_id, number)
            if refund is None:
                return Refusal(Reason.ORDER_UNKNOWN)
            if refund["amount_fen"] != amount_fen:
                return Refusal(Reason.AMOUNT_DIFFERS, f"{refund['amount_fen']} {amount_fen}")
            before = refund["state"]
            if before in {"external", RefundState.DONE}:
                return False
            if rules.on_done(RefundState(before)) is not RefundState.DONE:
                return False
            await refunds.move(connection, refund, RefundState.DONE, self._clock())
            order = await payments.lock_order(connection, site_id, refund["order_id"])
            payload = await refunds.payload_of(connection, site_id, refund["id"])
            tickets = msgspec.json.decode(payload, type=_Tickets).tickets
            if tickets:
                await _give_up(connection, order, tickets)
            await self._tell(connection, order, "refund.done", refund["id"])
            return True

    async def stopped(self, site_id: int, number: str, state: RefundState, error: str) -> bool:
        """The provider will not deliver: ABNORMAL or CLOSED. The tickets stay void."""
        change = rules.on_closed if state is RefundState.CLOSED else rules.on_abnormal
        await self._ids.reserve(1)
        async with self._pool.acquire() as connection, connection.transaction():
            refund = await refunds.lock(connection, site_id, number)
            if refund is None or refund["state"] == "external":
                return False
            before = RefundState(refund["state"])
            after = change(before)
            if after is before:
                return False
            await refunds.move(connection, refund, after, self._clock(), error=error)
            order = await payments.lock_order(connection, site_id, refund["order_id"])
            await self._tell(connection, order, "refund.failed", refund["id"])
            return True

    async def mend(self, site_id: int, refund_id: int) -> bool:
        """A person sees to a refund that has stopped; False: there is nothing to be done any more.

        ABNORMAL: the provider is asked what has become of it, since it was dealt with there.
        CLOSED: a new refund of the same tickets under a new number, once.
        """
        await self._ids.reserve(2)
        due = await refunds.find(self._pool, site_id, refund_id)
        if due is None:
            return False
        async with self._pool.acquire() as connection, connection.transaction():
            payment = await payments.lock(connection, site_id, due.out_trade_no)
            refund = await refunds.lock(connection, site_id, due.out_refund_no)
            assert payment is not None
            assert refund is not None
            if refund["state"] == RefundState.ABNORMAL:
                return await refunds.wake(connection, site_id, refund_id, self._clock())
            if refund["state"] != RefundState.CLOSED:
                return False
            return await self._anew(connection, payment, refund)

    async def _anew(
        self, connection: asyncpg.Connection, payment: asyncpg.Record, old: asyncpg.Record
    ) -> bool:
        site_id, token, now = old["site_id"], rules.again_token(old["id"]), self._clock()
        earlier = await refunds.by_token(connection, site_id, old["order_id"], token)
        counted_fen, open_count = await refunds.sums(connection, site_id, payment["id"])
        left_fen = payment["amount_fen"] - counted_fen
        if earlier is not None or open_count or old["amount_fen"] > left_fen:
            return False
        refund_id, outbox_id = self._ids.take(2)
        new = refunds.NewRefund(
            refund_id,
            RefundState.REQUESTED,
            old["amount_fen"],
            f"MP{site_id}R{refund_id}",
            old["reason"],
            old["tickets"],
            old["staff_id"],
            token,
        )
        await refunds.insert(connection, payment, new, now)
        payload = await refunds.payload_of(connection, site_id, old["id"])
        await refunds.queue(connection, site_id, outbox_id, refund_id, payload, now)
        return True

    async def external(
        self, site_id: int, out_trade_no: str, number: str, amount_fen: int
    ) -> bool | Refusal:
        """A refund that began at the provider: recorded; the tickets are void once all is back.

        False when it was known. A part of the money back leaves the tickets to a person.
        """
        await self._ids.reserve(2)
        async with self._pool.acquire() as connection, connection.transaction():
            payment = await payments.lock(connection, site_id, out_trade_no)
            if payment is None:
                return Refusal(Reason.ORDER_UNKNOWN)
            if await refunds.lock(connection, site_id, number) is not None:
                return False
            refund_id = self._ids.take(1)[0]
            new = refunds.NewRefund(refund_id, "external", amount_fen, number, "external")
            await refunds.insert(connection, payment, new, self._clock())
            counted_fen, _ = await refunds.sums(connection, site_id, payment["id"])
            order = await payments.lock_order(connection, site_id, payment["order_id"])
            if counted_fen >= payment["amount_fen"] and order["state"] in {"paid", "refunding"}:
                rows = await refunds.lock_tickets(connection, site_id, order["id"])
                live = [r["id"] for r in rows if r["state"] in _LIVE]
                await _give_up(connection, order, live)
            await self._tell(connection, order, "refund.done", refund_id)
            return True

    async def _tell(
        self, connection: asyncpg.Connection, order: asyncpg.Record, kind: str, refund_id: int
    ) -> None:
        """Tell the buyer what became of the money, with the commit that makes it so."""
        notice, outbox_id = messages.Notice(kind, refund_id), self._ids.take(1)[0]
        await messages.queue(connection, self._vault, order, notice, outbox_id, self._clock())


async def _give_up(
    connection: asyncpg.Connection, order: asyncpg.Record, tickets: Sequence[int]
) -> None:
    """Tickets refunded, their places free, the order refunded when no ticket is left.

    Tickets are locked, then places, and only then changed: a sale that holds the places looks at
    these tickets and must not have to wait for us.
    """
    site_id = order["site_id"]
    rows = await refunds.lock_tickets(connection, site_id, order["id"])
    gone = [r for r in rows if r["id"] in set(tickets) and r["state"] in _LIVE]
    await refunds.free_places(connection, order, sum(r["people"] for r in gone))
    await refunds.void_tickets(connection, site_id, [r["id"] for r in gone], TicketState.REFUNDED)
    left = any(r["state"] in _LIVE for r in rows if r not in gone)
    state = finish_refund(OrderState.REFUNDING, tickets_left=left)
    assert not isinstance(state, Refusal)
    await refunds.set_order(connection, site_id, order["id"], state)


def would_return(row: asyncpg.Record, policy: rules.RefundPolicy, now: datetime) -> int | Refusal:
    """How many fen would go back for one ticket, or why it cannot be given back."""
    return rules.refundable([_ticket(row)], row["price_fen"], 0, now, policy)


def _as_begun(earlier: asyncpg.Record, ticket_ids: Sequence[int]) -> RefundAsked | Refusal:
    """The refund that a press has begun, asked for again; other tickets are another act."""
    if ticket_ids and set(ticket_ids) != set(earlier["tickets"]):
        return Refusal(Reason.TOKEN_REUSED, field="token")
    done = earlier["state"] == RefundState.DONE
    return RefundAsked(earlier["id"], earlier["amount_fen"], done)


def _ticket(row: asyncpg.Record) -> Ticket:
    return Ticket(
        id=row["id"],
        site_id=row["site_id"],
        state=TicketState(row["state"]),
        people=row["people"],
        used=row["used"],
        inside=row["inside"],
        visit_date=row["visit_date"],
        opens_at=row["opens_at"],
        closes_at=row["closes_at"],
        reentry=Reentry.NONE,
        gate_ids=frozenset(),
        product_name="",
        product_name_en="",
        holder_masked=row["holder_masked"],
    )
