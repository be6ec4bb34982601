"""SQL of documents that are not let in: put on the list, taken off it."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

_REPLACE = """
UPDATE barred SET lifted_at = $3, lifted_by = $4, lift_reason = $5
WHERE site_id = $1 AND holder_hash = $2 AND lifted_at IS NULL
"""
_BAR = """
INSERT INTO barred (site_id, id, holder_hash, document_type, masked, reason, barred_by, barred_at,
    until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_LIFT = """
UPDATE barred SET lifted_at = $3, lifted_by = $4, lift_reason = $5
WHERE site_id = $1 AND id = $2 AND lifted_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A document on the list; ``until`` None: until somebody lifts it. ``by``: an account."""

    id: int
    site_id: int
    holder: bytes
    document_type: str
    masked: str
    reason: str
    by: str
    until: datetime | None


async def bar(pool: asyncpg.Pool, entry: Entry, replaced: str, now: datetime) -> bool:
    """Put it on the list; True: in the place of an entry that said so, for the reason given."""
    async with pool.acquire() as connection, connection.transaction():
        done: str = await connection.execute(
            _REPLACE, entry.site_id, entry.holder, now, entry.by, replaced
        )
        await connection.execute(
            _BAR,
            entry.site_id,
            entry.id,
            entry.holder,
            entry.document_type,
            entry.masked,
            entry.reason,
            entry.by,
            now,
            entry.until,
        )
    return not done.endswith(" 0")


async def lift(
    pool: asyncpg.Pool, site_id: int, entry_id: int, by: str, reason: str, now: datetime
) -> bool:
    """Take an entry off the list; False: somebody has done so before."""
    done: str = await pool.execute(_LIFT, site_id, entry_id, now, by, reason)
    return done.endswith(" 1")
