"""SQL that writes whole days of flow at once: for a demonstration, never for a real site."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import asyncpg

BucketRow = tuple[datetime, int, int, int, int]
"""Start in UTC, gate, entries, exits, refused."""
VisitorRow = tuple[date, str, str, str, str, int]
"""Local day, province, city, age band, sex, people."""

_DAYS = """
SELECT DISTINCT (bucket AT TIME ZONE $2)::date AS day FROM flow_bucket
WHERE site_id = $1 AND bucket >= $3
"""


async def days_with_flow(
    connection: asyncpg.Connection, site_id: int, zone: ZoneInfo, first: date
) -> set[date]:
    """The local days from ``first`` on that have figures."""
    rows = await connection.fetch(
        _DAYS, site_id, zone.key, datetime.combine(first, time(), zone) - timedelta(minutes=5)
    )
    return {row["day"] for row in rows}


async def write_days(
    connection: asyncpg.Connection,
    site_id: int,
    buckets: Sequence[BucketRow],
    visitors: Sequence[VisitorRow],
) -> None:
    """Write figures of days that have none; must run in a transaction."""
    await connection.copy_records_to_table(
        "flow_bucket",
        records=[(site_id, *row) for row in buckets],
        columns=["site_id", "bucket", "gate_id", "entries", "exits", "refused"],
    )
    await connection.copy_records_to_table(
        "flow_visitor",
        records=[(site_id, *row) for row in visitors],
        columns=["site_id", "visit_date", "province", "city", "age_band", "sex", "people"],
    )
