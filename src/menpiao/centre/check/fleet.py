"""The terminals linked to this process: how they are, and what they are told to do."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from menpiao.centre.check.lanes import LaneServices
from menpiao.centre.check.link import fault
from menpiao.centre.check.service.commands import REPEATABLE, ordered_by
from menpiao.domain.reasons import Reason, Refusal
from menpiao.wire.check import Acknowledged, Change, Command, Fault, Heartbeat
from menpiao.wire.fleet import Configure, Configured, is_hub

log = structlog.get_logger(__name__)

EVERY_S = 0.5
"""How soon a command leaves for its lane, and a revoked terminal is cut off."""
_SEND_WITHIN_S = 2.0
_LOOK_AGAIN: Final = timedelta(seconds=4)
"""Every process has read by then what was arranged."""


@dataclass(slots=True, eq=False)
class Terminal:
    """A link that is proved; ``told``: commands it has been sent."""

    device_id: int
    site_id: int
    software: str
    send: Callable[[Change | Command | Configure | Fault], Awaitable[None]]
    cut: Callable[[], Awaitable[None]]
    told: set[int] = field(default_factory=set)
    set_to: Configure | None = None
    """How this link was last told to be set."""
    rules: str = ""
    """What a hub's site had arranged when the hub was last told to look."""
    look_again_at: datetime | None = None
    unknown: int = 0
    """Messages of it that only a newer centre knows."""


class Fleet:
    """Notes how terminals are and brings them commands; works only while there are links."""

    def __init__(self, services: LaneServices, clock: Callable[[], datetime]) -> None:
        """Take commands and settings from these services, and bring them states."""
        self._bundles = services.bundles
        self._clock = clock
        self._commands = services.commands
        self._states = services.states
        self._check = services.check
        self._devices = services.terminals
        self._terminals: set[Terminal] = set()
        self._task: asyncio.Task[None] | None = None
        self._answers: set[asyncio.Task[None]] = set()

    def join(self, terminal: Terminal, now: datetime) -> None:
        """A link stands."""
        self._terminals.add(terminal)
        beat = Heartbeat(at=now, software=terminal.software)
        self._states.heard(terminal.site_id, terminal.device_id, beat, now)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="lane-fleet")

    def heard(self, terminal: Terminal, beat: Heartbeat, now: datetime) -> None:
        """A heart-beat tells how the lane is."""
        newer = terminal.unknown > 0
        self._states.heard(terminal.site_id, terminal.device_id, beat, now, newer=newer)

    def leave(self, terminal: Terminal, now: datetime) -> None:
        """The link has ended; another one of the same terminal may stand already."""
        self._terminals.discard(terminal)
        if not any(other.device_id == terminal.device_id for other in self._terminals):
            self._states.lost(terminal.site_id, terminal.device_id, now)

    def answered(self, terminal: Terminal, said: Acknowledged | Configured) -> None:
        """A terminal says what it did; kept without holding its link up."""
        task = asyncio.create_task(self._keep(terminal, said))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _keep(self, terminal: Terminal, said: Acknowledged | Configured) -> None:
        device = await self._check.device(terminal.device_id)
        if isinstance(device, Refusal):
            return
        try:
            if isinstance(said, Configured):
                await self._devices.configured(device, said)
                return
            known = await self._commands.answered(device, said)
            known = known or await self._devices.answered(device, said)
        except Exception:  # the data store is away: the command stands as not answered
            log.exception("command_answer_lost", device=terminal.device_id)
            return
        if not known:
            log.warning("command_not_known", device=terminal.device_id)

    async def _run(self) -> None:
        while True:
            while self._terminals:
                try:
                    await self._turn()
                except Exception:  # a bad turn (the data store is away) must not end the fleet
                    log.exception("fleet_turn_failed")
                await asyncio.sleep(EVERY_S)
            with contextlib.suppress(Exception):  # what could not be kept is told by the next link
                await self._states.flush()
            # A link that came meanwhile found this task at work: it is served by it.
            if not self._terminals:
                return

    async def _turn(self) -> None:
        """Cut off who is revoked, tell who has something to do, keep how all are."""
        lanes: dict[int, list[Terminal]] = {}
        there: dict[int, list[Terminal]] = {}
        for terminal in list(self._terminals):
            device = await self._check.device(terminal.device_id)
            if isinstance(device, Refusal):
                await self._revoke(terminal)
                continue
            there.setdefault(device.id, []).append(terminal)
            for gate_id in device.gate_ids:
                lanes.setdefault(gate_id, []).append(terminal)
        if lanes:
            sites = {t.site_id for ts in lanes.values() for t in ts}
            for due in await self._commands.due(sites, lanes.keys()):
                command = Command(
                    id=str(due.id),
                    action=due.action,
                    text=due.reason,
                    gate_id=due.gate_id,
                    by=ordered_by(due),
                )
                again = due.action in REPEATABLE
                for terminal in lanes.get(due.gate_id, ()):
                    if due.id not in terminal.told:
                        terminal.told.add(due.id)
                        if not await _tell(terminal, command) and again:
                            terminal.told.discard(due.id)
        if there:
            await self._tend(there)
        await self._states.flush_when_due()

    async def _tend(self, there: Mapping[int, list[Terminal]]) -> None:
        """Bring terminals what concerns themselves: tasks, and how they are to be set."""
        sites = {terminal.site_id for links in there.values() for terminal in links}
        for task in await self._devices.due(sites, there.keys()):
            command = Command(id=str(task.id), action=task.action, text=task.detail)
            for terminal in there[task.device_id]:
                if task.id not in terminal.told and await _tell(terminal, command):
                    terminal.told.add(task.id)
        hubs = {n for n, links in there.items() if any(is_hub(one.software) for one in links)}
        await self._call_hubs([one for n in hubs for one in there[n]])
        for device_id, wish in (await self._devices.wished(there.keys(), hubs)).items():
            for terminal in there[device_id]:
                if terminal.set_to != wish and await _tell(terminal, wish):
                    terminal.set_to = wish

    async def _call_hubs(self, hubs: Collection[Terminal]) -> None:
        """Have hubs look at the manifest when rules or keys have changed, and once more then.

        Lanes look by themselves: forty of them at once would fetch forty bundles. The second time
        is for the answer of another process, which may still have the reading before.
        """
        for hub in hubs:
            rules, now = await self._bundles.rules(hub.site_id), self._clock()
            first = bool(hub.rules) and hub.rules != rules
            again = hub.look_again_at is not None and now >= hub.look_again_at
            if (first or again) and not await _tell(hub, Change(what="site", id=hub.site_id)):
                continue
            if first:
                hub.look_again_at = now + _LOOK_AGAIN
            elif again:
                hub.look_again_at = None
            hub.rules = rules

    async def _revoke(self, terminal: Terminal) -> None:
        """Tell it to keep nothing, and end its link; it is refused when it comes again."""
        self._terminals.discard(terminal)
        log.warning("terminal_cut_off", device=terminal.device_id)
        # The reason is what makes it forget its bundle: it must come before the end.
        await _tell(terminal, fault(Refusal(Reason.DEVICE_REVOKED)))
        with contextlib.suppress(Exception):  # it has gone already
            await terminal.cut()


async def _tell(terminal: Terminal, command: Change | Command | Configure | Fault) -> bool:
    """Send, not longer than the others can wait; False: it did not leave."""
    try:
        async with asyncio.timeout(_SEND_WITHIN_S):
            await terminal.send(command)
    except Exception:  # noqa: BLE001 - a link that cannot take it has ended, and comes again
        return False
    return True
