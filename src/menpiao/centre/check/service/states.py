"""How lanes are: kept from heart-beats, and put together for the people who watch over them."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any, Final

import asyncpg
import msgspec

from menpiao.domain.reasons import WORDINGS, Reason
from menpiao.domain.ticket import serial_number
from menpiao.storage.database import lanes
from menpiao.storage.database.catalogue import Catalogue, Device, Snapshot
from menpiao.storage.database.lanes import Kept
from menpiao.wire.check import Heartbeat
from menpiao.wire.fleet import is_hub

EVERY_S: Final = 2.0
"""States of all terminals of a process are written at most so often, in one statement."""
SILENT: Final = timedelta(seconds=20)
"""A terminal that has said nothing for so long is not there, whatever its link was."""
OFFLINE_ALARM: Final = timedelta(minutes=1)
DATA_OLD: Final = timedelta(minutes=5)
CLOCK_OFF_S: Final = 30
RATE: Final = timedelta(minutes=5)
_ALARMS_FOR = timedelta(minutes=10)
_SCANS_FOR = timedelta(hours=24)
_SCANS, _COMMANDS, _CONFLICTS = 3, 12, 5
MOST_COMMANDS: Final = 1000
ALARM_KINDS: Final = ("open_failed", "reverse", "tailgating", "alarm", "lost")
"""What a barrier reports (kinds of ``wire.lane.PassageEvent``) that somebody should see to."""
_OVER: Final = {"alarm": "alarm_over", "lost": "back"}
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
WATCHED_S: Final = 0.9
"""All who watch a site see one reading of it, not older than this."""
_json = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class ScanLine:
    """A scan as the board shows it; the holder masked."""

    at: datetime
    admitted: bool
    said: str
    said_en: str
    people: int
    holder: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane and its terminals; ``up``: one of them is there."""

    gate_id: int
    name: str
    name_en: str
    direction: str
    is_open: bool
    up: bool
    heard_at: datetime | None
    state: Mapping[str, Any]
    """What the terminal heard last said; empty: none ever has."""
    data_age_s: int | None
    people: int
    """Admitted in the last five minutes."""
    scans: tuple[ScanLine, ...]
    alarms: tuple[str, ...]
    """Codes: ``no_terminal``, ``offline``, ``paper_out``, and so on."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command as the board shows it; ``gate_id`` None: for the whole site."""

    id: int
    gate_id: int | None
    action: str
    reason: str
    staff_id: int
    staff: str
    second: str
    state: str
    outcome: str
    made_at: datetime
    expires_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class ConflictLine:
    """A ticket that two lanes admitted without knowing of each other; the holder masked.

    ``excess``: people more than the ticket has.
    """

    id: int
    ticket_id: int
    excess: int
    holder: str
    first_at: datetime | None
    first: str
    first_en: str
    second_at: datetime | None
    second: str
    second_en: str

    @property
    def ticket_no(self) -> str:
        """The ticket's number as people read it."""
        return serial_number(self.ticket_id)


@dataclass(frozen=True, slots=True)
class Board:
    """A site's lanes at one moment."""

    at: datetime
    zone: str
    lanes: tuple[Lane, ...]
    commands: tuple[CommandLine, ...]
    conflicts: int
    """How many nobody has resolved."""
    newest_conflicts: tuple[ConflictLine, ...]
    entries: int
    exits: int
    ceiling: int

    @property
    def awaiting(self) -> tuple[CommandLine, ...]:
        """What waits for a second person."""
        return tuple(c for c in self.commands if c.state == "awaiting")

    @property
    def mark(self) -> str:
        """Changes when there is something else to see; that time goes by alone is not."""
        still = replace(self, at=_NEVER, lanes=tuple(replace(x, data_age_s=0) for x in self.lanes))
        return hashlib.blake2b(repr(still).encode(), digest_size=12).hexdigest()

    @property
    def up(self) -> int:
        """Lanes that are there."""
        return sum(lane.up for lane in self.lanes)

    @property
    def inside(self) -> int:
        """People inside, as far as lanes counted them."""
        return max(0, self.entries - self.exits)


class StateService:
    """Keeps and shows how lanes are."""

    def __init__(
        self, pool: asyncpg.Pool, catalogue: Catalogue, clock: Callable[[], datetime]
    ) -> None:
        """Stand on the data store; ``clock`` gives the time in UTC."""
        self._pool = pool
        self._catalogue = catalogue
        self._clock = clock
        self._waiting: dict[int, Kept] = {}
        self._said: dict[int, dict[str, Any]] = {}
        self._flushed_s = 0.0
        self._watched: dict[int, tuple[float, Board]] = {}
        self._reading = asyncio.Lock()

    def heard(
        self, site_id: int, device_id: int, beat: Heartbeat, now: datetime, *, newer: bool = False
    ) -> None:
        """A terminal has said how it is; written with the others' within seconds.

        ``newer``: it has also said what only a newer centre knows.
        """
        before = self._said.get(device_id, {})
        said = {
            "up": True,
            "state": beat.state,
            "paper": beat.paper,
            "mode": beat.mode or "centre",
            "data_at": beat.data_at.isoformat() if beat.data_at else None,
            "tickets": beat.tickets,
            "queue": beat.queue,
            "software": beat.software or before.get("software", ""),
            "clock_s": round((beat.at - now).total_seconds()),
            "rules": beat.rules,
            "rules_why": beat.rules_why,
            "unknown": beat.unknown or 0,
            "newer": newer,
        }
        self._put(site_id, device_id, said, now)

    def lost(self, site_id: int, device_id: int, now: datetime) -> None:
        """A terminal's link has ended."""
        self._put(site_id, device_id, self._said.get(device_id, {}) | {"up": False}, now)

    def _put(self, site_id: int, device_id: int, said: dict[str, Any], now: datetime) -> None:
        self._said[device_id] = said
        self._waiting[device_id] = Kept(site_id, device_id, now, _json.encode(said).decode())

    async def flush_when_due(self) -> None:
        """Write what waits, not more often than every two seconds."""
        if time.monotonic() - self._flushed_s >= EVERY_S:
            await self.flush()

    async def flush(self) -> None:
        """Write what waits; what cannot be written now waits on."""
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            await lanes.keep_states(self._pool, list(waiting.values()))
        except BaseException:  # also a cancelled write: nothing that was said may be lost
            self._waiting = waiting | self._waiting
            raise
        self._flushed_s = time.monotonic()

    async def watched(self, site_id: int) -> Board | None:
        """A site's lanes, about a second old at most; None: there is no such site."""
        async with self._reading:
            read = self._watched.get(site_id)
            if read is None or time.monotonic() - read[0] > WATCHED_S:
                if site_id not in (await self._catalogue.current()).sites:
                    return None
                read = time.monotonic(), await self.board(site_id)
                self._watched[site_id] = read
            return read[1]

    async def commands_of(self, site_id: int, day: date | None) -> tuple[date, list[CommandLine]]:
        """What was commanded on a day of the site, newest first; None: today. At most 1000."""
        site, now = (await self._catalogue.current()).sites[site_id], self._clock()
        await lanes.expire(self._pool, site_id, now)
        day = day or now.astimezone(site.zone).date()
        begin = datetime.combine(day, clock_time(), site.zone)
        end = datetime.combine(day + timedelta(days=1), clock_time(), site.zone)
        rows = await lanes.commands_between(self._pool, site_id, begin, end, MOST_COMMANDS)
        return day, [CommandLine(**row) for row in rows]

    async def commands_at(
        self, site_id: int, gates: Collection[int], actions: Collection[str]
    ) -> list[CommandLine]:
        """The last commands of these kinds to these gates, newest first."""
        await lanes.expire(self._pool, site_id, self._clock())
        rows = await lanes.commands_at(self._pool, site_id, gates, actions, _COMMANDS)
        return [CommandLine(**row) for row in rows]

    async def board(self, site_id: int) -> Board:
        """A site's lanes as they are now."""
        snapshot, now, pool = await self._catalogue.current(), self._clock(), self._pool
        site = snapshot.sites[site_id]
        await lanes.expire(pool, site_id, now)
        gates = [gate for gate in snapshot.gates.values() if gate.site_id == site_id]
        # A hub stands for lanes and at none: what it says of itself is no lane's state.
        said_by = {r["device_id"]: r for r in await lanes.states(pool, site_id)}
        heard = {n: r for n, r in said_by.items() if not _of_hub(r["state"])}
        scans: dict[int, list[ScanLine]] = {}
        for row in await lanes.scans(
            pool, site_id, [g.id for g in gates], now - _SCANS_FOR, _SCANS
        ):
            scans.setdefault(row["gate_id"], []).append(_scan(row))
        people = await lanes.people(pool, site_id, [g.id for g in gates], now - RATE)
        barrier: dict[int, dict[str, datetime]] = {}
        kinds = (*ALARM_KINDS, *_OVER.values())
        for row in await lanes.alarms(pool, site_id, now - _ALARMS_FOR, kinds):
            barrier.setdefault(row["gate_id"], {})[row["kind"]] = row["at"]
        found = []
        for gate in sorted(gates, key=lambda g: g.id):
            last = max(
                (heard[d.id] for d in _devices(snapshot, gate.id) if d.id in heard),
                key=lambda r: r["reported_at"],
                default=None,
            )
            said = msgspec.json.decode(last["state"]) if last else {}
            heard_at = last["reported_at"] if last else None
            data_at = said.get("data_at")
            found.append(
                Lane(
                    gate_id=gate.id,
                    name=gate.name,
                    name_en=gate.name_en,
                    direction=gate.direction.value,
                    is_open=gate.is_open,
                    up=bool(said.get("up")) and heard_at is not None and now - heard_at < SILENT,
                    heard_at=heard_at,
                    state=said,
                    data_age_s=_age_s(data_at, now),
                    people=people.get(gate.id, 0),
                    scans=tuple(scans.get(gate.id, ())),
                    alarms=(
                        *_alarms(said, heard_at, now),
                        *_of_barrier(barrier.get(gate.id, {})),
                    ),
                )
            )
        midnight = now.astimezone(site.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        entries, exits = await lanes.today(pool, site_id, midnight)
        return Board(
            at=now,
            zone=site.zone.key,
            lanes=tuple(found),
            commands=tuple(
                CommandLine(**r) for r in await lanes.commands(pool, site_id, _COMMANDS)
            ),
            conflicts=await lanes.open_conflicts(pool, site_id),
            newest_conflicts=tuple(
                ConflictLine(**r) for r in await lanes.newest_conflicts(pool, site_id, _CONFLICTS)
            ),
            entries=entries,
            exits=exits,
            ceiling=site.instant_capacity,
        )


def _of_hub(state: str) -> bool:
    said: dict[str, Any] = msgspec.json.decode(state)
    return is_hub(said.get("software", ""))


def _devices(snapshot: Snapshot, gate_id: int) -> list[Device]:
    return [d for d in snapshot.devices.values() if gate_id in d.gate_ids and d.revoked_at is None]


def _scan(row: asyncpg.Record) -> ScanLine:
    words = WORDINGS[Reason(row["reason"])]
    return ScanLine(row["at"], row["admitted"], words.zh, words.en, row["people"], row["holder"])


def _age_s(data_at: str | None, now: datetime) -> int | None:
    if not data_at:
        return None
    return max(0, round((now - datetime.fromisoformat(data_at)).total_seconds()))


def _alarms(said: Mapping[str, Any], heard_at: datetime | None, now: datetime) -> Iterator[str]:
    """What somebody should go and see to."""
    if heard_at is None:
        yield "no_terminal"
        return
    if now - heard_at > OFFLINE_ALARM:
        yield "offline"
        return
    yield from version_alarms(said)
    if said.get("paper") in {"out", "low"}:
        yield f"paper_{said['paper']}"
    if said.get("state") in {"fault", "out_of_service"}:
        yield "lane_fault"
    age_s = _age_s(said.get("data_at"), now)
    if age_s is not None and age_s > DATA_OLD.total_seconds():
        yield "data_old"
    if abs(said.get("clock_s") or 0) > CLOCK_OFF_S:
        yield "clock_off"


def version_alarms(said: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong because a terminal and the centre are not of the same version."""
    if said.get("rules"):
        yield "rules_newer" if said["rules"] == "newer" else "rules_unusable"
    elif said.get("unknown"):
        yield "lane_older"
    if said.get("newer"):
        yield "lane_newer"


def _of_barrier(last: Mapping[str, datetime]) -> Iterator[str]:
    """Of what a barrier reported lately, what is not over."""
    for kind in ALARM_KINDS:
        over = last.get(_OVER.get(kind, ""))
        if kind in last and (over is None or over < last[kind]):
            yield f"barrier_{kind}"
