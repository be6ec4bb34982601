"""SQL of visitor flow (客流): fold admissions into roll-ups by watermark, and read the roll-ups.

A transaction that began early may commit late, so neither an admission's id nor its time says
that all before it are there. Its transaction number does: below the oldest running transaction
(``pg_snapshot_xmin``) everything is decided and visible. The watermark is the first transaction
not yet folded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import asyncpg

TRANSACTIONS_A_FOLD = 5000
"""So that catching up after a stop is done in bearable pieces."""

_PENDING = """
SELECT EXISTS (SELECT FROM admission a WHERE a.site_id = $1
    AND a.xid >= coalesce((SELECT w.xid FROM flow_watermark w WHERE w.site_id = $1), '0'::xid8)
    AND a.xid < pg_snapshot_xmin(pg_current_snapshot()))
"""
_LOCK = """
SELECT w.xid::text FROM flow_watermark w WHERE w.site_id = $1 FOR UPDATE SKIP LOCKED
"""
# One statement has one snapshot: what it sees below the horizon is all there will ever be.
_FOLD = """
WITH horizon AS MATERIALIZED (
    SELECT least(pg_snapshot_xmin(pg_current_snapshot()), (
        SELECT DISTINCT a.xid FROM admission a WHERE a.site_id = $1 AND a.xid >= $2::text::xid8
        ORDER BY a.xid OFFSET $4 LIMIT 1)) AS xid
), fresh AS MATERIALIZED (
    SELECT a.at, a.gate_id, a.direction, a.admitted, a.people, a.first_entry, a.ticket_id
    FROM admission a, horizon h
    WHERE a.site_id = $1 AND a.xid >= $2::text::xid8 AND a.xid < h.xid
), counted AS (
    INSERT INTO flow_bucket AS b (site_id, bucket, gate_id, entries, exits, refused)
    SELECT $1, date_bin('5 minutes', f.at, '1970-01-01 00:00:00+00'), f.gate_id,
        coalesce(sum(f.people) FILTER (WHERE f.admitted AND f.direction = 'entry'), 0),
        coalesce(sum(f.people) FILTER (WHERE f.admitted AND f.direction = 'exit'), 0),
        count(*) FILTER (WHERE NOT f.admitted)
    FROM fresh f GROUP BY 2, 3
    ON CONFLICT (site_id, bucket, gate_id) DO UPDATE SET entries = b.entries + excluded.entries,
        exits = b.exits + excluded.exits, refused = b.refused + excluded.refused
), described AS (
    INSERT INTO flow_visitor AS v
        (site_id, visit_date, province, city, age_band, sex, people)
    SELECT $1, (f.at AT TIME ZONE $3)::date, coalesce(t.province, ''), coalesce(t.city, ''),
        coalesce(t.age_band, ''), coalesce(t.sex, ''), sum(f.first_entry)
    FROM fresh f LEFT JOIN ticket t ON t.site_id = $1 AND t.id = f.ticket_id
    WHERE f.admitted AND f.first_entry > 0 GROUP BY 2, 3, 4, 5, 6
    ON CONFLICT (site_id, visit_date, province, city, age_band, sex)
        DO UPDATE SET people = v.people + excluded.people
), moved AS (
    UPDATE flow_watermark w SET xid = h.xid FROM horizon h WHERE w.site_id = $1
)
SELECT count(*) FROM fresh
"""
# A database restored from a dump counts transactions anew: its watermark lies in the future.
_FOREIGN = """
SELECT w.xid > pg_snapshot_xmax(pg_current_snapshot()) FROM flow_watermark w WHERE w.site_id = $1
"""
_READMIT = """
UPDATE admission SET xid = pg_current_xact_id()
WHERE site_id = $1 AND xid > pg_snapshot_xmax(pg_current_snapshot())
"""
_BUCKETS = """
SELECT bucket, sum(entries)::int AS entries, sum(exits)::int AS exits, sum(refused)::int AS refused
FROM flow_bucket WHERE site_id = $1 AND bucket >= $2 AND bucket < $3
GROUP BY bucket ORDER BY bucket
"""
_VISITORS = """
SELECT province, city, age_band, sex, people FROM flow_visitor
WHERE site_id = $1 AND visit_date = $2 ORDER BY province, city, age_band, sex
"""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Five minutes from ``start`` (UTC): people in and out, and scans that were refused."""

    start: datetime
    entries: int
    exits: int
    refused: int


@dataclass(frozen=True, slots=True)
class Visitors:
    """People of one description who came in for the first time; empty text: not known."""

    province: str
    city: str
    age_band: str
    sex: str
    people: int


async def fold(connection: asyncpg.Connection, site_id: int, zone: ZoneInfo) -> int:
    """Fold what was decided since the last time; how many admissions that were.

    Must run in a transaction. 0 also when another folder is at work on the site. An admission is
    counted once and only once, whoever folds and however late it was committed.
    """
    if await connection.fetchval(_FOREIGN, site_id):
        await _start_over(connection, site_id)
    if not await connection.fetchval(_PENDING, site_id):
        return 0
    await connection.execute(
        "INSERT INTO flow_watermark (site_id, xid) VALUES ($1, '0') ON CONFLICT DO NOTHING", site_id
    )
    watermark = await connection.fetchval(_LOCK, site_id)
    if watermark is None:
        return 0
    folded: int = await connection.fetchval(
        _FOLD, site_id, watermark, zone.key, TRANSACTIONS_A_FOLD
    )
    return folded


async def _start_over(connection: asyncpg.Connection, site_id: int) -> None:
    if await connection.fetchval(_LOCK, site_id) is None:
        return
    await connection.execute(_READMIT, site_id)
    await connection.execute("DELETE FROM flow_bucket WHERE site_id = $1", site_id)
    await connection.execute("DELETE FROM flow_visitor WHERE site_id = $1", site_id)
    await connection.execute("UPDATE flow_watermark SET xid = '0' WHERE site_id = $1", site_id)


async def buckets_of(
    connection: asyncpg.Connection, site_id: int, day: date, zone: ZoneInfo
) -> Sequence[Bucket]:
    """The five-minute stretches of a local day in which anything happened, over all gates."""
    first = datetime.combine(day, time(), zone)
    last = datetime.combine(day + timedelta(days=1), time(), zone)
    rows = await connection.fetch(_BUCKETS, site_id, first, last)
    return [Bucket(r["bucket"], r["entries"], r["exits"], r["refused"]) for r in rows]


async def visitors_of(
    connection: asyncpg.Connection, site_id: int, day: date
) -> Sequence[Visitors]:
    """Who came in for the first time on a local day, by province, city, age band and sex."""
    rows = await connection.fetch(_VISITORS, site_id, day)
    return [Visitors(r["province"], r["city"], r["age_band"], r["sex"], r["people"]) for r in rows]
