"""SQL of payments: an order, its payment, its tickets and its places move together."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from menpiao.storage.crypto import Vault
from menpiao.storage.database import messages

_ABANDONED = """
SELECT * FROM orders o WHERE o.state = 'awaiting_payment' AND o.expires_at <= $1
  AND NOT EXISTS (SELECT FROM payment p WHERE p.site_id = o.site_id AND p.order_id = o.id
      AND p.state IN ('created', 'pending'))
ORDER BY o.expires_at LIMIT $2 FOR UPDATE OF o SKIP LOCKED
"""


async def lock_abandoned(
    connection: asyncpg.Connection, now: datetime, count: int
) -> Sequence[asyncpg.Record]:
    """Up to ``count`` orders past their time that no open payment belongs to, locked."""
    return list(await connection.fetch(_ABANDONED, now, count))


async def lock(
    connection: asyncpg.Connection, site_id: int, out_trade_no: str
) -> asyncpg.Record | None:
    """A payment by the number that the platform knows, locked."""
    return await connection.fetchrow(
        "SELECT * FROM payment WHERE site_id = $1 AND out_trade_no = $2 FOR UPDATE",
        site_id,
        out_trade_no,
    )


async def lock_order(connection: asyncpg.Connection, site_id: int, order_id: int) -> asyncpg.Record:
    """The payment's order, locked."""
    row = await connection.fetchrow(
        "SELECT * FROM orders WHERE site_id = $1 AND id = $2 FOR UPDATE", site_id, order_id
    )
    assert row is not None
    return row


async def mark_paid(
    connection: asyncpg.Connection,
    payment: asyncpg.Record,
    order: asyncpg.Record,
    provider_ref: str,
    now: datetime,
) -> None:
    """Payment and order are paid, tickets may enter."""
    key = (payment["site_id"], payment["id"])
    await connection.execute(
        "UPDATE payment SET state = 'paid', provider_ref = $3, settled_at = $4, unknown = false,"
        " next_query_at = NULL WHERE site_id = $1 AND id = $2",
        *key,
        provider_ref,
        now,
    )
    await connection.execute(
        "UPDATE orders SET state = 'paid', paid_at = $3, expires_at = NULL"
        " WHERE site_id = $1 AND id = $2",
        order["site_id"],
        order["id"],
        now,
    )
    await connection.execute(
        "WITH paid AS (UPDATE ticket SET state = 'valid'"
        " WHERE site_id = $1 AND order_id = $2 AND state = 'held' RETURNING id)"
        " INSERT INTO ticket_change (site_id, ticket_id) SELECT $1, id FROM paid",
        order["site_id"],
        order["id"],
    )


async def queue_confirmation(
    connection: asyncpg.Connection,
    vault: Vault,
    order: asyncpg.Record,
    outbox_id: int,
    now: datetime,
) -> None:
    """Write the confirmation message into the outbox, once an order."""
    notice = messages.Notice("order.confirmation")
    await messages.queue(connection, vault, order, notice, outbox_id, now)


async def mark_late(
    connection: asyncpg.Connection,
    payment: asyncpg.Record,
    provider_ref: str,
    refund_id: int,
    outbox_id: int,
    now: datetime,
) -> None:
    """Money came for a closed order: keep it as ``paid_late`` and queue its refund."""
    site_id = payment["site_id"]
    await connection.execute(
        "UPDATE payment SET state = 'paid_late', provider_ref = $3, settled_at = $4,"
        " next_query_at = NULL WHERE site_id = $1 AND id = $2",
        site_id,
        payment["id"],
        provider_ref,
        now,
    )
    await connection.execute(
        "INSERT INTO refund (site_id, id, payment_id, order_id, state, amount_fen, out_refund_no,"
        " reason, created_at) VALUES ($1, $2, $3, $4, 'requested', $5, $6, 'paid_late', $7)",
        site_id,
        refund_id,
        payment["id"],
        payment["order_id"],
        payment["amount_fen"],
        f"MP{site_id}R{refund_id}",
        now,
    )
    await connection.execute(
        "INSERT INTO outbox (site_id, id, channel, kind, key, ref_id, payload, due_at, created_at)"
        " VALUES ($1, $2, 'payment', 'refund', $3, $4, '{}', $5, $5)",
        site_id,
        outbox_id,
        f"payment.refund:{refund_id}",
        refund_id,
        now,
    )


async def lock_open_of(
    connection: asyncpg.Connection, site_id: int, order_id: int
) -> asyncpg.Record | None:
    """The payment of an order that may still be made, locked."""
    return await connection.fetchrow(
        "SELECT * FROM payment WHERE site_id = $1 AND order_id = $2"
        " AND state IN ('created', 'pending') ORDER BY id DESC LIMIT 1 FOR UPDATE",
        site_id,
        order_id,
    )


async def queue_close(
    on: asyncpg.Pool | asyncpg.Connection,
    site_id: int,
    payment_id: int,
    row_id: int,
    now: datetime,
) -> None:
    """Ask the payment server to end an unpaid payment; once, however often it is asked."""
    await on.execute(
        "INSERT INTO outbox (site_id, id, channel, kind, key, ref_id, payload, due_at, created_at)"
        " VALUES ($1, $2, 'payment', 'close', $3, $4, '{}', $5, $5)"
        " ON CONFLICT (site_id, key) DO NOTHING",
        site_id,
        row_id,
        f"payment.close:{payment_id}",
        payment_id,
        now,
    )


async def end(
    connection: asyncpg.Connection, payment: asyncpg.Record, state: str, now: datetime
) -> None:
    """End a locked payment that nobody will make."""
    await connection.execute(
        "UPDATE payment SET state = $3, settled_at = $4, next_query_at = NULL"
        " WHERE site_id = $1 AND id = $2",
        payment["site_id"],
        payment["id"],
        state,
        now,
    )


async def release(
    connection: asyncpg.Connection,
    payment: asyncpg.Record,
    order: asyncpg.Record,
    state: str,
    now: datetime,
) -> None:
    """End a payment that nobody will make, and the order that waits for it."""
    await end(connection, payment, state, now)
    if order["state"] == "awaiting_payment":
        await release_order(connection, order)


async def release_order(
    connection: asyncpg.Connection, order: asyncpg.Record, state: str = "expired"
) -> None:
    """End a locked order that waits for payment: tickets cancelled, places given back.

    ``state``: ``expired``, or ``cancelled`` by its buyer. The lock on the order, and its state,
    are what makes this happen once.
    """
    site_id = order["site_id"]
    # Days before slots: the order in which a sale locks them.
    await connection.execute(
        "UPDATE day_capacity SET sold = sold - $3 WHERE site_id = $1 AND visit_date = $2",
        site_id,
        order["visit_date"],
        order["people"],
    )
    await connection.execute(
        "UPDATE slot SET sold = sold - $3 WHERE site_id = $1 AND id = $2",
        site_id,
        order["slot_id"],
        order["people"],
    )
    await connection.execute(
        "UPDATE ticket SET state = 'cancelled' WHERE site_id = $1 AND order_id = $2",
        site_id,
        order["id"],
    )
    await connection.execute(
        "UPDATE orders SET state = $3 WHERE site_id = $1 AND id = $2", site_id, order["id"], state
    )
