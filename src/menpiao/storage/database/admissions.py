"""SQL of admissions: lock the tickets of those who stand at the gates, record what was decided."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from menpiao.domain.ticket import Reentry, Ticket, TicketState

# All tickets of a holder that may matter now or explain a refusal, locked in key order.
_LOCK = """
SELECT t.id, t.state, t.people, t.used, t.inside, t.visit_date, t.opens_at, t.closes_at,
       t.holder_hash, t.holder_masked, t.first_in_at, t.first_in_gate, t.product_id
FROM ticket t
WHERE t.site_id = $1 AND t.holder_hash = ANY($2::bytea[])
  AND t.closes_at > $3::timestamptz - interval '36 hours'
ORDER BY t.id
FOR NO KEY UPDATE
"""

# A nonce that is known already records nothing, and so moves no ticket: its answer is read back.
_RECORD = """
WITH fact AS (
    SELECT * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::bytea[], $6::bigint[],
        $7::text[], $8::timestamptz[], $9::timestamptz[], $10::boolean[], $11::text[],
        $12::bigint[], $13::smallint[], $14::smallint[], $15::bytea[],
        $16::smallint[], $17::smallint[],
        $18::text[])
    AS f(id, device_id, nonce, digest, gate_id, direction, at, device_at, admitted, reason,
         ticket_id, people, first_entry, answer, used, inside, gate_name)
), recorded AS (
    INSERT INTO admission (site_id, id, device_id, nonce, digest, gate_id, direction, at, device_at,
        admitted, reason, ticket_id, people, first_entry, answer)
    SELECT $1, id, device_id, nonce, digest, gate_id, direction, at, device_at, admitted, reason,
        ticket_id, people, first_entry, answer
    FROM fact
    ON CONFLICT (site_id, device_id, nonce) DO NOTHING
    RETURNING id
), moved AS (
    UPDATE ticket t SET used = f.used, inside = f.inside,
        first_in_at = coalesce(t.first_in_at, f.at),
        first_in_gate = CASE WHEN t.first_in_at IS NULL THEN f.gate_name ELSE t.first_in_gate END
    FROM fact f
    WHERE t.site_id = $1 AND t.id = f.ticket_id AND f.admitted AND f.id IN (SELECT id FROM recorded)
)
SELECT id FROM recorded
"""

_STORED = """
SELECT a.device_id, a.nonce, a.digest, a.answer
FROM admission a
JOIN unnest($2::bigint[], $3::text[]) AS k(device_id, nonce) USING (device_id, nonce)
WHERE a.site_id = $1
"""


@dataclass(frozen=True, slots=True)
class TicketTerms:
    """What a ticket takes from its product: the rest is in its own row."""

    name: str
    name_en: str
    reentry: Reentry
    gate_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Scanned:
    """One scan as it is recorded; ``used``/``inside`` are the ticket's counts afterwards."""

    id: int
    device_id: int
    nonce: str
    digest: bytes
    gate_id: int
    gate_name: str
    direction: str
    at: datetime
    device_at: datetime | None
    admitted: bool
    reason: str
    ticket_id: int | None
    people: int
    first_entry: int
    answer: bytes
    used: int
    inside: int


async def lock_tickets(
    connection: asyncpg.Connection,
    site_id: int,
    holders: Sequence[bytes],
    now: datetime,
    terms: dict[int, TicketTerms],
) -> dict[bytes, list[Ticket]]:
    """The tickets of each holder, locked until the transaction ends."""
    found: dict[bytes, list[Ticket]] = {}
    for row in await connection.fetch(_LOCK, site_id, holders, now):
        term = terms[row["product_id"]]
        ticket = Ticket(
            id=row["id"],
            site_id=site_id,
            state=TicketState(row["state"]),
            people=row["people"],
            used=row["used"],
            inside=row["inside"],
            visit_date=row["visit_date"],
            opens_at=row["opens_at"],
            closes_at=row["closes_at"],
            reentry=term.reentry,
            gate_ids=term.gate_ids,
            product_name=term.name,
            product_name_en=term.name_en,
            holder_masked=row["holder_masked"],
            first_in_at=row["first_in_at"],
            first_in_gate=row["first_in_gate"],
        )
        found.setdefault(row["holder_hash"], []).append(ticket)
    return found


async def record(
    connection: asyncpg.Connection, site_id: int, scans: Sequence[Scanned]
) -> set[int]:
    """Write the scans and move the tickets; the ids of those that are new (a nonce counts once)."""
    rows = await connection.fetch(
        _RECORD,
        site_id,
        [s.id for s in scans],
        [s.device_id for s in scans],
        [s.nonce for s in scans],
        [s.digest for s in scans],
        [s.gate_id for s in scans],
        [s.direction for s in scans],
        [s.at for s in scans],
        [s.device_at for s in scans],
        [s.admitted for s in scans],
        [s.reason for s in scans],
        [s.ticket_id for s in scans],
        [s.people for s in scans],
        [s.first_entry for s in scans],
        [s.answer for s in scans],
        [s.used for s in scans],
        [s.inside for s in scans],
        [s.gate_name for s in scans],
    )
    return {row["id"] for row in rows}


async def stored_answers(
    connection: asyncpg.Connection, site_id: int, keys: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], tuple[bytes, bytes]]:
    """(digest, answer) of scans that were recorded before, by device and nonce."""
    wanted = list(keys)
    rows = await connection.fetch(
        _STORED, site_id, [device for device, _ in wanted], [nonce for _, nonce in wanted]
    )
    return {(r["device_id"], r["nonce"]): (r["digest"], r["answer"]) for r in rows}
