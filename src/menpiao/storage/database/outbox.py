"""SQL of the outbox: what leaves the house is leased, sent, and its outcome written down.

The UNKNOWN rule: a row whose lease ran out while it was being sent is never silently sent again;
it becomes ``unknown`` and waits for a receipt, a query or a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

_LEASE = """
UPDATE outbox o SET state = 'sending', attempts = attempts + 1, lease_until = $4, worker = $5
WHERE (o.site_id, o.id) IN (
    SELECT site_id, id FROM outbox
    WHERE channel = $1 AND state = 'pending' AND due_at <= $2
      AND (expires_at IS NULL OR expires_at > $2)
    ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
_SWEEP = """
UPDATE outbox SET state = 'unknown', last_error = 'lease ran out', lease_until = NULL
WHERE channel = $1 AND state = 'sending' AND lease_until < $2
RETURNING site_id, id
"""
_REPEAT = """
UPDATE outbox SET state = 'pending', lease_until = NULL
WHERE channel = $1 AND state = 'sending' AND lease_until < $2
"""
_DEAD = """
UPDATE outbox SET state = 'dead', done_at = $2, last_error = 'expired'
WHERE channel = $1 AND state = 'pending' AND expires_at <= $2
"""


@dataclass(frozen=True, slots=True)
class Leased:
    """A row that this worker may send now."""

    site_id: int
    id: int
    channel: str
    kind: str
    ref_id: int
    payload: dict[str, Any]
    recipient_sealed: bytes | None
    attempts: int
    expires_at: datetime | None


async def lease(
    pool: asyncpg.Pool, channel: str, now: datetime, *, count: int, lease_s: float, worker: str
) -> list[Leased]:
    """Take up to ``count`` due rows of a channel for ``lease_s`` seconds."""
    until = now + timedelta(seconds=lease_s)
    rows = await pool.fetch(_LEASE, channel, now, count, until, worker)
    return [
        Leased(
            site_id=r["site_id"],
            id=r["id"],
            channel=r["channel"],
            kind=r["kind"],
            ref_id=r["ref_id"],
            payload=msgspec.json.decode(r["payload"]),
            recipient_sealed=r["recipient_sealed"],
            attempts=r["attempts"],
            expires_at=r["expires_at"],
        )
        for r in rows
    ]


async def sweep(pool: asyncpg.Pool, channel: str, now: datetime, *, repeatable: bool) -> int:
    """End leases that ran out: to ``unknown``, or to ``pending`` where repeating is proven safe.

    Also gives up rows that expired before they were ever sent. How many leases had run out.
    """
    await pool.execute(_DEAD, channel, now)
    if repeatable:
        done = await pool.execute(_REPEAT, channel, now)
        return int(done.rpartition(" ")[2])
    return len(await pool.fetch(_SWEEP, channel, now))


async def finish(
    pool: asyncpg.Pool | asyncpg.Connection,
    site_id: int,
    row_id: int,
    state: str,
    now: datetime,
    *,
    refs: Sequence[str] = (),
    error: str = "",
    due_at: datetime | None = None,
) -> None:
    """Write what became of a row: sent, delivered, failed, unknown, dead, or pending again."""
    await pool.execute(
        "UPDATE outbox SET state = $3, lease_until = NULL, last_error = $5,"
        " provider_ref = provider_ref || $6::text[], due_at = coalesce($7, due_at),"
        " sent_at = CASE WHEN $3 = 'sent' THEN $4 ELSE sent_at END,"
        " done_at = CASE WHEN $3 IN ('delivered', 'failed', 'dead') THEN $4 ELSE done_at END"
        " WHERE site_id = $1 AND id = $2 AND state NOT IN ('delivered', 'failed', 'dead')",
        site_id,
        row_id,
        state,
        now,
        error[:200],
        list(refs),
        due_at,
    )
