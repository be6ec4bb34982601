"""SQL of orders and of what is free: reading only."""

from dataclasses import dataclass
from datetime import date, datetime

import asyncpg
import msgspec

from menpiao.storage.crypto import Vault

_FREE = """
SELECT s.id, s.visit_date, s.starts_at, s.ends_at, s.capacity,
       greatest(0, least(s.capacity - s.sold, d.capacity - d.sold)) AS remaining
FROM slot s JOIN day_capacity d ON d.site_id = s.site_id AND d.visit_date = s.visit_date
WHERE s.site_id = $1 AND s.product_id = $2 AND s.ends_at > $3
"""
_DAYS = f"""
SELECT f.visit_date, sum(f.capacity)::int AS capacity,
       least(sum(f.remaining), max(d.capacity - d.sold))::int AS remaining
FROM ({_FREE} AND s.visit_date BETWEEN $4 AND $5) f
JOIN day_capacity d ON d.site_id = $1 AND d.visit_date = f.visit_date
GROUP BY f.visit_date ORDER BY f.visit_date
"""
_ORDER = """
SELECT o.*, s.starts_at, s.ends_at,
       (SELECT p.code_url FROM payment p WHERE p.site_id = o.site_id AND p.order_id = o.id
        AND p.state = 'pending' ORDER BY p.id DESC LIMIT 1) AS code_url
FROM orders o JOIN slot s ON s.site_id = o.site_id AND s.id = o.slot_id
WHERE o.site_id = $1 AND o.id = $2
"""


async def days(
    pool: asyncpg.Pool, site_id: int, product_id: int, span: tuple[date, date], after: datetime
) -> list[asyncpg.Record]:
    """Places by day over a span of dates, both included, in slots that end ``after``."""
    rows: list[asyncpg.Record] = await pool.fetch(_DAYS, site_id, product_id, after, *span)
    return rows


async def slots(
    pool: asyncpg.Pool, site_id: int, product_id: int, day: date, after: datetime
) -> list[asyncpg.Record]:
    """Places by slot on a day, of slots that end ``after``."""
    sql = f"{_FREE} AND s.visit_date = $4 ORDER BY s.starts_at"
    rows: list[asyncpg.Record] = await pool.fetch(sql, site_id, product_id, after, day)
    return rows


@dataclass(frozen=True, slots=True)
class Whole:
    """An order with its slot and open payment, its tickets and its refunds, of one moment."""

    row: asyncpg.Record
    tickets: list[asyncpg.Record]
    refunds: list[asyncpg.Record]


async def order(pool: asyncpg.Pool, site_id: int, order_id: int) -> Whole | None:
    """An order, whole; its parts are never of different moments."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        row = await connection.fetchrow(_ORDER, site_id, order_id)
        if row is None:
            return None
        tickets = await connection.fetch(
            "SELECT * FROM ticket WHERE site_id = $1 AND order_id = $2 ORDER BY id",
            site_id,
            order_id,
        )
        # Pages that wait for a payment ask often, and nothing has gone back yet.
        repaid = []
        if row["state"] != "awaiting_payment":
            repaid = await connection.fetch(
                "SELECT id, state, amount_fen, created_at, tickets, staff_id, token, last_error"
                " FROM refund"
                " WHERE site_id = $1 AND order_id = $2 ORDER BY id",
                site_id,
                order_id,
            )
    return Whole(row, tickets, repaid)


def holder(vault: Vault, ticket: asyncpg.Record) -> dict[str, str]:
    """Number and name of a ticket's holder, opened."""
    text = vault.open(ticket["holder_sealed"], f"ticket.holder:{ticket['id']}")
    return msgspec.json.decode(text, type=dict[str, str])
