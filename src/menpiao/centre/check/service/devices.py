"""The terminals of a site as the people who look after them see them: how each is, who comes in.

What a terminal is told to do for itself is in :mod:`terminals`; what is done to its right to come
in is here, and is kept in the same list of tasks: who, why, when.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
import msgspec
import structlog

from menpiao.centre.check.service.states import SILENT
from menpiao.centre.check.service.terminals import is_reason
from menpiao.domain.admission import Gate
from menpiao.domain.reasons import Reason, Refusal
from menpiao.storage.database import devices, fleet
from menpiao.storage.database.catalogue import Catalogue
from menpiao.storage.database.fleet import NewTask
from menpiao.storage.database.ids import IdBlocks
from menpiao.wire.fleet import is_hub

log = structlog.get_logger(__name__)

OLD_KEY: Final = timedelta(days=365)
"""A key that has been held longer should be rolled."""
REVOKE, ENROL_CODE = "revoke", "enrol_code"
NO_DEVICE: Final = 0
"""In the list of tasks: a code for a terminal that is not enrolled yet."""
_VERSIONS, _TASKS = 10, 30


@dataclass(frozen=True, slots=True)
class Version:
    """Settings as somebody pushed them; ``settings`` by name."""

    id: int
    settings: Mapping[str, float]
    reason: str
    made_at: datetime
    staff: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What a terminal made of the version that it was told last: ``applied`` or ``refused``."""

    version: int
    outcome: str
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DeviceNow:
    """A terminal at one moment; ``heard_at`` None: it has never been on the link."""

    id: int
    name: str
    gates: tuple[Gate, ...]
    hub: bool
    up: bool
    heard_at: datetime | None
    heard_s: int | None
    said: Mapping[str, Any]
    enrolled_at: datetime
    key_since: datetime
    key_days: int
    key_old: bool
    revoked_at: datetime | None
    answered: Answered | None
    wished: int
    """The version that it should have; 0: nobody has set it."""

    @property
    def setting(self) -> str:
        """Where its settings stand: ``none``, ``waiting``, ``applied`` or ``refused``."""
        if not self.wished:
            return "none"
        if self.answered is None or self.answered.version != self.wished:
            return "waiting"
        return "applied" if self.answered.outcome == "applied" else "refused"


@dataclass(frozen=True, slots=True)
class TaskLine:
    """Something that somebody wanted of a terminal; ``brought``: log lines, -1 for none."""

    id: int
    device_id: int
    action: str
    detail: str
    reason: str
    made_at: datetime
    expires_at: datetime
    state: str
    outcome: str
    done_at: datetime | None
    brought: int
    staff: str


@dataclass(frozen=True, slots=True)
class Code:
    """A one-time code that nobody has used yet; the code itself is known to nobody here."""

    expires_at: datetime
    gates: tuple[Gate, ...]


class DeviceService:
    """Shows the terminals of a site, lets new ones in, and shuts others out."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        catalogue: Catalogue,
        ids: IdBlocks,
        clock: Callable[[], datetime],
    ) -> None:
        """Stand on the data store; ``clock`` gives the time in UTC."""
        self._pool = pool
        self._catalogue = catalogue
        self._ids = ids
        self._clock = clock

    async def gates(self, site_id: int) -> tuple[Gate, ...]:
        """The gates of a site."""
        known = (await self._catalogue.current()).gates.values()
        return tuple(sorted((g for g in known if g.site_id == site_id), key=lambda g: g.id))

    async def all(self, site_id: int) -> list[DeviceNow]:
        """Every terminal of a site, those that are shut out last."""
        now = self._clock()
        gates = {gate.id: gate for gate in await self.gates(site_id)}
        newest = {s.gate_id: s.id for s in await fleet.settings(self._pool, {site_id})}
        rows = await fleet.devices(self._pool, site_id)
        return [_device(row, gates, newest, now) for row in rows]

    async def one(self, site_id: int, device_id: int) -> DeviceNow | None:
        """A terminal; None: the site has none of this number."""
        return next((d for d in await self.all(site_id) if d.id == device_id), None)

    async def history(self, site_id: int, device_id: int | None) -> list[TaskLine]:
        """What was asked of a terminal, newest first; None: of every one, and for new ones."""
        rows = await fleet.history(self._pool, site_id, device_id, self._clock(), _TASKS)
        return [TaskLine(**row) for row in rows]

    async def brought(self, site_id: int, device_id: int, task_id: int) -> list[str] | None:
        """The log lines of a task of a terminal; None: it brought none."""
        return await fleet.brought(self._pool, site_id, device_id, task_id)

    async def codes(self, site_id: int) -> list[Code]:
        """The one-time codes that still buy a place."""
        gates = {gate.id: gate for gate in await self.gates(site_id)}
        rows = await fleet.codes(self._pool, site_id, self._clock())
        return [Code(r["expires_at"], _known(r["gate_ids"], gates)) for r in rows]

    async def versions(self, site_id: int, gate_id: int | None) -> list[Version]:
        """The last settings of a site (None) or over them of a gate, newest first."""
        rows = await fleet.versions(self._pool, site_id, gate_id, _VERSIONS)
        return [
            Version(r["id"], json.loads(r["settings"]), r["reason"], r["made_at"], r["staff"])
            for r in rows
        ]

    async def issue_code(
        self,
        site_id: int,
        staff_id: int,
        gate_ids: Collection[int],
        reason: str,
        device_id: int = NO_DEVICE,
    ) -> str | Refusal:
        """A code that enrols one terminal at these gates, once, within the hour; shown once.

        ``device_id``: the terminal that it is to take the place of, for the list alone.
        """
        known = {gate.id for gate in await self.gates(site_id)}
        if not gate_ids or not known.issuperset(gate_ids):
            return Refusal(Reason.BAD_REQUEST, "gates of the site", "gate_ids")
        if not is_reason(reason):
            return Refusal(Reason.BAD_REQUEST, "1 to 64 characters", "reason")
        now, gates = self._clock(), sorted(set(gate_ids))
        await self._ids.reserve(1)
        [task_id] = self._ids.take(1)
        detail = " ".join(map(str, gates))
        new = NewTask(device_id, ENROL_CODE, detail, reason.strip(), staff_id, now, now)
        async with self._pool.acquire() as connection, connection.transaction():
            code = await devices.issue(connection, site_id, gates, now)
            await fleet.done(connection, site_id, task_id, new)
        log.warning("enrolment_code_issued", site=site_id, gates=gates, staff=staff_id)
        return code

    async def revoke(
        self, site_id: int, staff_id: int, device_id: int, reason: str
    ) -> Refusal | None:
        """Never let a terminal in again; None: done. It forgets what it holds as it hears of it."""
        if not is_reason(reason):
            return Refusal(Reason.BAD_REQUEST, "1 to 64 characters", "reason")
        now = self._clock()
        await self._ids.reserve(1)
        [task_id] = self._ids.take(1)
        new = NewTask(device_id, REVOKE, "", reason.strip(), staff_id, now, now)
        async with self._pool.acquire() as connection, connection.transaction():
            if not await fleet.revoke(connection, site_id, device_id, now):
                return Refusal(Reason.NOT_PERMITTED, field="device_id")
            await fleet.done(connection, site_id, task_id, new)
        await self._catalogue.current(fresh=True)
        log.warning("device_revoked", device=device_id, staff=staff_id)
        return None


def _known(ids: Collection[int], gates: Mapping[int, Gate]) -> tuple[Gate, ...]:
    return tuple(gates[n] for n in ids if n in gates)


def _device(
    row: asyncpg.Record,
    gates: Mapping[int, Gate],
    newest: Mapping[int | None, int],
    now: datetime,
) -> DeviceNow:
    said: dict[str, Any] = msgspec.json.decode(row["state"]) if row["state"] else {}
    heard_at, gate_ids = row["reported_at"], row["gate_ids"]
    hub = is_hub(said.get("software", ""))
    # As ``TerminalService.wished``: of several gates the first one counts, for a hub none.
    own = None if hub or not gate_ids else gate_ids[0]
    answered = None
    if row["said_at"] is not None:
        answered = Answered(row["version"], row["outcome"], row["detail"], row["said_at"])
    return DeviceNow(
        id=row["id"],
        name=row["name"],
        gates=_known(gate_ids, gates),
        hub=hub,
        up=bool(said.get("up"))
        and row["revoked_at"] is None
        and heard_at is not None
        and now - heard_at < SILENT,
        heard_at=heard_at,
        heard_s=None if heard_at is None else max(0, round((now - heard_at).total_seconds())),
        said=said,
        enrolled_at=row["enrolled_at"],
        key_since=row["key_since"],
        key_days=max(0, (now - row["key_since"]).days),
        key_old=now - row["key_since"] > OLD_KEY,
        revoked_at=row["revoked_at"],
        answered=answered,
        wished=max(newest.get(None, 0), newest.get(own, 0)),
    )
