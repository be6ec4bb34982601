"""SQL of a sale: lock day and slot, see what is known already, record a whole batch at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import asyncpg

from menpiao.domain.capacity import Day, Slot
from menpiao.storage.database.closing import Closing
from menpiao.storage.database.columns import Columns

# In one statement: days before slots, each in key order (the one order in which capacity is ever
# locked), and what is known of the tokens and holders. What is known is as old as the statement:
# what another server recorded while this one waited for its locks is met by the unique keys, and
# the batch is run again. One look-up a key, so that each goes by its unique index even where the
# statistics still say that the tables are empty.
_LOOK = """
SELECT 'day' AS what, NULL::bigint AS id, NULL::bigint AS product_id, visit_date,
    NULL::timestamptz AS starts_at, NULL::timestamptz AS ends_at, capacity, sold,
    NULL::text AS word, NULL::bytea AS hash, NULL::bigint AS total_fen, NULL::text AS state
FROM (SELECT visit_date, capacity, sold FROM day_capacity
    WHERE site_id = $1 AND visit_date = ANY($2::date[])
    ORDER BY visit_date FOR NO KEY UPDATE) AS d
UNION ALL
SELECT 'slot', id, product_id, visit_date, starts_at, ends_at, capacity, sold,
    NULL, NULL, NULL, NULL
FROM (SELECT id, product_id, visit_date, starts_at, ends_at, capacity, sold FROM slot
    WHERE site_id = $1 AND id = ANY($3::bigint[]) ORDER BY id FOR NO KEY UPDATE) AS s
UNION ALL
SELECT 'order', o.id, NULL, NULL, NULL, o.expires_at, NULL, NULL,
    o.token, o.token_digest, o.total_fen, o.state
FROM unnest($4::text[]) AS k(token) CROSS JOIN LATERAL (
    SELECT * FROM orders WHERE site_id = $1 AND token = k.token LIMIT 1) AS o
UNION ALL
SELECT 'ticket', NULL, NULL, t.visit_date, NULL, NULL, NULL, NULL,
    t.product_class, t.holder_hash, NULL, NULL
FROM unnest($5::bytea[], $6::date[], $7::text[]) AS k(holder, day, class) CROSS JOIN LATERAL (
    SELECT visit_date, product_class, holder_hash FROM ticket
    WHERE site_id = $1 AND holder_hash = k.holder AND visit_date = k.day AND product_class = k.class
    AND state IN ('held', 'valid', 'blocked', 'refunding') LIMIT 1) AS t
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
# What differs from row to row.
_OWN: dict[type[NamedTuple], str] = {
    OrderRow: "id token token_digest phone_hash phone_sealed",
    TicketRow: "id order_id holder_hash holder_sealed holder_masked gate_hash province city",
    PaymentRow: "id order_id out_trade_no",
    OutboxRow: "id key ref_id recipient_sealed",
}


# Lanes hear of tickets that are valid at once; of the others when they are paid.
_NOTE = (
    "noted AS (INSERT INTO ticket_change (site_id, ticket_id)"
    " SELECT $1, id FROM new_ticket WHERE state = 'valid')"
)
_INTS = ("int[]",) * 3
# A day or slot is written only where it still is what the batch was decided on.
_UNMOVED_DAY = " AND d.sold = u.was"
_UNMOVED_SLOT = " AND s.sold = u.was"
_ZONES_OF_TICKETS = """
INSERT INTO ticket_zone (site_id, ticket_id, zone_id, allowed)
SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::smallint[])
"""


def _closing() -> Closing:
    parts, place = [], 2
    for row, table in _TABLES.items():
        columns = _COLUMNS[row] = Columns(row, _TYPES[row], _OWN[row], place)
        place = columns.next
        into = f"INSERT INTO {table} (site_id, {', '.join(columns.names)}) {columns.select('$1, ')}"
        returning = " RETURNING id, state" if row is TicketRow else ""
        parts.append(f"new_{table} AS ({into}{returning})")
    parts.append(_NOTE)
    parts.append(
        "days AS (UPDATE day_capacity d SET sold = u.sold FROM"
        f" unnest({_four(place, 'date[]')}) u(visit_date, capacity, was, sold)"
        " WHERE d.site_id = $1 AND d.visit_date = u.visit_date AND d.capacity = u.capacity"
        f"{_UNMOVED_DAY} RETURNING 1)"
    )
    parts.append(
        "slots AS (UPDATE slot s SET sold = u.sold FROM"
        f" unnest({_four(place + 4, 'bigint[]')}) u(id, capacity, was, sold)"
        " WHERE s.site_id = $1 AND s.id = u.id AND s.capacity = u.capacity"
        f"{_UNMOVED_SLOT} RETURNING 1)"
    )
    # Days before slots, as everywhere: the two counts are made in this order.
    expect = (
        "SELECT menpiao_expect((SELECT count(*) FROM days) + (SELECT count(*) FROM slots),"
        f" ${place + 8})"
    )
    types = [kind for columns in _COLUMNS.values() for kind in columns.types]
    types = ["bigint", *types, "date[]", *_INTS, "bigint[]", *_INTS, "bigint"]
    return Closing("menpiao_sale", types, f"WITH {', '.join(parts)} {expect}")


def _four(place: int, key: str) -> str:
    kinds = (key, *_INTS)
    return ", ".join(f"${place + n}::{kind}" for n, kind in enumerate(kinds))


_COLUMNS: dict[type[NamedTuple], Columns] = {}
CLOSING: Final = _closing()
"""Writes a batch of sales and the capacity that is left.

Fails as a serialization does (40001) where a day or slot is not what the batch was decided on.
"""

HOLD: Final = Closing(
    "menpiao_sale_hold",
    ["bigint", "date[]", "bigint[]"],
    "SELECT (SELECT count(*) FROM (SELECT FROM day_capacity WHERE site_id = $1"
    " AND visit_date = ANY($2) ORDER BY visit_date FOR NO KEY UPDATE) d)"
    " + (SELECT count(*) FROM (SELECT FROM slot WHERE site_id = $1"
    " AND id = ANY($3) ORDER BY id FOR NO KEY UPDATE) s)",
)
"""Locks several days or slots in their order, ahead of :data:`CLOSING`.

A day and a slot alone need it not: where :data:`CLOSING` waits for another's commit, the data store
looks again at the row that it waited for (READ COMMITTED), and so at what the other left.
"""


HolderKey = tuple[bytes, date, str]
"""A holder's index, a day and a class of products: live tickets are one a key."""


class Looked(NamedTuple):
    """What a batch is decided on; days and slots stay locked until the transaction ends."""

    days: dict[date, Day]
    slots: dict[int, Slot]
    orders: dict[str, KnownOrder]
    """Orders that these tokens made before."""
    taken: set[HolderKey]
    """Keys of these that have a live ticket."""


async def lock_and_look(
    connection: asyncpg.Connection,
    site_id: int,
    slot_ids: Iterable[int],
    tokens: Sequence[str],
    holders: Sequence[HolderKey],
) -> Looked:
    """Lock the days of these holders' keys and the slots; read what tokens and holders have."""
    hashes, days, classes = zip(*holders, strict=True) if holders else ((), (), ())
    locked = sorted(set(days)), sorted(set(slot_ids))
    rows = await connection.fetch(_LOOK, site_id, *locked, tokens, hashes, days, classes)
    found = Looked({}, {}, {}, set())
    for row in rows:
        match row["what"]:
            case "day":
                day = row["visit_date"]
                found.days[day] = Day(site_id, day, row["capacity"], row["sold"])
            case "slot":
                found.slots[row["id"]] = slot_of(site_id, row)
            case "order":
                facts = row["hash"], row["total_fen"], row["state"], row["ends_at"]
                found.orders[row["word"]] = KnownOrder(row["id"], *facts)
            case _:
                found.taken.add((row["hash"], row["visit_date"], row["word"]))
    return found


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


async def write_zones(
    connection: asyncpg.Connection, site_id: int, zones: Sequence[ZoneRow]
) -> None:
    """Write the rights of new tickets to zones; most sites have none."""
    await connection.execute(
        _ZONES_OF_TICKETS,
        site_id,
        [z.ticket_id for z in zones],
        [z.zone_id for z in zones],
        [z.allowed for z in zones],
    )


def recording(
    site_id: int,
    rows: tuple[Sequence[tuple[Any, ...]], ...],
    days: Iterable[tuple[Day, Day]],
    slots: Iterable[tuple[Slot, Slot]],
) -> str:
    """What writes a batch of sales and the capacity that is left, with the commit.

    Days and slots as the batch found them and as it leaves them.
    """
    values: list[Any] = [site_id]
    for columns, group in zip(_COLUMNS.values(), rows, strict=True):
        values += columns.arguments(group)
    day_list, slot_list = list(days), list(slots)
    values.append([was.visit_date for was, _ in day_list])
    values += _counts(day_list)
    values.append([was.id for was, _ in slot_list])
    values += _counts(slot_list)
    values.append(len(day_list) + len(slot_list))
    return CLOSING.call(values)


def _counts(pairs: Sequence[tuple[Day, Day]] | Sequence[tuple[Slot, Slot]]) -> list[list[int]]:
    return [
        [was.capacity for was, _ in pairs],
        [was.sold for was, _ in pairs],
        [left.sold for _, left in pairs],
    ]


def holding(site_id: int, days: Iterable[date], slot_ids: Iterable[int]) -> str:
    """What locks days and slots in the message that records, where nothing was locked before."""
    return HOLD.call([site_id, sorted(days), sorted(slot_ids)])
