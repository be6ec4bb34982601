"""SQL of searches by staff: the tickets of orders, the orders of a telephone or a document."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from menpiao.domain.ticket import Ticket
from menpiao.storage.crypto import OpenError, Vault
from menpiao.storage.database import admissions
from menpiao.storage.database.admissions import TicketTerms

_TICKETS = """
SELECT t.order_id, t.id FROM ticket t
WHERE t.site_id = $1 AND t.order_id = ANY($2::bigint[])
  AND t.closes_at > $3::timestamptz - interval '36 hours' AND t.state <> 'cancelled'
ORDER BY t.id LIMIT 20
"""
# A day's orders: some thousands, each opened in microseconds.
_PHONES = """
SELECT DISTINCT o.id, o.phone_sealed FROM orders o
JOIN ticket t ON t.site_id = o.site_id AND t.order_id = o.id
WHERE o.site_id = $1 AND o.phone_sealed IS NOT NULL AND o.state IN ('paid', 'refunding')
  AND t.closes_at > $2 AND t.opens_at < $3
ORDER BY o.id DESC
"""
_AT_A_TIME = 500
_HOLDER = """
SELECT DISTINCT order_id FROM ticket
WHERE site_id = $1 AND holder_hash = $2 AND closes_at > $3 AND state <> 'cancelled'
ORDER BY order_id DESC LIMIT $4
"""


async def tickets_of(
    connection: asyncpg.Connection,
    site_id: int,
    orders: Sequence[int],
    now: datetime,
    terms: dict[int, TicketTerms],
) -> list[tuple[int, Ticket]]:
    """(order, ticket) of these orders that may matter today."""
    rows = await connection.fetch(_TICKETS, site_id, orders, now)
    found = await admissions.tickets_by_id(connection, site_id, [r["id"] for r in rows], terms)
    return [(row["order_id"], found[row["id"]]) for row in rows if row["id"] in found]


async def orders_by_phone(
    pool: asyncpg.Pool, vault: Vault, site_id: int, span: tuple[datetime, datetime], end: str
) -> list[int]:
    """Paid orders for a span of time whose telephone ends so, the latest first.

    The numbers are opened here and not kept.
    """
    found = []
    for count, row in enumerate(await pool.fetch(_PHONES, site_id, *span), 1):
        if not count % _AT_A_TIME:
            # A great day's numbers take a while: whoever else is served meanwhile is.
            await asyncio.sleep(0)
        try:
            phone = vault.open(row["phone_sealed"], f"orders.phone:{row['id']}")
        except OpenError:
            continue
        if phone.endswith(end):
            found.append(int(row["id"]))
    return found


async def orders_by_holder(
    pool: asyncpg.Pool, site_id: int, holder_hash: bytes, since: datetime, count: int
) -> list[int]:
    """Orders with a ticket on a document that was still good after ``since``, the latest first."""
    rows = await pool.fetch(_HOLDER, site_id, holder_hash, since, count)
    return [int(row["order_id"]) for row in rows]
