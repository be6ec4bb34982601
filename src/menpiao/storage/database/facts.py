"""What the data store says about itself and about work that waits in it, for probes."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from menpiao.storage.database.migrate import known_migrations

_ROLE = "SELECT pg_is_in_recovery()"
_APPLIED = "SELECT name FROM django_migrations WHERE app = 'menpiao'"
# These read the partial indexes of open rows alone, however many have ended.
_QUEUE = """
SELECT channel, state, count(*)::int AS rows,
       greatest(0, extract(epoch FROM $1 - min(due_at)))::float8 AS oldest_s
FROM outbox WHERE state IN ('pending', 'sending') GROUP BY channel, state
"""
_PAYMENTS = """
SELECT state, count(*)::int AS rows FROM payment WHERE state IN ('created', 'pending')
GROUP BY state
"""


@dataclass(frozen=True, slots=True)
class Queue:
    """Rows of the outbox that wait; ``oldest_s``: since the oldest of them was due."""

    channel: str
    state: str
    rows: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class Facts:
    """``migrations``: ``current``; ``behind`` this program, or ``ahead`` of it."""

    standby: bool
    migrations: str
    queues: tuple[Queue, ...]
    open_payments: dict[str, int]


async def read(pool: asyncpg.Pool, now: datetime) -> Facts:
    """Look at the data store."""
    async with pool.acquire(timeout=2) as connection:
        standby = await connection.fetchval(_ROLE, timeout=2)
        applied = {row["name"] for row in await connection.fetch(_APPLIED, timeout=2)}
        queues = await connection.fetch(_QUEUE, now, timeout=2)
        payments = await connection.fetch(_PAYMENTS, timeout=2)
    known = known_migrations()
    migrations = "behind" if known - applied else "ahead" if applied - known else "current"
    return Facts(
        standby=standby,
        migrations=migrations,
        queues=tuple(Queue(**dict(row)) for row in queues),
        open_payments={row["state"]: row["rows"] for row in payments},
    )
