"""SQL that tells at a glance what a site has done and how large its data store is."""

from dataclasses import dataclass

import asyncpg

_OVERVIEW = """
SELECT current_setting('server_version') AS version,
    pg_database_size(current_database()) AS bytes,
    (SELECT count(*) FROM admission WHERE site_id = $1) AS admissions,
    (SELECT count(*) FROM orders WHERE site_id = $1) AS orders,
    (SELECT count(*) FROM orders WHERE site_id = $1 AND state = 'awaiting_payment') AS awaiting,
    (SELECT count(*) FROM payment WHERE site_id = $1 AND state = 'paid') AS payments,
    (SELECT count(*) FROM outbox WHERE site_id = $1 AND channel = 'sms'
        AND state NOT IN ('pending', 'sending')) AS messages
"""
_HOLDERS = """
SELECT t.id, t.holder_sealed, t.document_type, t.holder_masked, t.state, t.used
FROM ticket t JOIN orders o ON o.site_id = t.site_id AND o.id = t.order_id
WHERE t.site_id = $1 AND o.token NOT LIKE 'web:demo-%' AND t.state IN ('held', 'valid', 'used')
    AND t.holder_sealed IS NOT NULL
ORDER BY o.created_at DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts since the data store was made; ``bytes`` is its size on disk."""

    version: str
    bytes: int
    admissions: int
    orders: int
    awaiting: int
    payments: int
    messages: int


async def overview(connection: asyncpg.Connection, site_id: int) -> Overview:
    """What a site has done so far."""
    row = await connection.fetchrow(_OVERVIEW, site_id)
    assert row is not None
    return Overview(**dict(row))


async def latest_holders(
    connection: asyncpg.Connection, site_id: int, limit: int
) -> list[asyncpg.Record]:
    """Sealed holders of the tickets booked last, but for those whose order's token is ``demo-``."""
    rows: list[asyncpg.Record] = await connection.fetch(_HOLDERS, site_id, limit)
    return rows
