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
UPDATE device SET public_key = $3, key_since = $4
WHERE id = $1 AND public_key = $2 AND revoked_at IS NULL
"""
_DEVICES = """
SELECT d.id, d.name, d.enrolled_at, coalesce(d.key_since, d.enrolled_at) AS key_since, d.revoked_at,
    l.reported_at, l.state, coalesce(s.version, 0) AS version, coalesce(s.outcome, '') AS outcome,
    coalesce(s.detail, '') AS detail, s.said_at,
    ARRAY(SELECT gate_id FROM device_gates WHERE device_id = d.id ORDER BY gate_id) AS gate_ids
FROM device d
LEFT JOIN lane_state l ON l.site_id = d.site_id AND l.device_id = d.id
LEFT JOIN device_setting s ON s.site_id = d.site_id AND s.device_id = d.id
WHERE d.site_id = $1 ORDER BY d.revoked_at DESC NULLS FIRST, d.id
"""
_HISTORY = """
SELECT t.id, t.device_id, t.action, t.detail, t.reason, t.made_at, t.expires_at, t.state, t.outcome,
    t.done_at, coalesce(cardinality(t.lines), -1) AS brought, coalesce(u.username, '') AS staff
FROM device_task t
LEFT JOIN staff s ON s.id = t.staff_id LEFT JOIN auth_user u ON u.id = s.user_id
WHERE t.site_id = $1 AND ($2::bigint IS NULL OR t.device_id = $2) ORDER BY t.id DESC LIMIT $3
"""
_BROUGHT = "SELECT lines FROM device_task WHERE site_id = $1 AND device_id = $2 AND id = $3"
_UNDER_WAY = """
SELECT id FROM device_task WHERE site_id = $1 AND device_id = $2 AND action = $3 AND detail = $4
    AND state = 'pending' AND expires_at > $5 LIMIT 1
"""
_REVOKE = "UPDATE device SET revoked_at = $3 WHERE site_id = $1 AND id = $2 AND revoked_at IS NULL"
_DONE = "UPDATE device_task SET state = 'done', done_at = $3 WHERE site_id = $1 AND id = $2"
_END_TASKS = """
UPDATE device_task SET state = 'failed', outcome = 'device_revoked', done_at = $3
WHERE site_id = $1 AND device_id = $2 AND state = 'pending'
"""
_CODES = """
SELECT c.id, c.expires_at,
    ARRAY(SELECT gate_id FROM enrolment_code_gates WHERE enrolmentcode_id = c.id ORDER BY gate_id)
        AS gate_ids
FROM enrolment_code c WHERE c.site_id = $1 AND c.used_at IS NULL AND c.expires_at > $2
ORDER BY c.expires_at
"""
_VERSIONS = """
SELECT v.id, v.gate_id, v.settings::text AS settings, v.reason, v.made_at,
    coalesce(u.username, '') AS staff
FROM lane_setting v
LEFT JOIN staff s ON s.id = v.staff_id LEFT JOIN auth_user u ON u.id = s.user_id
WHERE v.site_id = $1 AND v.gate_id IS NOT DISTINCT FROM $2
ORDER BY v.id DESC LIMIT $3
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


async def give(
    pool: asyncpg.Pool | asyncpg.Connection, site_id: int, task_id: int, new: NewTask
) -> None:
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


async def done(connection: asyncpg.Connection, site_id: int, task_id: int, new: NewTask) -> None:
    """Write a task that a person has done as it is written: it waits for no terminal."""
    await give(connection, site_id, task_id, new)
    await connection.execute(_DONE, site_id, task_id, new.made_at)


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


async def history(
    pool: asyncpg.Pool, site_id: int, device_id: int | None, now: datetime, most: int
) -> list[asyncpg.Record]:
    """The last tasks of a terminal (None: of the site), who asked, how many lines it brought."""
    await pool.execute(_EXPIRE, [site_id], now)
    return list(await pool.fetch(_HISTORY, site_id, device_id, most))


async def brought(
    pool: asyncpg.Pool, site_id: int, device_id: int, task_id: int
) -> list[str] | None:
    """The log lines that a terminal brought for a task; None: it brought none."""
    found: list[str] | None = await pool.fetchval(_BROUGHT, site_id, device_id, task_id)
    return found


async def under_way(
    pool: asyncpg.Pool, site_id: int, task: tuple[int, str, str], now: datetime
) -> int | None:
    """The same (device, action, detail) that is not answered yet; None: there is none."""
    found: int | None = await pool.fetchval(_UNDER_WAY, site_id, *task, now)
    return found


async def devices(pool: asyncpg.Pool, site_id: int) -> list[asyncpg.Record]:
    """The terminals of a site, how each said it is, and what it made of its settings."""
    return list(await pool.fetch(_DEVICES, site_id))


async def revoke(
    connection: asyncpg.Connection, site_id: int, device_id: int, now: datetime
) -> bool:
    """Never let a terminal in again; False: it is not let in as it is."""
    done: str = await connection.execute(_REVOKE, site_id, device_id, now)
    await connection.execute(_END_TASKS, site_id, device_id, now)
    return done.endswith(" 1")


async def codes(pool: asyncpg.Pool, site_id: int, now: datetime) -> list[asyncpg.Record]:
    """The one-time codes of a site that still buy a place."""
    return list(await pool.fetch(_CODES, site_id, now))


async def versions(
    pool: asyncpg.Pool, site_id: int, gate_id: int | None, most: int
) -> list[asyncpg.Record]:
    """The last versions of a site's settings (``gate_id`` None) or a gate's, newest first."""
    return list(await pool.fetch(_VERSIONS, site_id, gate_id, most))


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


async def roll(
    pool: asyncpg.Pool, device_id: int, before: bytes, after: bytes, now: datetime
) -> bool:
    """Put a key in the place of another, at once for everybody; False: it is not that one."""
    try:
        done: str = await pool.execute(_ROLL, device_id, before, after, now)
    except asyncpg.UniqueViolationError:
        return False  # another terminal's
    return done.endswith(" 1")
