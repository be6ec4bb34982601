"""SQL of documents that are not let in: put on the list, taken off it, and their numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

_REPLACE = """
UPDATE barred SET lifted_at = $3, lifted_by = $4, lift_reason = $5,
    document_sealed = NULL
WHERE site_id = $1 AND holder_hash = $2 AND lifted_at IS NULL
"""
_BAR = """
INSERT INTO barred (site_id, id, holder_hash, document_type, masked, reason, barred_by, barred_at,
    until, document_sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_LIFT = """
UPDATE barred SET lifted_at = $3, lifted_by = $4, lift_reason = $5,
    document_sealed = NULL
WHERE site_id = $1 AND id = $2 AND lifted_at IS NULL
"""
_NUMBERS = """
SELECT holder_hash, id, document_sealed, document_type FROM barred
WHERE site_id = $1 AND holder_hash = ANY($2::bytea[]) AND lifted_at IS NULL
    AND document_sealed IS NOT NULL
"""
_FORGET = """
UPDATE barred SET document_sealed = NULL WHERE until <= $1 AND document_sealed IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A document on the list; ``until`` None: until somebody lifts it. ``by``: an account.

    ``document_sealed``: its number, sealed for :func:`number_place`.
    """

    id: int
    site_id: int
    holder: bytes
    document_type: str
    document_sealed: bytes
    masked: str
    reason: str
    by: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Numbered:
    """The sealed number of the entry ``id``."""

    id: int
    document_sealed: bytes
    document_type: str


def number_place(entry_id: int) -> str:
    """What the number of an entry is sealed for."""
    return f"barred.document:{entry_id}"


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
            entry.document_sealed,
        )
    return not done.endswith(" 0")


async def lift(
    pool: asyncpg.Pool, site_id: int, entry_id: int, by: str, reason: str, now: datetime
) -> bool:
    """Take an entry off the list; False: somebody has done so before."""
    done: str = await pool.execute(_LIFT, site_id, entry_id, now, by, reason)
    return done.endswith(" 1")


async def forget(pool: asyncpg.Pool, now: datetime) -> int:
    """Drop the sealed numbers of entries whose last day has passed; of how many."""
    done: str = await pool.execute(_FORGET, now)
    return int(done.rpartition(" ")[2])


async def numbers(
    pool: asyncpg.Pool, site_id: int, holders: Sequence[bytes]
) -> dict[bytes, Numbered]:
    """The sealed numbers of these holders' entries in force, of those that have one."""
    rows = await pool.fetch(_NUMBERS, site_id, list(holders))
    return {
        r["holder_hash"]: Numbered(r["id"], r["document_sealed"], r["document_type"]) for r in rows
    }
