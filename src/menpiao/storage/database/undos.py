"""SQL of taking an admission back: a mirror row that points at it, and the ticket's counts."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from menpiao.domain.admission import Direction
from menpiao.domain.ticket import Ticket
from menpiao.domain.undo import Admission

_FIND = """
SELECT a.id, a.device_id, a.at, a.direction, a.people, a.first_entry, a.gate_id, a.ticket_id,
       a.admitted, EXISTS (SELECT FROM admission_note n WHERE n.site_id = a.site_id
           AND n.refers_to = a.id AND n.kind = 'undoes') AS undone
FROM admission a WHERE a.site_id = $1 AND a.device_id = $2 AND a.nonce = $3
"""
# The mirror row takes off what the other one put on: every sum over admissions stays right.
_MIRROR = """
INSERT INTO admission (site_id, id, device_id, nonce, digest, gate_id, direction, at, admitted,
    reason, ticket_id, people, first_entry, answer)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, true, 'undone', $9, $10, $11, $12)
"""
_NOTE = """
INSERT INTO admission_note (site_id, admission_id, kind, staff_id, refers_to, detail, at)
VALUES ($1, $2, 'undoes', $3, $4, $5, $6)
"""
_TICKET = """
UPDATE ticket SET used = $3, inside = $4, first_in_at = $5, first_in_gate = $6, last_in_at = $7,
    visits_left = $8
WHERE site_id = $1 AND id = $2
"""
_ZONE = """
UPDATE ticket_zone SET used = $4, inside = $5
WHERE site_id = $1 AND ticket_id = $2 AND zone_id = $3
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An admission as it was recorded."""

    facts: Admission
    gate_id: int
    ticket_id: int | None
    admitted: bool


@dataclass(frozen=True, slots=True)
class Mirror:
    """The row that takes an admission back."""

    id: int
    device_id: int
    nonce: str
    digest: bytes
    at: datetime
    staff_id: int | None
    detail: str
    answer: bytes


async def find(
    connection: asyncpg.Connection,
    site_id: int,
    key: tuple[int, str],
    zone_of_gate: dict[int, int],
) -> Recorded | None:
    """The admission under a device and its nonce."""
    row = await connection.fetchrow(_FIND, site_id, *key)
    if row is None:
        return None
    facts = Admission(
        id=row["id"],
        device_id=row["device_id"],
        at=row["at"],
        direction=Direction(row["direction"]),
        people=row["people"],
        first_entry=row["first_entry"],
        zone_id=zone_of_gate.get(row["gate_id"], 0),
        undone=row["undone"],
    )
    return Recorded(facts, row["gate_id"], row["ticket_id"], row["admitted"])


async def record(
    connection: asyncpg.Connection,
    site_id: int,
    recorded: Recorded,
    mirror: Mirror,
    ticket: Ticket | None,
) -> None:
    """Write the mirror row, and the ticket as it is without the admission."""
    done = recorded.facts
    await connection.execute(
        _MIRROR,
        site_id,
        mirror.id,
        mirror.device_id,
        mirror.nonce,
        mirror.digest,
        recorded.gate_id,
        done.direction.value,
        mirror.at,
        recorded.ticket_id,
        -done.people,
        -done.first_entry,
        mirror.answer,
    )
    await connection.execute(
        _NOTE, site_id, mirror.id, mirror.staff_id, done.id, mirror.detail, mirror.at
    )
    if ticket is None:
        return
    await connection.execute(
        _TICKET,
        site_id,
        ticket.id,
        ticket.used,
        ticket.inside,
        ticket.first_in_at,
        ticket.first_in_gate,
        ticket.last_in_at,
        ticket.visits_left,
    )
    for right in ticket.zones:
        await connection.execute(_ZONE, site_id, ticket.id, right.zone_id, right.used, right.inside)
