"""SQL of terminals themselves: tasks, settings, keys."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

_TASK = """
INSERT INTO device_task (site_id, id, device_id, action, detail, reason, staff_id, made_at,
    expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_DUE = """
SELECT site_id, id, device_id, action, detail FROM device_task
WHERE site_id = ANY($1::bigint[]) AND device_id = ANY($2::bigint[]) AND state = 'pending'
    AND expires_at > $3 ORDER BY made_at
"""
_EXPIRE = """
UPDATE device_task SET state = 'expired', done_at = expires_at
WHERE site_id = ANY($1::bigint[]) AND state = 'pending' AND expires_at <= $2
"""
# An answer that comes late is still the truth.
_ANSWER = """
UPDATE device_task SET state = CASE $4 WHEN 'done' THEN 'done' ELSE 'failed' END, outcome = $5,
    done_at = $6
WHERE site_id = $1 AND id = $2 AND device_id = $3 AND state IN ('pending', 'expired', 'failed')
"""
_LINES = """
UPDATE device_task SET lines = $4::text[]
WHERE site_id = $1 AND id = $2 AND device_id = $3 AND action = 'logs' AND made_at > $5
"""
_SETTING = """
INSERT INTO lane_setting (site_id, id, gate_id, settings, reason, staff_id, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_NEWEST = """
SELECT DISTINCT ON (site_id, gate_id) site_id, gate_id, id, settings::text AS settings
FROM lane_setting WHERE site_id = ANY($1::bigint[]) ORDER BY site_id, gate_id, id DESC
"""
_SAID = """
INSERT INTO device_setting (site_id, device_id, version, outcome, detail, said_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (site_id, device_id) DO UPDATE SET version = excluded.version,
    outcome = excluded.outcome, detail = excluded.detail, said_at = excluded.said_at
"""
_ROLL = """
UPDATE device SET public_key = $3 WHERE id = $1 AND public_key = $2 AND revoked_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Task:
    """Something that a terminal is to do."""

    site_id: int
    id: int
    device_id: int
    action: str
    detail: str


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task by a person."""

    device_id: int
    action: str
    detail: str
    reason: str
    staff_id: int
    made_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Setting:
    """The newest version for a site (``gate_id`` None) or a gate; ``settings`` is JSON text."""

    site_id: int
    gate_id: int | None
    id: int
    settings: str


async def give(pool: asyncpg.Pool, site_id: int, task_id: int, new: NewTask) -> None:
    """Write a task."""
    await pool.execute(
        _TASK,
        site_id,
        task_id,
        new.device_id,
        new.action,
        new.detail,
        new.reason,
        new.staff_id,
        new.made_at,
        new.expires_at,
    )


async def due(
    pool: asyncpg.Pool, sites: Collection[int], devices: Collection[int], now: datetime
) -> list[Task]:
    """What these terminals have not answered yet; what has expired is marked so."""
    await pool.execute(_EXPIRE, list(sites), now)
    return [Task(**r) for r in await pool.fetch(_DUE, list(sites), list(devices), now)]


async def answer(
    pool: asyncpg.Pool,
    place: tuple[int, int, int],
    said: tuple[str, str],
    now: datetime,
) -> bool:
    """Keep what a terminal did; ``place`` is (site, task, terminal). False: not its task."""
    done: str = await pool.execute(_ANSWER, *place, *said, now)
    return done.endswith(" 1")


async def keep_lines(
    pool: asyncpg.Pool, place: tuple[int, int, int], lines: Sequence[str], since: datetime
) -> bool:
    """Keep log lines with the task that asked for them; False: none did since then."""
    done: str = await pool.execute(_LINES, *place, list(lines), since)
    return done.endswith(" 1")


async def tasks(
    pool: asyncpg.Pool, site_id: int, device_id: int, most: int
) -> list[asyncpg.Record]:
    """The last tasks of a terminal, with the lines that it brought."""
    query = (
        "SELECT * FROM device_task WHERE site_id = $1 AND device_id = $2 ORDER BY id DESC LIMIT $3"
    )
    return list(await pool.fetch(query, site_id, device_id, most))


async def set_lanes(
    pool: asyncpg.Pool,
    place: tuple[int, int, int | None],
    settings: str,
    by: tuple[str, int, datetime],
) -> None:
    """Write a version: ``place`` is (site, version, gate), ``by`` (reason, person, when)."""
    await pool.execute(_SETTING, *place, settings, *by)


async def settings(pool: asyncpg.Pool, sites: Collection[int]) -> list[Setting]:
    """The newest versions of these sites and their gates."""
    return [Setting(**r) for r in await pool.fetch(_NEWEST, list(sites))]


async def say(
    pool: asyncpg.Pool,
    place: tuple[int, int],
    said: tuple[int, str, str],
    now: datetime,
) -> None:
    """What a terminal made of a version: ``place`` (site, terminal), ``said`` (version, …)."""
    await pool.execute(_SAID, *place, *said, now)


async def said(pool: asyncpg.Pool, site_id: int) -> list[asyncpg.Record]:
    """What the terminals of a site made of the last version that each was told."""
    query = "SELECT * FROM device_setting WHERE site_id = $1"
    return list(await pool.fetch(query, site_id))


async def roll(pool: asyncpg.Pool, device_id: int, before: bytes, after: bytes) -> bool:
    """Put a key in the place of another, at once for everybody; False: it is not that one."""
    try:
        done: str = await pool.execute(_ROLL, device_id, before, after)
    except asyncpg.UniqueViolationError:
        return False  # another terminal's
    return done.endswith(" 1")
