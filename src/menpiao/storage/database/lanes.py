"""SQL of lanes: how they said they are, what people told them to do, what happened at them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

_KEEP = """
INSERT INTO lane_state AS l (site_id, device_id, reported_at, state)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::jsonb[])
ON CONFLICT (site_id, device_id) DO UPDATE
    SET reported_at = excluded.reported_at, state = excluded.state
    WHERE l.reported_at <= excluded.reported_at
"""
_STATES = "SELECT device_id, reported_at, state FROM lane_state WHERE site_id = $1"
_SCANS = """
SELECT s.* FROM unnest($2::bigint[]) g (id) CROSS JOIN LATERAL (
    SELECT a.gate_id, a.at, a.admitted, a.reason, a.people, coalesce(t.holder_masked, '') AS holder
    FROM admission a LEFT JOIN ticket t ON t.site_id = a.site_id AND t.id = a.ticket_id
    WHERE a.site_id = $1 AND a.gate_id = g.id AND a.at > $3 ORDER BY a.at DESC LIMIT $4) s
"""
_PEOPLE = """
SELECT gate_id, sum(people)::int AS people FROM admission
WHERE site_id = $1 AND gate_id = ANY($2::bigint[]) AND at > $3 AND admitted GROUP BY gate_id
"""
_ALARMS = """
SELECT gate_id, kind, max(at) AS at FROM passage
WHERE site_id = $1 AND at > $2 AND kind = ANY($3::text[]) GROUP BY gate_id, kind
"""
_CONFLICTS = "SELECT count(*)::int FROM conflict WHERE site_id = $1 AND state = 'open'"
_NEWEST_CONFLICTS = """
SELECT c.id, c.ticket_id, c.excess, coalesce(t.holder_masked, '') AS holder,
    e.at AS first_at, coalesce(f.name, '') AS first, coalesce(f.name_en, '') AS first_en,
    a.at AS second_at, coalesce(g.name, '') AS second, coalesce(g.name_en, '') AS second_en
FROM conflict c
LEFT JOIN ticket t ON t.site_id = c.site_id AND t.id = c.ticket_id
LEFT JOIN admission e ON e.site_id = c.site_id AND e.id = c.earlier_id
LEFT JOIN gate f ON f.id = e.gate_id
LEFT JOIN admission a ON a.site_id = c.site_id AND a.id = c.admission_id
LEFT JOIN gate g ON g.id = a.gate_id
WHERE c.site_id = $1 AND c.state = 'open' ORDER BY c.found_at DESC, c.id DESC LIMIT $2
"""
_TODAY = """
SELECT coalesce(sum(b.entries), 0)::int AS entries, coalesce(sum(b.exits), 0)::int AS exits
FROM flow_bucket b JOIN gate g ON g.id = b.gate_id AND g.zone_id IS NULL
LEFT JOIN gate_group gg ON gg.id = g.group_id
WHERE gg.zone_id IS NULL AND b.site_id = $1 AND b.bucket >= $2
"""
_COMMAND = """
INSERT INTO lane_command (site_id, id, gate_id, action, reason, staff_id, second_id, made_at,
    expires_at, state, token)
SELECT $1, u.id, u.gate_id, $4, $5, $6, $7, $8, $9, $10, $11
FROM unnest($2::bigint[], $3::bigint[]) u (id, gate_id)
ON CONFLICT (site_id, token) DO NOTHING
"""
_SAME = "SELECT id FROM lane_command WHERE site_id = $1 AND token = $2"
_OPEN_GATES = "UPDATE gate SET is_open = $3 WHERE site_id = $1 AND id = ANY($2::bigint[])"
_CONFIRM = """
UPDATE lane_command SET state = 'confirmed', second_id = $3, done_at = $4
WHERE site_id = $1 AND id = $2 AND state = 'awaiting' AND staff_id <> $3 AND expires_at > $4
RETURNING action, reason, staff_id
"""
_NAMES = "coalesce(u.username, '') AS staff, coalesce(v.username, '') AS second"
_NAMED = """
LEFT JOIN staff s ON s.id = c.staff_id LEFT JOIN auth_user u ON u.id = s.user_id
LEFT JOIN staff t ON t.id = c.second_id LEFT JOIN auth_user v ON v.id = t.user_id
"""
_TAKE = f"""
UPDATE lane_command l SET state = 'sent' FROM (
    SELECT c.site_id, c.id, {_NAMES} FROM lane_command c {_NAMED}
    WHERE c.site_id = ANY($1::bigint[]) AND c.gate_id = ANY($2::bigint[]) AND c.state = 'pending'
        AND c.expires_at > $3 FOR UPDATE OF c SKIP LOCKED) p
WHERE l.site_id = p.site_id AND l.id = p.id
RETURNING l.site_id, l.id, l.gate_id, l.action, l.reason, l.made_at, p.staff, p.second
"""
_UNANSWERED = f"""
SELECT c.site_id, c.id, c.gate_id, c.action, c.reason, c.made_at, {_NAMES}
FROM lane_command c {_NAMED}
WHERE c.site_id = ANY($1::bigint[]) AND c.gate_id = ANY($2::bigint[]) AND c.state = 'sent'
    AND c.expires_at > $3 AND c.action = ANY($4::text[])
"""
_EXPIRE = """
UPDATE lane_command SET state = 'expired', done_at = expires_at
WHERE site_id = ANY($1::bigint[]) AND state IN ('pending', 'sent', 'awaiting') AND expires_at <= $2
"""
# A lane with two terminals has done it when one has; an answer that comes late is still the truth.
_ANSWER = """
UPDATE lane_command SET state = CASE $4 WHEN 'done' THEN 'done' ELSE 'failed' END,
    outcome = $5, done_at = $6
WHERE site_id = $1 AND id = $2 AND gate_id = ANY($3::bigint[])
    AND state IN ('sent', 'expired', 'failed')
"""
_COMMANDS = """
SELECT c.id, c.gate_id, c.action, c.reason, c.staff_id, c.state, c.outcome, c.made_at,
    c.expires_at, c.done_at, {names} FROM lane_command c {named}
WHERE c.site_id = $1 {when} ORDER BY c.made_at DESC, c.id DESC LIMIT $2
"""
_LAST_COMMANDS, _COMMANDS_AT, _COMMANDS_OF = (
    _COMMANDS.format(names=_NAMES, named=_NAMED, when=when)
    for when in (
        "",
        "AND c.gate_id = ANY($3::bigint[]) AND c.action = ANY($4)",
        "AND c.made_at >= $3 AND c.made_at < $4",
    )
)


@dataclass(frozen=True, slots=True)
class Kept:
    """How a terminal said it is; ``state`` is JSON text."""

    site_id: int
    device_id: int
    reported_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """What a lane is told to do; ``reason`` is the text of ``show``.

    ``staff`` and ``second``: the accounts of who gave it and who agreed; empty: there is none.
    """

    site_id: int
    id: int
    gate_id: int
    action: str
    reason: str
    made_at: datetime
    staff: str
    second: str


@dataclass(frozen=True, slots=True)
class NewCommand:
    """A command by a person; ``second_id``: who agreed; ``state``: where it begins.

    ``token``: the asker's own name for it; a second command of the same name is not written.
    """

    action: str
    reason: str
    staff_id: int
    second_id: int | None
    made_at: datetime
    expires_at: datetime
    state: str = "pending"
    token: str | None = None


async def keep_states(pool: asyncpg.Pool, states: Sequence[Kept]) -> None:
    """Write states; one that is older than what is kept changes nothing."""
    columns = zip(*((s.site_id, s.device_id, s.reported_at, s.state) for s in states), strict=True)
    await pool.execute(_KEEP, *map(list, columns))


async def states(pool: asyncpg.Pool, site_id: int) -> list[asyncpg.Record]:
    """How the terminals of a site said they are."""
    return list(await pool.fetch(_STATES, site_id))


async def scans(
    pool: asyncpg.Pool, site_id: int, gates: Collection[int], since: datetime, most: int
) -> list[asyncpg.Record]:
    """The last scans of each gate, holders masked."""
    return list(await pool.fetch(_SCANS, site_id, list(gates), since, most))


async def people(
    pool: asyncpg.Pool, site_id: int, gates: Collection[int], since: datetime
) -> dict[int, int]:
    """People admitted at each gate since then."""
    rows = await pool.fetch(_PEOPLE, site_id, list(gates), since)
    return {r["gate_id"]: r["people"] for r in rows}


async def alarms(
    pool: asyncpg.Pool, site_id: int, since: datetime, kinds: Collection[str]
) -> list[asyncpg.Record]:
    """What barriers reported of these kinds since then, the last of each."""
    return list(await pool.fetch(_ALARMS, site_id, since, list(kinds)))


async def open_conflicts(pool: asyncpg.Pool, site_id: int) -> int:
    """How many conflicts nobody has resolved."""
    found: int = await pool.fetchval(_CONFLICTS, site_id)
    return found


async def newest_conflicts(pool: asyncpg.Pool, site_id: int, most: int) -> list[asyncpg.Record]:
    """Those that nobody has resolved, the newest first, with both scans."""
    return list(await pool.fetch(_NEWEST_CONFLICTS, site_id, most))


async def today(pool: asyncpg.Pool, site_id: int, midnight: datetime) -> tuple[int, int]:
    """People in and out through the site's own gates since midnight."""
    row = await pool.fetchrow(_TODAY, site_id, midnight)
    return row["entries"], row["exits"]


async def command(
    connection: asyncpg.Connection,
    site_id: int,
    rows: Sequence[tuple[int, int | None]],
    new: NewCommand,
) -> int | None:
    """Write a command for each (id, gate); no gate: for the whole site.

    The id of the one that has the token already; None: these are written.
    """
    done: str = await connection.execute(
        _COMMAND,
        site_id,
        [identifier for identifier, _ in rows],
        [gate for _, gate in rows],
        new.action,
        new.reason,
        new.staff_id,
        new.second_id,
        new.made_at,
        new.expires_at,
        new.state,
        new.token,
    )
    if new.token is None or not done.endswith(" 0"):
        return None
    earlier: int = await connection.fetchval(_SAME, site_id, new.token)
    return earlier


async def set_open(
    connection: asyncpg.Connection, site_id: int, gates: Collection[int], *, is_open: bool
) -> None:
    """Let gates admit people, or not."""
    await connection.execute(_OPEN_GATES, site_id, list(gates), is_open)


async def confirm(
    connection: asyncpg.Connection, site_id: int, command_id: int, second_id: int, now: datetime
) -> asyncpg.Record | None:
    """Agree to a command that waits for a second person; None: it does not wait for this one."""
    return await connection.fetchrow(_CONFIRM, site_id, command_id, second_id, now)


async def take(
    pool: asyncpg.Pool,
    sites: Collection[int],
    gates: Collection[int],
    now: datetime,
    repeatable: Collection[str],
) -> list[Ordered]:
    """Commands for these gates: each new one to one process alone, repeatable ones until answered.

    What has expired is marked so and never returned; the rest is in the order it was given.
    """
    places = list(sites), list(gates)
    await pool.execute(_EXPIRE, places[0], now)
    fresh = await pool.fetch(_TAKE, *places, now)
    again = await pool.fetch(_UNANSWERED, *places, now, list(repeatable))
    found = [Ordered(**r) for r in {r["id"]: r for r in [*again, *fresh]}.values()]
    return sorted(found, key=lambda one: (one.made_at, one.id))


async def expire(pool: asyncpg.Pool, site_id: int, now: datetime) -> None:
    """Mark what nobody answered or confirmed in time."""
    await pool.execute(_EXPIRE, [site_id], now)


async def answer(
    pool: asyncpg.Pool,
    site_id: int,
    command_id: int,
    gates: Collection[int],
    said: tuple[str, str],
    now: datetime,
) -> bool:
    """Keep what a lane did: ``said`` is (outcome, what is shown). False: not its command."""
    outcome, shown = said
    done: str = await pool.execute(_ANSWER, site_id, command_id, list(gates), outcome, shown, now)
    return done.endswith(" 1")


async def commands(pool: asyncpg.Pool, site_id: int, most: int) -> list[asyncpg.Record]:
    """The last commands of a site, who gave them and what became of them."""
    return list(await pool.fetch(_LAST_COMMANDS, site_id, most))


async def commands_at(
    pool: asyncpg.Pool, site_id: int, gates: Collection[int], actions: Collection[str], most: int
) -> list[asyncpg.Record]:
    """The last commands of these kinds to these gates."""
    return list(await pool.fetch(_COMMANDS_AT, site_id, most, list(gates), list(actions)))


async def commands_between(
    pool: asyncpg.Pool, site_id: int, begin: datetime, end: datetime, most: int
) -> list[asyncpg.Record]:
    """The commands of a site that were given from ``begin`` until before ``end``, newest first."""
    return list(await pool.fetch(_COMMANDS_OF, site_id, most, begin, end))
