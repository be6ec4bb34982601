"""SQL of refunds: money back, tickets void, places free.

Lock order everywhere: payment, refund, order, day, slot, tickets by id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import asyncpg

COUNTED = ("requested", "submitted", "done", "abnormal", "external")
"""States whose sum may not exceed the payment. ``external``: begun at the provider, not by us."""

_TAKE = """
UPDATE refund r SET next_query_at = $2 WHERE (r.site_id, r.id) IN (
    SELECT site_id, id FROM refund WHERE state = 'submitted' AND next_query_at <= $1
    ORDER BY next_query_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING r.site_id, r.id
"""
_TICKETS = "SELECT * FROM ticket WHERE site_id = $1 AND order_id = $2 ORDER BY id FOR UPDATE"
_FIND = """
SELECT r.site_id, r.id, r.state, r.amount_fen, r.out_refund_no, r.reason, r.created_at,
       p.provider, p.out_trade_no, p.amount_fen AS paid_fen
FROM refund r JOIN payment p ON p.site_id = r.site_id AND p.id = r.payment_id
WHERE r.site_id = $1 AND r.id = $2
"""


@dataclass(frozen=True, slots=True)
class RefundDue:
    """A refund as the worker needs it; a reading."""

    site_id: int
    id: int
    state: str
    amount_fen: int
    out_refund_no: str
    reason: str
    created_at: datetime
    provider: str
    out_trade_no: str
    paid_fen: int


async def find(pool: asyncpg.Pool, site_id: int, refund_id: int) -> RefundDue | None:
    """A refund with its payment."""
    row = await pool.fetchrow(_FIND, site_id, refund_id)
    return None if row is None else RefundDue(**dict(row))


async def take_due(
    pool: asyncpg.Pool, now: datetime, busy_until: datetime, count: int
) -> list[RefundDue]:
    """Up to ``count`` refunds whose outcome must be asked for now."""
    rows = await pool.fetch(_TAKE, now, busy_until, count)
    found = [await find(pool, row["site_id"], row["id"]) for row in rows]
    return [due for due in found if due is not None]


async def ask_again(pool: asyncpg.Pool, due: RefundDue, at: datetime, error: str = "") -> None:
    """When to ask about a submitted refund next."""
    await pool.execute(
        "UPDATE refund SET next_query_at = $3, last_error = $4"
        " WHERE site_id = $1 AND id = $2 AND state = 'submitted'",
        due.site_id,
        due.id,
        at,
        error[:200],
    )


async def note(pool: asyncpg.Pool, due: RefundDue, error: str) -> None:
    """Write beside a refund why it does not move, for the person who looks."""
    await pool.execute(
        "UPDATE refund SET last_error = $3 WHERE site_id = $1 AND id = $2",
        due.site_id,
        due.id,
        error[:200],
    )


async def lock_payment_of(
    connection: asyncpg.Connection, site_id: int, order_id: int
) -> asyncpg.Record | None:
    """The payment that paid an order, locked; never one whose money came late for nothing."""
    return await connection.fetchrow(
        "SELECT * FROM payment WHERE site_id = $1 AND order_id = $2"
        " AND state IN ('paid', 'paid_late') ORDER BY id DESC LIMIT 1 FOR UPDATE",
        site_id,
        order_id,
    )


async def lock(
    connection: asyncpg.Connection, site_id: int, out_refund_no: str
) -> asyncpg.Record | None:
    """A refund by its number, locked after its payment."""
    await connection.execute(
        "SELECT 1 FROM payment p JOIN refund r ON r.site_id = p.site_id AND r.payment_id = p.id"
        " WHERE r.site_id = $1 AND r.out_refund_no = $2 FOR UPDATE OF p",
        site_id,
        out_refund_no,
    )
    return await connection.fetchrow(
        "SELECT * FROM refund WHERE site_id = $1 AND out_refund_no = $2 FOR UPDATE",
        site_id,
        out_refund_no,
    )


async def sums(connection: asyncpg.Connection, site_id: int, payment_id: int) -> tuple[int, int]:
    """Fen that are back or on the way, and how many refunds are still on the way."""
    row = await connection.fetchrow(
        "SELECT coalesce(sum(amount_fen), 0)::bigint AS fen,"
        " count(*) FILTER (WHERE state IN ('requested', 'submitted')) AS open"
        " FROM refund WHERE site_id = $1 AND payment_id = $2 AND state = ANY($3::text[])",
        site_id,
        payment_id,
        list(COUNTED),
    )
    assert row is not None
    return row["fen"], row["open"]


async def lock_tickets(
    connection: asyncpg.Connection, site_id: int, order_id: int
) -> list[asyncpg.Record]:
    """The tickets of an order, locked in the order in which gates lock them."""
    rows: list[asyncpg.Record] = await connection.fetch(_TICKETS, site_id, order_id)
    return rows


class NewRefund(NamedTuple):
    """A refund to be written. ``staff_id``, ``token``: who gave it at a window, by which press."""

    id: int
    state: str
    amount_fen: int
    out_refund_no: str
    reason: str
    tickets: Sequence[int] = ()
    staff_id: int | None = None
    token: str | None = None


async def insert(
    connection: asyncpg.Connection, payment: asyncpg.Record, new: NewRefund, now: datetime
) -> None:
    """Write a refund of a payment."""
    await connection.execute(
        "INSERT INTO refund (site_id, payment_id, order_id, created_at, id, state, amount_fen,"
        " out_refund_no, reason, tickets, staff_id, token, done_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
        " CASE WHEN $6 IN ('done', 'external') THEN $4::timestamptz END)"
        " ON CONFLICT (site_id, out_refund_no) DO NOTHING",
        payment["site_id"],
        payment["id"],
        payment["order_id"],
        now,
        *new._replace(tickets=list(new.tickets)),
    )


async def by_token(
    connection: asyncpg.Connection, site_id: int, order_id: int, token: str
) -> asyncpg.Record | None:
    """The refund that a press has already begun."""
    return await connection.fetchrow(
        "SELECT id, state, amount_fen, tickets FROM refund"
        " WHERE site_id = $1 AND order_id = $2 AND token = $3",
        site_id,
        order_id,
        token,
    )


async def queue(
    connection: asyncpg.Connection,
    site_id: int,
    outbox_id: int,
    refund_id: int,
    payload: str,
    now: datetime,
) -> None:
    """Let the payment server ask for the refund; ``payload`` names its tickets."""
    await connection.execute(
        "INSERT INTO outbox (site_id, id, channel, kind, key, ref_id, payload, due_at, created_at)"
        " VALUES ($1, $2, 'payment', 'refund', $3, $4, $5, $6, $6)",
        site_id,
        outbox_id,
        _key(refund_id),
        refund_id,
        payload,
        now,
    )


async def payload_of(connection: asyncpg.Connection, site_id: int, refund_id: int) -> str:
    """What :func:`queue` wrote for a refund; ``{}`` when there is nothing."""
    found = await connection.fetchval(
        "SELECT payload FROM outbox WHERE site_id = $1 AND key = $2", site_id, _key(refund_id)
    )
    return str(found or "{}")


async def wake(connection: asyncpg.Connection, site_id: int, refund_id: int, now: datetime) -> bool:
    """Let the payment server look at a refund again that it has finished with; False: it will."""
    done = await connection.execute(
        "UPDATE outbox SET state = 'pending', attempts = 0, due_at = $3, done_at = NULL"
        " WHERE site_id = $1 AND key = $2 AND state IN ('delivered', 'failed', 'dead')",
        site_id,
        _key(refund_id),
        now,
    )
    return bool(done == "UPDATE 1")


def _key(refund_id: int) -> str:
    return f"payment.refund:{refund_id}"


async def move(
    connection: asyncpg.Connection,
    refund: asyncpg.Record,
    state: str,
    now: datetime,
    *,
    next_query_at: datetime | None = None,
    error: str = "",
) -> None:
    """Bring a locked refund into another state."""
    await connection.execute(
        "UPDATE refund SET state = $3, next_query_at = $4, last_error = $5,"
        " done_at = CASE WHEN $3 = 'done' THEN $6 ELSE done_at END"
        " WHERE site_id = $1 AND id = $2",
        refund["site_id"],
        refund["id"],
        state,
        next_query_at,
        error[:200],
        now,
    )


async def void_tickets(
    connection: asyncpg.Connection, site_id: int, ticket_ids: Sequence[int], state: str
) -> None:
    """Bring tickets into ``refunding`` or ``refunded``."""
    await connection.execute(
        "WITH void AS (UPDATE ticket SET state = $3"
        " WHERE site_id = $1 AND id = ANY($2::bigint[]) RETURNING id)"
        " INSERT INTO ticket_change (site_id, ticket_id) SELECT $1, id FROM void"
        " ON CONFLICT DO NOTHING",
        site_id,
        list(ticket_ids),
        state,
    )


async def free_places(connection: asyncpg.Connection, order: asyncpg.Record, people: int) -> None:
    """Give the places of so many people back, the day before the slot as a sale locks them."""
    await connection.execute(
        "UPDATE day_capacity SET sold = sold - $3 WHERE site_id = $1 AND visit_date = $2",
        order["site_id"],
        order["visit_date"],
        people,
    )
    await connection.execute(
        "UPDATE slot SET sold = sold - $3 WHERE site_id = $1 AND id = $2",
        order["site_id"],
        order["slot_id"],
        people,
    )


async def set_order(
    connection: asyncpg.Connection, site_id: int, order_id: int, state: str
) -> None:
    """Bring a locked order into another state."""
    await connection.execute(
        "UPDATE orders SET state = $3 WHERE site_id = $1 AND id = $2", site_id, order_id, state
    )


async def reissue(connection: asyncpg.Connection, order: asyncpg.Record, now: datetime) -> bool:
    """Take the places of an expired order again, when they are free; else nothing is changed.

    Not when the slot has ended, and not when a document of it has been booked anew meanwhile.
    """
    site_id = order["site_id"]
    try:
        async with connection.transaction():
            day = await connection.execute(
                "UPDATE day_capacity SET sold = sold + $3 WHERE site_id = $1 AND visit_date = $2"
                " AND sold + $3 <= capacity",
                site_id,
                order["visit_date"],
                order["people"],
            )
            slot = await connection.execute(
                "UPDATE slot SET sold = sold + $3 WHERE site_id = $1 AND id = $2"
                " AND sold + $3 <= capacity AND ends_at > $4",
                site_id,
                order["slot_id"],
                order["people"],
                now,
            )
            if (day, slot) != ("UPDATE 1", "UPDATE 1"):
                raise _NoPlaceError  # noqa: TRY301 - rolls the savepoint back
            await lock_tickets(connection, site_id, order["id"])
            await connection.execute(
                "WITH again AS (UPDATE ticket SET state = 'valid'"
                " WHERE site_id = $1 AND order_id = $2 AND state = 'cancelled' RETURNING id)"
                " INSERT INTO ticket_change (site_id, ticket_id) SELECT $1, id FROM again",
                site_id,
                order["id"],
            )
            await connection.execute(
                "UPDATE orders SET state = 'paid', paid_at = $3, expires_at = NULL"
                " WHERE site_id = $1 AND id = $2",
                site_id,
                order["id"],
                now,
            )
    except (_NoPlaceError, asyncpg.UniqueViolationError):
        return False
    return True


async def keep_late(
    connection: asyncpg.Connection, payment: asyncpg.Record, provider_ref: str, now: datetime
) -> None:
    """Keep money that came late for tickets that could be issued again."""
    await connection.execute(
        "UPDATE payment SET state = 'paid_late', provider_ref = $3, settled_at = $4,"
        " unknown = false, next_query_at = NULL WHERE site_id = $1 AND id = $2",
        payment["site_id"],
        payment["id"],
        provider_ref,
        now,
    )


class _NoPlaceError(Exception):
    """Rolls the attempt back."""
