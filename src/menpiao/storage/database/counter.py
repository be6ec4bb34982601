"""SQL of the counter: an order as the clerk sees it, and a clerk's day."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

_ORDER = """
SELECT o.*, s.starts_at, s.ends_at, p.id AS payment_id, p.provider, p.method,
       p.state AS payment_state, p.code_url, p.last_error,
       ARRAY(SELECT holder_masked FROM ticket t WHERE t.site_id = o.site_id AND t.order_id = o.id
             ORDER BY t.id) AS holders
FROM orders o JOIN slot s ON s.site_id = o.site_id AND s.id = o.slot_id
LEFT JOIN LATERAL (SELECT * FROM payment p WHERE p.site_id = o.site_id AND p.order_id = o.id
    ORDER BY p.id DESC LIMIT 1) p ON true
WHERE o.site_id = $1
"""
# What went back is counted for whoever gave it back, and on that day: it left their drawer.
_SUMS = """
WITH taken AS (
    SELECT p.provider, p.method, count(*) AS orders, sum(o.people) AS people,
           sum(p.amount_fen)::bigint AS paid_fen
    FROM orders o JOIN payment p ON p.site_id = o.site_id AND p.order_id = o.id
    WHERE o.site_id = $1 AND o.staff_id = $2 AND o.channel = 'counter'
      AND o.created_at >= $3 AND o.created_at < $4 AND p.state IN ('paid', 'paid_late')
    GROUP BY p.provider, p.method),
back AS (
    SELECT p.provider, p.method, sum(r.amount_fen)::bigint AS refunded_fen
    FROM refund r JOIN payment p ON p.site_id = r.site_id AND p.id = r.payment_id
    WHERE r.site_id = $1 AND r.staff_id = $2 AND r.created_at >= $3 AND r.created_at < $4
      AND r.state <> 'closed'
    GROUP BY p.provider, p.method)
SELECT provider, method, coalesce(orders, 0) AS orders, coalesce(people, 0) AS people,
       coalesce(paid_fen, 0) AS paid_fen, coalesce(refunded_fen, 0) AS refunded_fen
FROM taken FULL JOIN back USING (provider, method) ORDER BY provider, method
"""


async def order(pool: asyncpg.Pool, site_id: int, order_id: int) -> asyncpg.Record | None:
    """An order of the site with its slot, its latest payment and its masked holders."""
    return await pool.fetchrow(f"{_ORDER} AND o.id = $2", site_id, order_id)


async def orders(
    pool: asyncpg.Pool, site_id: int, order_ids: Sequence[int]
) -> list[asyncpg.Record]:
    """These orders of the site, as :func:`order` gives one; the latest first."""
    sql = f"{_ORDER} AND o.id = ANY($2::bigint[]) ORDER BY o.id DESC"
    rows: list[asyncpg.Record] = await pool.fetch(sql, site_id, order_ids)
    return rows


async def latest(
    pool: asyncpg.Pool, site_id: int, staff_id: int, span: tuple[datetime, datetime], count: int
) -> list[asyncpg.Record]:
    """A clerk's latest orders of a span, newest first."""
    sql = (
        f"{_ORDER} AND o.staff_id = $2 AND o.channel = 'counter' AND o.created_at >= $3"
        " AND o.created_at < $4 ORDER BY o.id DESC LIMIT $5"
    )
    rows: list[asyncpg.Record] = await pool.fetch(sql, site_id, staff_id, *span, count)
    return rows


async def sums(
    pool: asyncpg.Pool, site_id: int, staff_id: int, span: tuple[datetime, datetime]
) -> list[asyncpg.Record]:
    """What a clerk took in a span, by provider and method, and what they gave back in it."""
    rows: list[asyncpg.Record] = await pool.fetch(_SUMS, site_id, staff_id, *span)
    return rows
