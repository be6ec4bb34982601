"""Terminals themselves: their keys rolled, their settings pushed, their logs fetched."""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import structlog

from menpiao.domain.masking import scrub
from menpiao.domain.reasons import Reason, Refusal
from menpiao.storage.database import fleet
from menpiao.storage.database.catalogue import Catalogue, Device
from menpiao.storage.database.fleet import NewTask, Task
from menpiao.storage.database.ids import IdBlocks
from menpiao.wire.check import Acknowledged
from menpiao.wire.fleet import LINES_MOST, SETTINGS, Configure, Configured, Lines, LinesKept

log = structlog.get_logger(__name__)

LIFE: Final = timedelta(days=1)
"""A terminal that is off does it when it comes back, if that is not later."""
_LINES_WITHIN: Final = timedelta(days=2)
_LONGEST_REASON: Final = 64
ROLL, LOGS, RELOAD = "roll_key", "logs", "reload"
_RELOAD_LIFE: Final = timedelta(minutes=5)
"""A hub that was away looks at everything when it comes back, and an older one never answers."""


class TerminalService:
    """What staff want of a terminal, kept with who wanted it and what became of it."""

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

    async def roll_key(
        self, site_id: int, staff_id: int, device_id: int, reason: str
    ) -> int | Refusal:
        """Have a terminal make itself another key; the task's id."""
        return await self._give(site_id, staff_id, (device_id, ROLL, ""), reason)

    async def fetch_logs(
        self, site_id: int, staff_id: int, device_id: int, reason: str, lines: int = LINES_MOST
    ) -> int | Refusal:
        """Have a terminal bring its last log lines; the task's id, under which they are kept."""
        if not 1 <= lines <= LINES_MOST:
            return Refusal(Reason.BAD_REQUEST, f"1 to {LINES_MOST}", "lines")
        return await self._give(site_id, staff_id, (device_id, LOGS, str(lines)), reason)

    async def reload(
        self, site_id: int, staff_id: int, device_id: int, reason: str
    ) -> int | Refusal:
        """Have a hub fetch anew what it keeps of the site; the task's id. Lanes: a command."""
        what = device_id, RELOAD, ""
        return await self._give(site_id, staff_id, what, reason, life=_RELOAD_LIFE)

    async def _give(
        self,
        site_id: int,
        staff_id: int,
        what: tuple[int, str, str],
        reason: str,
        *,
        life: timedelta = LIFE,
    ) -> int | Refusal:
        device_id, action, detail = what
        device = (await self._catalogue.current()).devices.get(device_id)
        if device is None or device.site_id != site_id or device.revoked_at is not None:
            return Refusal(Reason.NOT_PERMITTED, field="device_id")
        if not is_reason(reason):
            return Refusal(Reason.BAD_REQUEST, "1 to 64 characters", "reason")
        now = self._clock()
        under_way = await fleet.under_way(self._pool, site_id, what, now)
        if under_way is not None:
            return under_way  # pressed twice: it is asked for once
        new = NewTask(device_id, action, detail, reason.strip(), staff_id, now, now + life)
        await self._ids.reserve(1)
        [task_id] = self._ids.take(1)
        await fleet.give(self._pool, site_id, task_id, new)
        log.info("device_task", id=task_id, device=device_id, action=action, staff=staff_id)
        return task_id

    async def due(self, sites: Collection[int], devices: Collection[int]) -> list[Task]:
        """What these terminals are to do and have not answered."""
        return await fleet.due(self._pool, sites, devices, self._clock())

    async def answered(self, device: Device, said: Acknowledged) -> bool:
        """Keep what a terminal did; False: it was no task of it."""
        task_id = _number(said.id)
        if task_id is None:
            return False
        place = device.site_id, task_id, device.id
        outcome = said.text or ("" if said.outcome == "done" else said.outcome)
        return await fleet.answer(self._pool, place, (said.outcome, outcome), self._clock())

    async def keep_lines(self, device: Device, lines: Lines) -> LinesKept | Refusal:
        """Keep what a terminal has logged, under the task that asked for it."""
        task_id = _number(lines.id)
        if task_id is None:
            return Refusal(Reason.BAD_REQUEST, field="id")
        place = device.site_id, task_id, device.id
        # PostgreSQL keeps no NUL in a text. Terminals scrub what they log; this is the net below.
        clean = [scrub(line.replace("\0", " ")) for line in lines.lines]
        since = self._clock() - _LINES_WITHIN
        if not await fleet.keep_lines(self._pool, place, clean, since):
            return Refusal(Reason.NOT_PERMITTED, "nobody asked for them", "id")
        return LinesKept(lines=len(clean))

    async def tasks(self, site_id: int, device_id: int, most: int = 20) -> list[asyncpg.Record]:
        """The last tasks of a terminal, newest first; ``lines``: what it brought of its log."""
        return await fleet.tasks(self._pool, site_id, device_id, most)

    # --- settings ---------------------------------------------------------------------------------

    async def configure(
        self,
        site_id: int,
        staff_id: int,
        gate_id: int | None,
        settings: Mapping[str, float],
        reason: str,
    ) -> int | Refusal:
        """Set all lanes of a site, or one over that; the version. Whole: what is left out is off.

        Lanes hear of it within a second, or when they come back.
        """
        gate = (await self._catalogue.current()).gates.get(gate_id) if gate_id else None
        if gate_id is not None and (gate is None or gate.site_id != site_id):
            return Refusal(Reason.NOT_PERMITTED, field="gate_id")
        if not is_reason(reason):
            return Refusal(Reason.BAD_REQUEST, "1 to 64 characters", "reason")
        for name, value in settings.items():
            least, most = SETTINGS.get(name, (1.0, 0.0))
            if not least <= value <= most:
                bounds = f"{least:g} to {most:g}" if least <= most else "no such setting"
                return Refusal(Reason.BAD_REQUEST, bounds, name[:64])
        await self._ids.reserve(1)
        [version] = self._ids.take(1)
        by = reason.strip(), staff_id, self._clock()
        place = site_id, version, gate_id
        await fleet.set_lanes(self._pool, place, json.dumps(dict(settings)), by)
        log.info("lanes_set", version=version, gate=gate_id, staff=staff_id)
        return version

    async def wished(
        self, device_ids: Collection[int], hubs: Collection[int] = ()
    ) -> dict[int, Configure]:
        """How these terminals are to be set; one that nobody has set is not in it.

        ``hubs``: those that serve a whole site, whatever gates they stand for.
        """
        known_devices = (await self._catalogue.current()).devices
        devices = [known_devices[n] for n in device_ids if n in known_devices]
        newest = {
            (s.site_id, s.gate_id): s
            for s in await fleet.settings(self._pool, {d.site_id for d in devices})
        }
        found = {}
        for device in devices:
            # Of a terminal with several gates that one counts which comes first.
            gate_id = None if device.id in hubs else min(device.gate_ids, default=None)
            places = dict.fromkeys([None, gate_id])
            layers = [newest.get((device.site_id, place)) for place in places]
            known = [layer for layer in layers if layer is not None]
            if known:
                settings: dict[str, float] = {}
                for layer in known:
                    settings |= json.loads(layer.settings)
                version = max(layer.id for layer in known)
                found[device.id] = Configure(version=version, settings=settings)
        return found

    async def configured(self, device: Device, said: Configured) -> None:
        """Keep what a terminal made of a version."""
        place = device.site_id, device.id
        told = said.version, said.outcome, said.text
        await fleet.say(self._pool, place, told, self._clock())
        if said.outcome != "applied":
            log.warning("settings_refused", device=device.id, version=said.version, text=said.text)

    async def said(self, site_id: int) -> list[asyncpg.Record]:
        """What the terminals of a site made of their settings."""
        return await fleet.said(self._pool, site_id)

    # --- keys -------------------------------------------------------------------------------------

    async def roll(self, device: Device, after: bytes) -> Refusal | None:
        """Put a proved new key in the place of the device's; None: it holds from now on."""
        held = await fleet.roll(self._pool, device.id, device.public_key, after, self._clock())
        if not held:
            return Refusal(Reason.NOT_PERMITTED, "the key has changed meanwhile", "public_key")
        await self._catalogue.current(fresh=True)
        log.warning("device_key_rolled", device=device.id)
        return None


def is_reason(reason: str) -> bool:
    """Whether a text says why somebody does something to a terminal."""
    return bool(reason.strip()) and len(reason) <= _LONGEST_REASON and reason.isprintable()


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
