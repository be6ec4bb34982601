"""SQL of reports: what lanes decided without the centre, conflicts among it, and passages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

# A ticket's scans have no index of their own: gate by gate, around the time, few rows are read.
_EARLIER = """
SELECT a.id
FROM (SELECT at FROM admission WHERE site_id = $1 AND id = $3) s
JOIN gate g ON g.site_id = $1
JOIN admission a ON a.site_id = $1 AND a.gate_id = g.id
    AND a.at BETWEEN s.at - interval '1 day' AND s.at + interval '1 day'
WHERE a.ticket_id = $2 AND a.admitted AND a.people > 0 AND a.direction = 'entry' AND a.id <> $3
ORDER BY a.at DESC, a.id DESC LIMIT 1
"""
_CONFLICT = """
INSERT INTO conflict (site_id, id, ticket_id, admission_id, earlier_id, excess, found_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (site_id, admission_id) DO NOTHING
"""
_PASSAGES = """
INSERT INTO passage (site_id, device_id, sequence, gate_id, at, kind, count, direction, nonce,
    received_at, journal)
SELECT $1, $2, u.*, $10, $11 FROM unnest($3::bigint[], $4::bigint[], $5::timestamptz[], $6::text[],
    $7::int[], $8::text[], $9::text[]) u
ON CONFLICT (site_id, device_id, journal, sequence) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Passage:
    """Something a barrier did or saw."""

    sequence: int
    gate_id: int
    at: datetime
    kind: str
    count: int
    direction: str
    nonce: str | None


async def note_conflict(
    connection: asyncpg.Connection,
    site_id: int,
    conflict_id: int,
    scan: tuple[int, int],
    excess: int,
    now: datetime,
) -> None:
    """One ticket let more people in than it has: ``scan`` is (ticket, admission)."""
    ticket_id, admission_id = scan
    earlier = await connection.fetchval(_EARLIER, site_id, ticket_id, admission_id)
    await connection.execute(
        _CONFLICT, site_id, conflict_id, ticket_id, admission_id, earlier, excess, now
    )


async def record_passages(
    pool: asyncpg.Pool,
    site_id: int,
    source: tuple[int, str],
    events: Sequence[Passage],
    now: datetime,
) -> None:
    """Keep what barriers did; a sequence that is known is kept as it was.

    ``source`` is (terminal, its journal).
    """
    device_id, journal = source
    await pool.execute(
        _PASSAGES,
        site_id,
        device_id,
        [e.sequence for e in events],
        [e.gate_id for e in events],
        [e.at for e in events],
        [e.kind for e in events],
        [e.count for e in events],
        [e.direction for e in events],
        [e.nonce for e in events],
        now,
        journal,
    )
