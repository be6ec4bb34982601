"""SQL of a sale: lock day and slot, see what is known already, record a whole batch at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import asyncpg

from menpiao.domain.capacity import Day, Slot

# Days before slots, each in key order: the one order in which capacity is ever locked.
_DAYS = """
SELECT visit_date, capacity, sold FROM day_capacity
WHERE site_id = $1 AND visit_date = ANY($2::date[]) ORDER BY visit_date FOR NO KEY UPDATE
"""
_SLOTS = """
SELECT id, product_id, visit_date, starts_at, ends_at, capacity, sold FROM slot
WHERE site_id = $1 AND id = ANY($2::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""
_KNOWN = """
SELECT 'order' AS what, token, token_digest AS hash, id, total_fen, state, expires_at,
       NULL::date AS visit_date, NULL::text AS product_class
FROM orders WHERE site_id = $1 AND token = ANY($2::text[])
UNION ALL
SELECT 'ticket', NULL, holder_hash, id, NULL, state, NULL, visit_date, product_class
FROM ticket WHERE site_id = $1 AND holder_hash = ANY($3::bytea[]) AND visit_date = ANY($4::date[])
  AND state IN ('held', 'valid', 'blocked', 'refunding')
"""


class OrderRow(NamedTuple):
    """A new row of ``orders``, in the order of its columns."""

    id: int
    token: str
    token_digest: bytes
    channel: str
    state: str
    product_id: int
    slot_id: int
    visit_date: date
    people: int
    total_fen: int
    phone_hash: bytes | None
    phone_sealed: bytes | None
    language: str
    staff_id: int | None
    created_at: datetime
    expires_at: datetime | None
    paid_at: datetime | None


class TicketRow(NamedTuple):
    """A new row of ``ticket``."""

    id: int
    order_id: int
    product_id: int
    product_class: str
    slot_id: int
    visit_date: date
    opens_at: datetime
    closes_at: datetime
    state: str
    holder_hash: bytes
    holder_sealed: bytes
    holder_masked: str
    document_type: str
    people: int
    price_fen: int
    list_fen: int
    concession: str
    reason_zh: str
    reason_en: str
    province: str
    city: str
    age_band: str
    sex: str
    gate_hash: bytes
    daily: bool
    visits_left: int | None
    evidence: str
    evidence_en: str


@dataclass(frozen=True, slots=True)
class ZoneRow:
    """A new row of ``ticket_zone``."""

    ticket_id: int
    zone_id: int
    allowed: int


class PaymentRow(NamedTuple):
    """A new row of ``payment``."""

    id: int
    order_id: int
    provider: str
    state: str
    amount_fen: int
    out_trade_no: str
    expires_at: datetime | None
    created_at: datetime
    settled_at: datetime | None
    method: str = "qr"
    """``qr``: a code that we show; ``code``: the code that the visitor shows."""


class OutboxRow(NamedTuple):
    """A new row of ``outbox``; ``payload`` is JSON text."""

    id: int
    channel: str
    kind: str
    key: str
    ref_id: int
    payload: str
    recipient_sealed: bytes | None
    due_at: datetime
    expires_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order that its token led to."""

    id: int
    digest: bytes
    total_fen: int
    state: str
    expires_at: datetime | None


_TYPES: dict[type[NamedTuple], str] = {
    OrderRow: "bigint text bytea text text bigint bigint date int bigint bytea bytea text bigint"
    " timestamptz timestamptz timestamptz",
    TicketRow: "bigint bigint bigint text bigint date timestamptz timestamptz text bytea bytea text"
    " text smallint bigint bigint text text text text text text text bytea boolean int text text",
    PaymentRow: "bigint bigint text text bigint text timestamptz timestamptz timestamptz text",
    OutboxRow: "bigint text text text bigint jsonb bytea timestamptz timestamptz timestamptz",
}
_TABLES: dict[type[NamedTuple], str] = {
    OrderRow: "orders",
    TicketRow: "ticket",
    PaymentRow: "payment",
    OutboxRow: "outbox",
}


def _insert(row: type[NamedTuple], first: int) -> tuple[str, int]:
    """``INSERT … SELECT unnest`` for a row type, its parameters counted from ``first``."""
    types = _TYPES[row].split()
    columns = ", ".join(row._fields)
    arrays = ", ".join(f"${first + n}::{kind}[]" for n, kind in enumerate(types))
    table = _TABLES[row]
    sql = f"INSERT INTO {table} (site_id, {columns}) SELECT $1, u.* FROM unnest({arrays}) u"
    return sql, first + len(types)


# Lanes hear of tickets that are valid at once; of the others when they are paid.
_NOTE = (
    "noted AS (INSERT INTO ticket_change (site_id, ticket_id)"
    " SELECT $1, id FROM new_ticket WHERE state = 'valid')"
)
_ZONES_OF_TICKETS = """
INSERT INTO ticket_zone (site_id, ticket_id, zone_id, allowed)
SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::smallint[])
"""


def _record_sql() -> str:
    parts, place = [], 2
    for row in (OrderRow, TicketRow, PaymentRow, OutboxRow):
        sql, place = _insert(row, place)
        returning = " RETURNING id, state" if row is TicketRow else ""
        parts.append(f"new_{_TABLES[row]} AS ({sql}{returning})")
    parts.append(_NOTE)
    parts.append(
        "days AS (UPDATE day_capacity d SET sold = u.sold FROM"
        f" unnest(${place}::date[], ${place + 1}::int[]) u(visit_date, sold)"
        " WHERE d.site_id = $1 AND d.visit_date = u.visit_date)"
    )
    slots = (
        "UPDATE slot s SET sold = u.sold FROM"
        f" unnest(${place + 2}::bigint[], ${place + 3}::int[]) u(id, sold)"
        " WHERE s.site_id = $1 AND s.id = u.id"
    )
    return f"WITH {', '.join(parts)} {slots}"


_RECORD = _record_sql()


async def lock_capacity(
    connection: asyncpg.Connection,
    site_id: int,
    days: Iterable[date],
    slot_ids: Iterable[int],
) -> tuple[dict[date, Day], dict[int, Slot]]:
    """Days and slots, locked until the transaction ends."""
    day_rows = await connection.fetch(_DAYS, site_id, sorted(set(days)))
    slot_rows = await connection.fetch(_SLOTS, site_id, sorted(set(slot_ids)))
    found_days = {
        r["visit_date"]: Day(site_id, r["visit_date"], r["capacity"], r["sold"]) for r in day_rows
    }
    return found_days, {r["id"]: slot_of(site_id, r) for r in slot_rows}


def slot_of(site_id: int, row: asyncpg.Record) -> Slot:
    """A slot from its row."""
    return Slot(
        id=row["id"],
        site_id=site_id,
        product_id=row["product_id"],
        visit_date=row["visit_date"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        capacity=row["capacity"],
        sold=row["sold"],
    )


async def known(
    connection: asyncpg.Connection,
    site_id: int,
    tokens: Sequence[str],
    holders: Sequence[bytes],
    days: Sequence[date],
) -> tuple[dict[str, KnownOrder], set[tuple[bytes, date, str]]]:
    """Orders that these tokens made before, and live tickets of these holders on these days."""
    orders: dict[str, KnownOrder] = {}
    taken: set[tuple[bytes, date, str]] = set()
    for row in await connection.fetch(_KNOWN, site_id, tokens, holders, days):
        if row["what"] == "order":
            orders[row["token"]] = KnownOrder(
                row["id"], row["hash"], row["total_fen"], row["state"], row["expires_at"]
            )
        else:
            taken.add((row["hash"], row["visit_date"], row["product_class"]))
    return orders, taken


async def record(
    connection: asyncpg.Connection,
    site_id: int,
    rows: tuple[Sequence[tuple[Any, ...]], ...],
    days: Iterable[Day],
    slots: Iterable[Slot],
    zones: Sequence[ZoneRow] = (),
) -> None:
    """Write a batch of sales and the capacity that is left, in one statement.

    ``zones``: rights of the new tickets to zones; most sites have none.
    """
    if zones:
        await connection.execute(
            _ZONES_OF_TICKETS,
            site_id,
            [z.ticket_id for z in zones],
            [z.zone_id for z in zones],
            [z.allowed for z in zones],
        )
    arguments: list[Sequence[object]] = []
    for kind, group in zip((OrderRow, TicketRow, PaymentRow, OutboxRow), rows, strict=True):
        arguments += zip(*group, strict=True) if group else ((),) * len(_TYPES[kind].split())
    day_list, slot_list = list(days), list(slots)
    await connection.execute(
        _RECORD,
        site_id,
        *arguments,
        [d.visit_date for d in day_list],
        [d.sold for d in day_list],
        [s.id for s in slot_list],
        [s.sold for s in slot_list],
    )
