"""SQL of searches at a lane: the tickets of orders, the telephones of a day."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from menpiao.domain.ticket import Ticket
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
WHERE o.site_id = $1 AND o.phone_sealed IS NOT NULL AND o.state = 'paid'
  AND t.closes_at > $2::timestamptz - interval '2 hours'
  AND t.opens_at < $2::timestamptz + interval '12 hours'
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


async def phones_of_day(pool: asyncpg.Pool, site_id: int, now: datetime) -> list[asyncpg.Record]:
    """(id, phone_sealed) of paid orders for about now."""
    rows: list[asyncpg.Record] = await pool.fetch(_PHONES, site_id, now)
    return rows
