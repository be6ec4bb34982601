"""SQL of devices: one-time enrolment codes and what they buy."""

import hashlib
from datetime import datetime

import asyncpg


def code_hash(code: str) -> bytes:
    """How a one-time code is kept: upper case, without separators, hashed.

    A code has at least 60 random bits and lives for hours, so a plain hash is enough.
    """
    text = "".join(c for c in code.upper() if c.isalnum())
    return hashlib.sha256(b"menpiao-enrol:" + text.encode()).digest()


async def enrol(
    pool: asyncpg.Pool, code: str, public_key: bytes, name: str, now: datetime
) -> int | None:
    """Enrol a key for a one-time code; its device id, or None when the code buys nothing.

    Asking again with the same code and key gives the same device: the first answer may be lost.
    """
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(
            "SELECT * FROM enrolment_code WHERE code_hash = $1 FOR UPDATE", code_hash(code)
        )
        if row is None:
            return None
        known = await connection.fetchval("SELECT id FROM device WHERE public_key = $1", public_key)
        if row["used_at"] is not None or known is not None:
            return int(known) if known and row["used_at"] is not None else None
        if row["expires_at"] <= now:
            return None
        device_id: int = await connection.fetchval(
            "INSERT INTO device (site_id, name, public_key, enrolled_at) VALUES ($1, $2, $3, $4)"
            " RETURNING id",
            row["site_id"],
            name[:60],
            public_key,
            now,
        )
        await connection.execute(
            "INSERT INTO device_gates (device_id, gate_id)"
            " SELECT $1, gate_id FROM enrolment_code_gates WHERE enrolmentcode_id = $2",
            device_id,
            row["id"],
        )
        await connection.execute(
            "UPDATE enrolment_code SET used_at = $1 WHERE id = $2", now, row["id"]
        )
        return device_id
