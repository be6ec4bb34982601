"""SQL of day bundles: PostgreSQL packs the rows as lanes search them (``wire.bundle``).

Packing a million rows in Python would hold a server up for many seconds; here they come as they
go out. A bundle is read in one snapshot, whose horizon is the oldest transaction still running:
everything below it is in the rows, and what changes after it is found by its transaction number,
as the roll-ups find theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg

from menpiao.domain.ticket import TicketState

STATES = [state.value for state in TicketState]
_UNSIGNED = "substring(int8send(({})::bigint) FROM {})"


def _u8(value: str) -> str:
    return _UNSIGNED.format(value, 8)


def _u16(value: str) -> str:
    return _UNSIGNED.format(value, 7)


def _u32(value: str) -> str:
    return _UNSIGNED.format(value, 5)


def _at(column: str) -> str:
    return _u32(f"coalesce(floor(extract(epoch FROM {column})), 0)")


# Everything of a row behind the holder's hash, field by field as ``wire.bundle.TICKET`` has it.
_TAIL = " || ".join(
    (
        "int8send(t.id)",
        _at("t.opens_at"),
        _at("t.closes_at"),
        _u16("t.product_id"),
        _u8("array_position($2::text[], t.state) - 1"),
        _u16("t.people"),
        _u16("t.used"),
        _u16("t.inside"),
        _u8("t.daily::int"),
        _u16("coalesce(least(t.visits_left, 65534), 65535)"),
        _at("t.first_in_at"),
        _at("t.last_in_at"),
        _u16(
            "coalesce((SELECT min(g.id) FROM gate g"
            " WHERE g.site_id = t.site_id AND g.name = t.first_in_gate), 65535)"
        ),
        # A certificate that no rule names any more is still asked for, without its name.
        _u8(
            "CASE WHEN t.evidence = '' THEN 0"
            " ELSE coalesce(array_position($3::text[], t.evidence), 255) END"
        ),
        _u32("t.list_fen - t.price_fen"),
        _u16("coalesce(t.counted_on - date '1970-01-01', 65535)"),
    )
)
# What a lane may meet on a day: not what was never paid.
_OF_DAY = """
t.site_id = $1 AND t.closes_at > $5::timestamptz - interval '2 hours'
AND t.opens_at < $6::timestamptz + interval '2 hours' AND t.state NOT IN ('held', 'cancelled')
"""
# A hash that is the day's own lies in the row; others must be made from the sealed number.
_OWN = "t.gate_hash IS NOT NULL AND t.visit_date = $4::date"
_PACKED = f"""
SELECT count(*) AS count,
    coalesce(string_agg(row, ''::bytea ORDER BY row), ''::bytea) AS rows
FROM (SELECT t.gate_hash || {_TAIL} AS row FROM ticket t WHERE {_OF_DAY} AND {_OWN}) packed
"""
_SEALED = f"""
SELECT t.id, t.holder_sealed, t.document_type, {_TAIL} AS tail
FROM ticket t WHERE {_OF_DAY} AND NOT ({_OWN}) AND t.holder_sealed IS NOT NULL
"""
_HOLDERS = """
SELECT DISTINCT ON (holder_hash) holder_hash, id, holder_sealed, document_type
FROM ticket WHERE site_id = $1 AND holder_hash = ANY($2::bytea[]) AND holder_sealed IS NOT NULL
ORDER BY holder_hash, closes_at DESC
"""
_CHANGED = """
AND t.id IN (
    SELECT c.ticket_id FROM ticket_change c WHERE c.site_id = $1
        AND c.xid >= $7::text::xid8 AND c.xid < $8::text::xid8
    UNION
    SELECT a.ticket_id FROM admission a WHERE a.site_id = $1 AND a.admitted
        AND a.xid >= $7::text::xid8 AND a.xid < $8::text::xid8)
"""
_ZONES = f"""
SELECT count(*) AS count, coalesce(string_agg(row, ''::bytea ORDER BY row), ''::bytea) AS rows
FROM (
    SELECT int8send(z.ticket_id) || {_u32("z.zone_id")} || {_u16("z.allowed")} || {_u16("z.used")}
        || {_u16("z.inside")} AS row
    FROM ticket_zone z WHERE z.site_id = $1 AND z.ticket_id IN (
        SELECT t.id FROM ticket t WHERE {{of_day}})
) packed
"""
# Only the parameters that a statement has may be given to it: the zones need fewer.
_ZONES_OF_DAY = _ZONES.format(of_day=_OF_DAY.replace("$5", "$2").replace("$6", "$3"))
_ZONES_CHANGED = _ZONES.format(
    of_day=_OF_DAY.replace("$5", "$2").replace("$6", "$3")
    + _CHANGED.replace("$7", "$4").replace("$8", "$5")
)


@dataclass(frozen=True, slots=True)
class Span:
    """A day of a site, from its midnight to the next."""

    site_id: int
    day: date
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ticket whose holder's hash for this day must be made; ``tail``: its row behind the hash."""

    id: int
    holder_sealed: bytes
    document_type: str
    tail: bytes


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a day, or those that have changed since another horizon."""

    horizon: int
    tickets: int
    packed: bytes
    sealed: list[Sealed]
    zones: int
    zones_packed: bytes


async def whole(pool: asyncpg.Pool, span: Span, evidences: Sequence[str]) -> Rows:
    """Everything that a lane may meet on a day; ``evidences``: certificates by their number."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        horizon = await _horizon(connection)
        values = _values(span, evidences)
        packed = await connection.fetchrow(_PACKED, *values, timeout=120)
        sealed = await connection.fetch(_SEALED, *values, timeout=120)
        zones = await connection.fetchrow(
            _ZONES_OF_DAY, span.site_id, span.begins, span.ends, timeout=60
        )
        return _rows(horizon, packed, sealed, zones)


async def changed(pool: asyncpg.Pool, span: Span, since: int, evidences: Sequence[str]) -> Rows:
    """The rows that have changed since a horizon."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        horizon = await _horizon(connection)
        window = (str(since), str(horizon))
        values = (*_values(span, evidences), *window)
        packed = await connection.fetchrow(_PACKED.replace(_OWN, _OWN + _CHANGED), *values)
        sealed = await connection.fetch(_SEALED + _CHANGED, *values)
        zones = await connection.fetchrow(
            _ZONES_CHANGED, span.site_id, span.begins, span.ends, *window
        )
        return _rows(horizon, packed, sealed, zones)


def _values(span: Span, evidences: Sequence[str]) -> tuple[object, ...]:
    return span.site_id, STATES, list(evidences), span.day, span.begins, span.ends


def _rows(
    horizon: int,
    packed: asyncpg.Record,
    sealed: Sequence[asyncpg.Record],
    zones: asyncpg.Record,
) -> Rows:
    return Rows(
        horizon,
        packed["count"],
        packed["rows"],
        [Sealed(r["id"], r["holder_sealed"], r["document_type"], r["tail"]) for r in sealed],
        zones["count"],
        zones["rows"],
    )


async def _horizon(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text"))


async def holders(pool: asyncpg.Pool, site_id: int, hashes: Sequence[bytes]) -> dict[bytes, Sealed]:
    """A ticket of each of these holders, the newest, of those that have one."""
    rows = await pool.fetch(_HOLDERS, site_id, list(hashes))
    return {
        r["holder_hash"]: Sealed(r["id"], r["holder_sealed"], r["document_type"], b"") for r in rows
    }


async def horizon(pool: asyncpg.Pool) -> int:
    """The oldest transaction still running: all before it is decided and visible."""
    async with pool.acquire() as connection:
        return await _horizon(connection)


async def prune(pool: asyncpg.Pool, site_id: int, before: int) -> None:
    """Forget changes below a horizon that no lane's bundle is older than."""
    await pool.execute(
        "DELETE FROM ticket_change WHERE site_id = $1 AND xid < $2::text::xid8",
        site_id,
        str(before),
    )
