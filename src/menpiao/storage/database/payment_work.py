"""SQL of the payment server's work: payments to ask about, and what providers told us."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

_FIELDS = """p.site_id, p.id, p.order_id, p.provider, p.state, p.amount_fen, p.out_trade_no,
       p.code_url, p.expires_at, p.created_at, p.method, o.product_id, o.people"""
_FIND = f"""
SELECT {_FIELDS} FROM payment p
JOIN orders o ON o.site_id = p.site_id AND o.id = p.order_id
"""
# Taking a payment moves its next question away, so that no other worker asks at the same time;
# one that its worker then forgets is asked about again. A payment that never got as far as a code
# is looked at when its time is over. The open payments are few: the first condition is the one of
# the index that holds them alone.
_TAKE = f"""
UPDATE payment p SET next_query_at = $2, queries = least(queries + 1, 30000)
FROM orders o
WHERE o.site_id = p.site_id AND o.id = p.order_id AND (p.site_id, p.id) IN (
    SELECT site_id, id FROM payment
    WHERE state IN ('created', 'pending')
      AND (next_query_at <= $1 OR (next_query_at IS NULL AND expires_at <= $1))
      AND (state = 'pending' OR expires_at <= $1)
    ORDER BY next_query_at NULLS FIRST LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING {_FIELDS}
"""


@dataclass(frozen=True, slots=True)
class PaymentDue:
    """A payment as the worker needs it; a reading, decided on again under lock."""

    site_id: int
    id: int
    order_id: int
    provider: str
    state: str
    amount_fen: int
    out_trade_no: str
    code_url: str | None
    expires_at: datetime
    created_at: datetime
    method: str
    product_id: int
    people: int


def _due(row: asyncpg.Record) -> PaymentDue:
    values = dict(row)
    # A payment paid on the spot has no end; it is never due either.
    values["expires_at"] = row["expires_at"] or row["created_at"]
    return PaymentDue(**values)


async def find(pool: asyncpg.Pool, site_id: int, payment_id: int) -> PaymentDue | None:
    """A payment by its identifier."""
    row = await pool.fetchrow(f"{_FIND} WHERE p.site_id = $1 AND p.id = $2", site_id, payment_id)
    return None if row is None else _due(row)


async def take_due(
    pool: asyncpg.Pool, now: datetime, busy_until: datetime, count: int
) -> list[PaymentDue]:
    """Up to ``count`` payments that the provider must be asked about now."""
    return [_due(row) for row in await pool.fetch(_TAKE, now, busy_until, count)]


async def ask_again(
    pool: asyncpg.Pool, due: PaymentDue, at: datetime, *, unknown: bool = False, error: str = ""
) -> None:
    """When to ask about an open payment next; ``unknown`` marks an outcome nobody knows."""
    await pool.execute(
        "UPDATE payment SET next_query_at = $3, unknown = $4, last_error = $5"
        " WHERE site_id = $1 AND id = $2 AND state IN ('created', 'pending')",
        due.site_id,
        due.id,
        at,
        unknown,
        error[:200],
    )


async def ask_to_end(pool: asyncpg.Pool, due: PaymentDue, at: datetime) -> None:
    """The buyer gave it up, and the provider ends it from ``at`` on: its last moment is then."""
    await pool.execute(
        "UPDATE payment SET next_query_at = $3, expires_at = $3"
        " WHERE site_id = $1 AND id = $2 AND state = 'pending'",
        due.site_id,
        due.id,
        at,
    )


async def freeze_payload(pool: asyncpg.Pool, site_id: int, outbox_id: int, payload: str) -> None:
    """Keep what a request says before it is first sent: a repeat must say exactly the same."""
    await pool.execute(
        "UPDATE outbox SET payload = $3 WHERE site_id = $1 AND id = $2 AND payload = '{}'",
        site_id,
        outbox_id,
        payload,
    )


async def take_code(pool: asyncpg.Pool, site_id: int, outbox_id: int) -> str:
    """The payment code of a charge, taken out of its row: it is charged once; empty: it is gone."""
    found: str | None = await pool.fetchval(
        "WITH kept AS (SELECT site_id, id, payload ->> 'auth_code' AS code FROM outbox"
        " WHERE site_id = $1 AND id = $2 FOR UPDATE)"
        " UPDATE outbox o SET payload = '{}' FROM kept k"
        " WHERE o.site_id = k.site_id AND o.id = k.id RETURNING k.code",
        site_id,
        outbox_id,
    )
    return found or ""


async def keep_event(
    pool: asyncpg.Pool,
    site_id: int,
    provider: str,
    event: tuple[str, str],
    body: bytes,
    now: datetime,
) -> bool:
    """Keep a verified notification, id and kind, as it came; False when it is known already."""
    done = await pool.execute(
        "INSERT INTO provider_event (site_id, provider, event_id, kind, body, received_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        site_id,
        provider,
        *event,
        body,
        now,
    )
    return bool(done == "INSERT 0 1")
