"""SQL of back-entry: the tickets that paper speaks of, and what was entered from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

PAPER_DEVICE = 0
"""Stands where a terminal stands: no terminal has seen these people."""
KIND = "back_entry"
"""The note that says who entered an admission from paper, and when."""

_FIND = """
SELECT id, order_id, holder_hash FROM ticket
WHERE site_id = $1 AND closes_at > $5 AND id = ANY($2::bigint[])
UNION
SELECT id, order_id, holder_hash FROM ticket
WHERE site_id = $1 AND closes_at > $5 AND order_id = ANY($3::bigint[])
UNION
SELECT id, order_id, holder_hash FROM ticket
WHERE site_id = $1 AND closes_at > $5 AND holder_hash = ANY($4::bytea[])
ORDER BY id
"""
_LATEST = """
SELECT a.id, a.nonce, a.at, a.gate_id, a.people, a.reason, n.at AS entered_at,
    coalesce(t.holder_masked, '') AS holder, coalesce(u.username, '') AS staff,
    EXISTS (SELECT FROM admission_note x WHERE x.site_id = a.site_id AND x.refers_to = a.id
        AND x.kind = 'undoes') AS undone
FROM admission_note n
JOIN admission a ON a.site_id = n.site_id AND a.id = n.admission_id
LEFT JOIN ticket t ON t.site_id = a.site_id AND t.id = a.ticket_id
LEFT JOIN staff s ON s.id = n.staff_id LEFT JOIN auth_user u ON u.id = s.user_id
WHERE n.site_id = $1 AND n.kind = 'back_entry' ORDER BY n.admission_id DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Named:
    """A ticket by its three names."""

    id: int
    order_id: int
    holder_hash: bytes


async def find(
    connection: asyncpg.Connection,
    site_id: int,
    numbers: Sequence[int],
    holders: Sequence[bytes],
    since: datetime,
) -> list[Named]:
    """Tickets whose number, order or holder is named, and that had not ended at ``since``."""
    rows = await connection.fetch(_FIND, site_id, numbers, numbers, holders, since)
    return [Named(**row) for row in rows]


async def latest(pool: asyncpg.Pool, site_id: int, most: int) -> list[asyncpg.Record]:
    """What was entered from paper last."""
    return list(await pool.fetch(_LATEST, site_id, most))
