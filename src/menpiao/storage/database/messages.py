"""SQL of short messages: what they tell, when sending begins, receipts and what they settle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from menpiao.storage.crypto import Vault

_QUEUE = """
INSERT INTO outbox (site_id, id, channel, kind, key, ref_id, payload, recipient_sealed, due_at,
    created_at)
VALUES ($1, $2, 'sms', $3, $4, $5, $6, $7, $8, $8)
ON CONFLICT (site_id, key) DO NOTHING
"""
_FACTS = """
SELECT o.id, o.state, o.product_id, o.people, o.language, s.starts_at, s.ends_at
FROM orders o JOIN slot s ON s.site_id = o.site_id AND s.id = o.slot_id
WHERE o.site_id = $1 AND o.id = $2
"""
_REFUND = """
SELECT r.state, r.amount_fen, p.provider FROM refund r
JOIN payment p ON p.site_id = r.site_id AND p.id = r.payment_id
WHERE r.site_id = $1 AND r.id = $2
"""
# sent_at is when octets may first have left; the lease is checked in the same statement, so that
# a worker that slept through its lease sends nothing.
_BEGIN = """
UPDATE outbox SET sent_at = $5, payload = payload || jsonb_build_object('parts', $6::int)
WHERE site_id = $1 AND id = $2 AND state = 'sending' AND worker = $3 AND attempts = $4
  AND lease_until > $5
RETURNING id
"""
_GIVE_BACK = """
UPDATE outbox SET state = 'pending', lease_until = NULL, sent_at = NULL, due_at = $5,
    last_error = left($6, 200)
WHERE site_id = $1 AND id = $2 AND state = 'sending' AND worker = $3 AND attempts = $4
"""
_ADD_REFS = """
UPDATE outbox SET provider_ref = provider_ref || ARRAY(
    SELECT unnest($3::text[]) EXCEPT SELECT unnest(provider_ref))
WHERE site_id = $1 AND id = $2
"""
_KEEP = """
INSERT INTO outbox_receipt (site_id, id, channel, provider_ref, outcome, code, received_at)
SELECT $1, $2, $3, $4, $5, $6, $7
WHERE NOT EXISTS (SELECT 1 FROM outbox_receipt
    WHERE site_id = $1 AND channel = $3 AND provider_ref = $4 AND outcome = $5 AND code = $6)
"""
_OWNER = """
SELECT site_id, id FROM outbox
WHERE channel = $1 AND provider_ref @> ARRAY[$2::text] AND provider_ref <> '{}'
  AND created_at > $3
"""
_OWNERS = """
SELECT DISTINCT o.site_id, o.id FROM outbox_receipt r
JOIN outbox o ON o.channel = r.channel AND o.provider_ref @> ARRAY[r.provider_ref]
  AND o.provider_ref <> '{}'
WHERE r.site_id = $1 AND r.channel = $2 AND NOT r.matched AND r.received_at > $3
  AND o.created_at > $3 - interval '1 day'
"""
# Of several reports on one part the first counts.
_DELIVERIES = """
SELECT DISTINCT ON (provider_ref) provider_ref, outcome, code FROM outbox_receipt
WHERE site_id = $1 AND channel = $2 AND provider_ref = ANY($3)
ORDER BY provider_ref, received_at DESC, id DESC
"""
_MATCHED = """
UPDATE outbox_receipt SET matched = true
WHERE site_id = $1 AND channel = $2 AND provider_ref = ANY($3) AND NOT matched
RETURNING provider_ref, outcome, code
"""
_UNKNOWN = """
SELECT site_id, id, recipient_sealed, sent_at, payload, provider_ref FROM outbox
WHERE channel = $1 AND state = 'unknown' AND sent_at > $2 AND recipient_sealed IS NOT NULL
"""
_COUNTS = """
SELECT state, count(*) AS rows FROM outbox WHERE channel = $1 AND created_at > $2 GROUP BY state
"""


@dataclass(frozen=True, slots=True)
class Outstanding:
    """A message whose reports are still to come, locked."""

    state: str
    parts: int
    refs: tuple[str, ...]
    deliveries: Mapping[str, str]
    """First outcome by reference."""
    news: tuple[tuple[str, str, str], ...]
    """Reports not looked at before: reference, outcome, code."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of which nobody knows whether the operator took it."""

    site_id: int
    id: int
    recipient_sealed: bytes
    tried_at: datetime
    parts: int
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A message about an order, sent once; or about a refund of it, once for each refund."""

    kind: str
    refund_id: int | None = None


async def queue(
    connection: asyncpg.Connection,
    vault: Vault,
    order: asyncpg.Record,
    notice: Notice,
    outbox_id: int,
    now: datetime,
) -> None:
    """Write a message to the buyer into the outbox, once; nothing where no telephone is known.

    Belongs into the transaction that makes true what the message says.
    """
    if order["phone_sealed"] is None:
        return
    phone = vault.open(order["phone_sealed"], f"orders.phone:{order['id']}")
    payload = {} if notice.refund_id is None else {"refund_id": notice.refund_id}
    await connection.execute(
        _QUEUE,
        order["site_id"],
        outbox_id,
        notice.kind,
        f"{notice.kind}:{notice.refund_id or order['id']}",
        order["id"],
        msgspec.json.encode(payload).decode(),
        vault.seal(phone, f"outbox.recipient:{outbox_id}"),
        now,
    )


async def refund(pool: asyncpg.Pool, site_id: int, refund_id: int) -> asyncpg.Record | None:
    """What a message about a refund may tell: its state, fen, and who carries the money."""
    return await pool.fetchrow(_REFUND, site_id, refund_id)


async def facts(pool: asyncpg.Pool, site_id: int, order_id: int) -> asyncpg.Record | None:
    """What a message about an order may tell."""
    return await pool.fetchrow(_FACTS, site_id, order_id)


async def begin(
    pool: asyncpg.Pool,
    key: tuple[int, int],
    lease: tuple[str, int],
    parts: int,
    now: datetime,
) -> bool:
    """Note that octets may leave from now on; False when the lease (worker, attempt) is over."""
    return await pool.fetchval(_BEGIN, *key, *lease, now, parts) is not None


async def give_back(
    pool: asyncpg.Pool, key: tuple[int, int], lease: tuple[str, int], due_at: datetime, error: str
) -> None:
    """Surely not accepted: due again later, unless the lease (worker, attempt) was taken away."""
    await pool.execute(_GIVE_BACK, *key, *lease, due_at, error)


async def add_refs(pool: asyncpg.Pool, key: tuple[int, int], refs: Sequence[str]) -> None:
    """Add references that are not there yet, whatever the state."""
    await pool.execute(_ADD_REFS, *key, list(refs))


async def keep_receipt(
    pool: asyncpg.Pool,
    place: tuple[int, int, str],
    told: tuple[str, str, str],
    now: datetime,
) -> None:
    """Keep a report (reference, outcome, code) at ``place`` (site, number, channel), once."""
    await pool.execute(_KEEP, *place, *told, now)


async def owner(
    pool: asyncpg.Pool, channel: str, ref: str, since: datetime
) -> tuple[int, int] | None:
    """The row that a reference belongs to."""
    row = await pool.fetchrow(_OWNER, channel, ref, since)
    return None if row is None else (row["site_id"], row["id"])


async def owners_of_unmatched(
    pool: asyncpg.Pool, account_site: int, channel: str, since: datetime
) -> list[tuple[int, int]]:
    """Rows with reports that were kept before their references were."""
    rows = await pool.fetch(_OWNERS, account_site, channel, since)
    return [(row["site_id"], row["id"]) for row in rows]


async def lock_outstanding(
    connection: asyncpg.Connection, key: tuple[int, int], account_site: int, channel: str
) -> Outstanding | None:
    """A row with its reports, locked; what was news is marked as seen. None while it is sent."""
    row = await connection.fetchrow(
        "SELECT state, payload, provider_ref FROM outbox WHERE site_id = $1 AND id = $2 FOR UPDATE",
        *key,
    )
    if row is None or row["state"] in {"sending", "pending"}:
        return None
    refs = row["provider_ref"]
    place = (account_site, channel, refs)
    first = await connection.fetch(_DELIVERIES, *place)
    news = await connection.fetch(_MATCHED, *place)
    return Outstanding(
        state=row["state"],
        parts=_parts(row["payload"], refs),
        refs=tuple(refs),
        deliveries={r["provider_ref"]: r["outcome"] for r in first},
        news=tuple((r["provider_ref"], r["outcome"], r["code"]) for r in news),
    )


async def unknown(pool: asyncpg.Pool, channel: str, since: datetime) -> list[Unknown]:
    """Messages of which it is not known whether they were taken."""
    rows = await pool.fetch(_UNKNOWN, channel, since)
    return [
        Unknown(
            site_id=row["site_id"],
            id=row["id"],
            recipient_sealed=row["recipient_sealed"],
            tried_at=row["sent_at"],
            parts=_parts(row["payload"], row["provider_ref"]),
            refs=tuple(row["provider_ref"]),
        )
        for row in rows
    ]


async def counts(
    pool: asyncpg.Pool, account_site: int, channel: str, now: datetime
) -> dict[str, int]:
    """Messages of the last week by state, and ``unmatched`` reports."""
    since = now - timedelta(days=7)
    rows = await pool.fetch(_COUNTS, channel, since)
    found = {row["state"]: row["rows"] for row in rows}
    found["unmatched"] = await pool.fetchval(
        "SELECT count(*) FROM outbox_receipt"
        " WHERE site_id = $1 AND channel = $2 AND NOT matched AND received_at > $3",
        account_site,
        channel,
        since,
    )
    return found


def _parts(payload: str, refs: Sequence[str]) -> int:
    told: dict[str, Any] = msgspec.json.decode(payload)
    return int(told.get("parts", max(1, len(refs))))
