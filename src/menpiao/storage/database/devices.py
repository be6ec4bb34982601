"""SQL of devices: one-time enrolment codes and what they buy."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg

CODE_LIFE: Final = timedelta(hours=1)
"""A one-time code buys nothing afterwards."""


def code_hash(code: str) -> bytes:
    """How a one-time code is kept: upper case, without separators, hashed.

    A code has at least 60 random bits and lives for hours, so a plain hash is enough.
    """
    text = "".join(c for c in code.upper() if c.isalnum())
    return hashlib.sha256(b"menpiao-enrol:" + text.encode()).digest()


def new_code() -> str:
    """A code as people copy it: 64 random bits in four groups."""
    code = secrets.token_hex(8).upper()
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))


async def issue(
    connection: asyncpg.Connection, site_id: int, gates: Sequence[int], now: datetime
) -> str:
    """A fresh one-time code for a terminal at these gates; only its hash is kept."""
    code = new_code()
    code_id = await connection.fetchval(
        "INSERT INTO enrolment_code (site_id, code_hash, expires_at) VALUES ($1, $2, $3)"
        " RETURNING id",
        site_id,
        code_hash(code),
        now + CODE_LIFE,
    )
    await connection.execute(
        "INSERT INTO enrolment_code_gates (enrolmentcode_id, gate_id)"
        " SELECT $1, unnest($2::bigint[])",
        code_id,
        list(gates),
    )
    return code


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
