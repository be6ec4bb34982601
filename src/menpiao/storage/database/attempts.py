"""SQL of attempts: count them first, in one statement, so that no number of them at once slips by.

A window begins with its first attempt and ends at a fixed time: further attempts never move it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

# Rows are locked in key order: the same for everybody.
_TAKE = """
INSERT INTO attempt AS a (site_id, scope, key, count, ends_at)
SELECT 0, u.scope, u.key, 1, $1::timestamptz + u.window_s * interval '1 second'
FROM unnest($2::text[], $3::bytea[], $4::int[]) u(scope, key, window_s) ORDER BY u.scope, u.key
ON CONFLICT (site_id, scope, key) DO UPDATE SET
    count = CASE WHEN a.ends_at <= $1 THEN 1 ELSE least(a.count, 1000000) + 1 END,
    ends_at = CASE WHEN a.ends_at <= $1 THEN excluded.ends_at ELSE a.ends_at END
RETURNING scope, count, ends_at
"""
_GIVE_BACK = """
UPDATE attempt a SET count = CASE WHEN $3 THEN 0 ELSE greatest(a.count - 1, 0) END
FROM (SELECT site_id, scope, key FROM attempt WHERE site_id = 0 AND (scope, key) IN (
          SELECT * FROM unnest($1::text[], $2::bytea[]))
      ORDER BY scope, key FOR UPDATE) l
WHERE a.site_id = l.site_id AND a.scope = l.scope AND a.key = l.key
"""
_FORGET = "DELETE FROM attempt WHERE ends_at < $1"


@dataclass(frozen=True, slots=True)
class Counted:
    """Something counted: at most ``most`` attempts in ``window_s`` seconds."""

    scope: str
    key: bytes
    most: int
    window_s: int


async def take(pool: asyncpg.Pool, counted: Sequence[Counted], now: datetime) -> float:
    """Count an attempt everywhere; 0, or for how many seconds it may not be made.

    One that may not be made is only counted where there were too many: it cannot be used to fill
    the count of somebody else.
    """
    rows = await pool.fetch(
        _TAKE,
        now,
        [c.scope for c in counted],
        [c.key for c in counted],
        [c.window_s for c in counted],
    )
    most = {c.scope: c.most for c in counted}
    over = {r["scope"]: r["ends_at"] for r in rows if r["count"] > most[r["scope"]]}
    if not over:
        return 0.0
    await give_back(pool, [c for c in counted if c.scope not in over])
    waits = [float((ends_at - now).total_seconds()) for ends_at in over.values()]
    return max(1.0, *waits)


async def give_back(
    pool: asyncpg.Pool, counted: Sequence[Counted], *, wholly: bool = False
) -> None:
    """Take an attempt back that was none; ``wholly``: all of them, for it was the right one."""
    if counted:
        keys = [c.scope for c in counted], [c.key for c in counted]
        await pool.execute(_GIVE_BACK, *keys, wholly)


async def forget(pool: asyncpg.Pool, before: datetime) -> None:
    """Drop what ended before."""
    await pool.execute(_FORGET, before)
