"""SQL of admissions: lock the tickets of those who stand at the gates, record what was decided."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

import asyncpg

from menpiao.domain.ticket import Reentry, Ticket, TicketState, ZoneRight
from menpiao.storage.database.closing import Closing
from menpiao.storage.database.columns import Columns

_COLUMNS = """t.id, t.state, t.people, t.used, t.inside, t.visit_date, t.opens_at, t.closes_at,
    t.holder_hash, t.holder_masked, t.first_in_at, t.first_in_gate, t.product_id, t.last_in_at,
    t.daily, t.counted_on, t.visits_left, t.evidence, t.evidence_en,
    t.list_fen - t.price_fen AS difference_fen"""
# All tickets of a holder that may matter now or explain a refusal, locked in key order.
_LOCK = f"""
SELECT {_COLUMNS}
FROM ticket t
WHERE t.site_id = $1 AND t.holder_hash = ANY($2::bytea[])
  AND t.closes_at > $3::timestamptz - interval '36 hours'
ORDER BY t.id
FOR NO KEY UPDATE
"""

_STATES = {state.value: state for state in TicketState}
_READ = _LOCK.replace("FOR NO KEY UPDATE", "")
_READ_SOME = f"""
SELECT {_COLUMNS}
FROM ticket t WHERE t.site_id = $1 AND t.id = ANY($2::bigint[]) ORDER BY t.id
"""
_LOCK_SOME = _READ_SOME + "FOR NO KEY UPDATE"

_ZONES = """
SELECT ticket_id, zone_id, allowed, used, inside FROM ticket_zone
WHERE site_id = $1 AND ticket_id = ANY($2::bigint[]) ORDER BY ticket_id, zone_id
"""
_MOVE_ZONES = """
UPDATE ticket_zone z SET used = u.used, inside = u.inside
FROM unnest($2::bigint[], $3::bigint[], $4::smallint[], $5::smallint[])
    AS u(ticket_id, zone_id, used, inside)
WHERE z.site_id = $1 AND z.ticket_id = u.ticket_id AND z.zone_id = u.zone_id
"""
_NOTE = """
INSERT INTO admission_note (site_id, admission_id, kind, staff_id, refers_to, detail, at)
SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::text[],
    $7::timestamptz[])
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
    zoned: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What is rare about an admission: ``kind`` is forced, evidence, notice or undoes."""

    admission_id: int
    kind: str
    at: datetime
    staff_id: int | None = None
    refers_to: int | None = None
    detail: str = ""


class Scanned(NamedTuple):
    """One scan as it is recorded; ``used``/``inside`` are the ticket's counts afterwards.

    In the order of the columns that record it.

    ``begins``: it is the first entry that the ticket's counts know of. ``zones``: the ticket's
    rights to zones afterwards, where they have changed.
    """

    id: int
    device_id: int
    nonce: str
    digest: bytes
    gate_id: int
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
    gate_name: str
    begins: bool = False
    zones: tuple[ZoneRight, ...] = ()


_SCANNED = Columns(
    Scanned,
    "bigint bigint text bytea bigint text timestamptz timestamptz boolean text bigint smallint"
    " smallint bytea smallint smallint text boolean",
    "id nonce digest ticket_id answer",
    first=3,
)
# A nonce that is known already records nothing, and so moves no ticket: its answer is read back.
_RECORD_SQL = f"""
WITH f({", ".join(_SCANNED.names)}) AS ({_SCANNED.select()}), recorded AS (
    INSERT INTO admission (site_id, id, device_id, nonce, digest, gate_id, direction, at, device_at,
        admitted, reason, ticket_id, people, first_entry, answer)
    SELECT $1, id, device_id, nonce, digest, gate_id, direction, at, device_at, admitted, reason,
        ticket_id, people, first_entry, answer
    FROM f {{once}}
    RETURNING id
), moved AS (
    UPDATE ticket t SET used = f.used, inside = f.inside,
        first_in_at = CASE WHEN f.begins THEN f.at ELSE t.first_in_at END,
        first_in_gate = CASE WHEN f.begins THEN f.gate_name ELSE t.first_in_gate END,
        last_in_at = CASE WHEN f.direction = 'entry' THEN greatest(f.at, t.last_in_at)
            ELSE t.last_in_at END,
        counted_on = CASE WHEN t.daily AND f.direction = 'entry' THEN $2 ELSE t.counted_on END,
        visits_left = t.visits_left - f.first_entry
    FROM f
    WHERE t.site_id = $1 AND t.id = f.ticket_id AND f.admitted AND f.id IN (SELECT id FROM recorded)
)
SELECT id FROM recorded
"""
_RECORD = _RECORD_SQL.format(once="ON CONFLICT (site_id, device_id, nonce) DO NOTHING")
CLOSING: Final = Closing(
    "menpiao_admission", ["bigint", "date", *_SCANNED.types], _RECORD_SQL.format(once="")
)
"""Writes scans whose nonces are all new: one that is known fails the transaction."""


async def lock_tickets(
    connection: asyncpg.Connection,
    site_id: int,
    holders: Sequence[bytes],
    now: datetime,
    terms: dict[int, TicketTerms],
) -> dict[bytes, list[Ticket]]:
    """The tickets of each holder, locked until the transaction ends."""
    rows = await connection.fetch(_LOCK, site_id, holders, now)
    return await _by_holder(connection, site_id, rows, terms)


async def read_tickets(
    connection: asyncpg.Connection,
    site_id: int,
    holders: Sequence[bytes],
    now: datetime,
    terms: dict[int, TicketTerms],
) -> dict[bytes, list[Ticket]]:
    """The tickets of each holder as they are, for an answer that changes nothing."""
    rows = await connection.fetch(_READ, site_id, holders, now)
    return await _by_holder(connection, site_id, rows, terms)


async def lock_by_id(
    connection: asyncpg.Connection,
    site_id: int,
    ticket_ids: Sequence[int],
    terms: dict[int, TicketTerms],
) -> dict[int, Ticket]:
    """Tickets by their ids, locked in key order until the transaction ends."""
    rows = await connection.fetch(_LOCK_SOME, site_id, ticket_ids)
    return await _by_id(connection, site_id, rows, terms)


async def tickets_by_id(
    connection: asyncpg.Connection,
    site_id: int,
    ticket_ids: Sequence[int],
    terms: dict[int, TicketTerms],
) -> dict[int, Ticket]:
    """Tickets by their ids, as they are."""
    rows = await connection.fetch(_READ_SOME, site_id, ticket_ids)
    return await _by_id(connection, site_id, rows, terms)


async def _by_id(
    connection: asyncpg.Connection,
    site_id: int,
    rows: Sequence[asyncpg.Record],
    terms: dict[int, TicketTerms],
) -> dict[int, Ticket]:
    found = await _by_holder(connection, site_id, rows, terms)
    return {ticket.id: ticket for tickets in found.values() for ticket in tickets}


async def _by_holder(
    connection: asyncpg.Connection,
    site_id: int,
    rows: Sequence[asyncpg.Record],
    terms: dict[int, TicketTerms],
) -> dict[bytes, list[Ticket]]:
    # Rights to zones are locked by their ticket's row.
    zoned = [row["id"] for row in rows if terms[row["product_id"]].zoned]
    rights: dict[int, list[ZoneRight]] = {}
    if zoned:
        for r in await connection.fetch(_ZONES, site_id, zoned):
            right = ZoneRight(r["zone_id"], r["allowed"], r["used"], r["inside"])
            rights.setdefault(r["ticket_id"], []).append(right)
    found: dict[bytes, list[Ticket]] = {}
    for row in rows:
        term = terms[row["product_id"]]
        ticket = Ticket(
            id=row["id"],
            site_id=site_id,
            state=_STATES[row["state"]],
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
            last_in_at=row["last_in_at"],
            daily=row["daily"],
            counted_on=row["counted_on"],
            visits_left=row["visits_left"],
            evidence=row["evidence"],
            evidence_en=row["evidence_en"],
            difference_fen=row["difference_fen"],
            zones=tuple(rights[row["id"]]) if row["id"] in rights else (),
            product_id=row["product_id"],
        )
        found.setdefault(row["holder_hash"], []).append(ticket)
    return found


async def holder_of(pool: asyncpg.Pool, site_id: int, ticket_id: int) -> bytes | None:
    """The holder's hash of a ticket."""
    found: bytes | None = await pool.fetchval(
        "SELECT holder_hash FROM ticket WHERE site_id = $1 AND id = $2", site_id, ticket_id
    )
    return found


async def record(
    connection: asyncpg.Connection, site_id: int, scans: Sequence[Scanned], today: date
) -> set[int]:
    """Write the scans and move the tickets; the ids of those that are new (a nonce counts once).

    ``today``: the site's date, to which the counts of passes belong.
    """
    rows = await connection.fetch(_RECORD, site_id, today, *_SCANNED.arguments(scans))
    fresh = {row["id"] for row in rows}
    await move_zones(connection, site_id, [s for s in scans if s.zones and s.id in fresh])
    return fresh


def recording(site_id: int, scans: Sequence[Scanned], today: date) -> str:
    """What writes the scans and moves the tickets, with the commit: every nonce must be new."""
    return CLOSING.call([site_id, today, *_SCANNED.arguments(scans)])


async def move_zones(
    connection: asyncpg.Connection, site_id: int, scans: Sequence[Scanned]
) -> None:
    """Write the counts of the zones that these scans changed."""
    moved = [(s.ticket_id, zone) for s in scans for zone in s.zones]
    if moved:
        await connection.execute(
            _MOVE_ZONES,
            site_id,
            [ticket_id for ticket_id, _ in moved],
            [zone.zone_id for _, zone in moved],
            [zone.used for _, zone in moved],
            [zone.inside for _, zone in moved],
        )


async def note(connection: asyncpg.Connection, site_id: int, notes: Sequence[Note]) -> None:
    """Write what is rare about admissions beside them."""
    await connection.execute(
        _NOTE,
        site_id,
        [n.admission_id for n in notes],
        [n.kind for n in notes],
        [n.staff_id for n in notes],
        [n.refers_to for n in notes],
        [n.detail for n in notes],
        [n.at for n in notes],
    )


async def stored_answers(
    connection: asyncpg.Connection, site_id: int, keys: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], tuple[bytes, bytes]]:
    """(digest, answer) of scans that were recorded before, by device and nonce."""
    wanted = list(keys)
    rows = await connection.fetch(
        _STORED, site_id, [device for device, _ in wanted], [nonce for _, nonce in wanted]
    )
    return {(r["device_id"], r["nonce"]): (r["digest"], r["answer"]) for r in rows}
