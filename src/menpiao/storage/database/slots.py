"""SQL of laying out: the ceilings of days, and the slots that a site's plans make of them."""

from dataclasses import dataclass
from datetime import date, datetime

import asyncpg

# A slot takes the first number of a block, and a block is only drawn for a slot that is missing.
LAY = """
WITH days AS (
    SELECT s.id AS site_id, s.zone, s.day_capacity, d::date AS visit_date
    FROM site s, generate_series($2::date, $2::date + $3::int - 1, interval '1 day') d
    WHERE s.id = $1 AND EXISTS (SELECT FROM slot_plan l JOIN product p ON p.id = l.product_id
                                WHERE p.site_id = s.id)
), ceilings AS (
    INSERT INTO day_capacity (site_id, visit_date, capacity)
    SELECT site_id, visit_date, day_capacity FROM days ORDER BY visit_date
    ON CONFLICT (site_id, visit_date) DO NOTHING
), wanted AS (
    SELECT d.site_id, p.id AS product_id, d.visit_date, l.capacity,
           (d.visit_date + l.starts_at) AT TIME ZONE d.zone AS starts_at,
           (d.visit_date + l.ends_at) AT TIME ZONE d.zone AS ends_at
    FROM days d JOIN product p ON p.site_id = d.site_id JOIN slot_plan l ON l.product_id = p.id
), missing AS MATERIALIZED (
    SELECT w.* FROM wanted w WHERE NOT EXISTS (
        SELECT FROM slot s WHERE s.site_id = w.site_id AND s.product_id = w.product_id
            AND s.visit_date = w.visit_date AND s.starts_at = w.starts_at)
    ORDER BY w.product_id, w.starts_at
)
INSERT INTO slot (site_id, id, product_id, visit_date, starts_at, ends_at, capacity)
SELECT site_id, nextval('id_block') * 1024, product_id, visit_date, starts_at, ends_at, capacity
FROM missing
ON CONFLICT (site_id, product_id, visit_date, starts_at) DO NOTHING
"""
"""Lay out for site ``$1``, from day ``$2`` on, ``$3`` days; what exists is left as it is."""
_AHEAD = """
SELECT s.id, ($1::timestamptz AT TIME ZONE s.zone)::date AS today, max(p.sale_days) AS sale_days
FROM site s JOIN product p ON p.site_id = s.id GROUP BY s.id ORDER BY s.id
"""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A site, its local date, and for how many days after it something is sold."""

    site_id: int
    today: date
    sale_days: int


async def ahead(pool: asyncpg.Pool, now: datetime) -> list[Ahead]:
    """Every site that sells anything."""
    rows = await pool.fetch(_AHEAD, now)
    return [Ahead(r["id"], r["today"], r["sale_days"]) for r in rows]


async def lay(pool: asyncpg.Pool, site_id: int, first: date, days: int) -> int:
    """Lay out what is missing of so many days; how many slots are new. Safe at the same time."""
    done = await pool.execute(LAY, site_id, first, days)
    return int(done.rpartition(" ")[2])
