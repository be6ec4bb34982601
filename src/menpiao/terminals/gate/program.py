"""The gate program (patent part 3): the parts of one lane, run together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from menpiao.terminals.gate.config import GateConfig, Offline
from menpiao.terminals.gate.controller import Controller
from menpiao.terminals.gate.decider import CentreDecides, Decider, ModeChanged
from menpiao.terminals.gate.fleet import FleetTasks, LastGood, with_settings
from menpiao.terminals.gate.journal import Journal
from menpiao.terminals.gate.offline.decider import LaneDecides
from menpiao.terminals.gate.offline.keeper import Keeper
from menpiao.terminals.gate.offline.local import Local
from menpiao.terminals.gate.offline.reporter import Reporter
from menpiao.terminals.gate.passage_reports import PassageReporter
from menpiao.terminals.gate.slips import MakeSlip, Slips
from menpiao.terminals.gate.staff.acts import Acts
from menpiao.terminals.gate.staff.panel import LaneNow, StaffPanel
from menpiao.terminals.gate.staff.recall import recall
from menpiao.terminals.parts.barrier.base import Barrier
from menpiao.terminals.parts.display.base import Data, Display
from menpiao.terminals.parts.link.base import (
    Errands,
    LateAnswer,
    Link,
    LinkEvent,
    RollingKeys,
)
from menpiao.terminals.parts.printer.base import Printer
from menpiao.terminals.parts.reader.base import CardPresented, CardUnreadable, Reader, ReaderEvent
from menpiao.terminals.parts.scanner.base import CodeScanned, Scanner, ScannerEvent
from menpiao.wire.check import Changes
from menpiao.wire.fleet import Configure

log = structlog.get_logger(__name__)

_LOOK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class GateParts:
    """What a lane is made of; ``printer`` None: no slips; ``barrier`` None: a person opens.

    Without ``errands`` a lane keeps no bundle and decides nothing itself. ``hub``: the link to
    the hub of the site.
    """

    reader: Reader
    link: Link
    display: Display
    make_slip: MakeSlip
    printer: Printer | None = None
    barrier: Barrier | None = None
    errands: Errands | None = None
    hub: Link | None = None
    keys: RollingKeys | None = None
    """To have another key made; None: this terminal keeps the one it has."""
    lines: Callable[[int], Sequence[str]] | None = None
    """So many of the last lines that it has logged."""
    scanners: tuple[Scanner, ...] = ()
    panel: StaffPanel | None = None
    panel_errands: Errands | None = None
    """The panel's own: what a guard waits for does not wait behind a bundle."""
    passport_readers: tuple[Reader, ...] = ()
    """Beside the reader: without them the lane still stands."""


async def run_gate(config: GateConfig, parts: GateParts) -> None:
    """Serve one lane until cancelled.

    Raises OSError (in a group) when the lane screen cannot be served: the port is taken.
    """
    own, kept = config, LastGood(config.pushed_path)
    config = kept.over(own, with_settings)
    alone = _Alone(config, parts, parts.errands) if parts.errands is not None else None
    journal = Journal(config.journal_path, config.delays.journal_s)
    slips = Slips(parts.printer, parts.make_slip, journal)
    decider: Decider = alone.decider if alone else CentreDecides(parts.link)
    controller = Controller(
        config.gate_id,
        decider,
        parts.display,
        journal,
        slips,
        barrier=parts.barrier,
        acknowledge=parts.link.acknowledge,
        reload=alone.reload if alone else None,
        delays=config.delays,
        desk=parts.panel.desk if parts.panel else None,
    )
    parts.link.watch(lambda: controller.state.value, lambda: slips.paper)
    log.info("gate_starts", gate=config.gate_id)

    fleet = _fleet(parts, _setting(own, kept, controller, alone))

    def of_link(event: LinkEvent) -> None:
        if (alone is not None and alone.took(event)) or fleet.took(event):
            return
        controller.deliver(event)

    def of_others(event: ScannerEvent | ReaderEvent) -> None:
        # Their own troubles do not close the lane.
        if isinstance(event, CodeScanned | CardPresented | CardUnreadable):
            controller.deliver(event)

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(parts.display.run(), name="display")
            if parts.panel is not None and parts.panel_errands is not None:
                now = partial(_lane_now, controller, parts.link, decider, alone)
                acts = Acts(
                    config.gate_id,
                    parts.panel.desk,
                    parts.panel_errands,
                    controller.deliver,
                    lambda: now().utc_offset_s,
                )
                parts.panel.stand_at(acts, now)
                tasks.create_task(recall(parts.panel.desk, journal), name="recall")
                tasks.create_task(parts.panel.run(), name="staff")
            for scanner in parts.scanners:
                tasks.create_task(scanner.run(of_others), name="scanner")
            for passports in parts.passport_readers:
                tasks.create_task(passports.run(of_others), name="passports")
            tasks.create_task(parts.link.run(of_link), name="link")
            tasks.create_task(parts.reader.run(controller.deliver), name="reader")
            tasks.create_task(controller.run(), name="controller")
            if alone is not None:
                tasks.create_task(alone.run(controller), name="offline")
            if parts.barrier is not None and parts.errands is not None:
                passages = PassageReporter(journal, parts.link, parts.errands)
                tasks.create_task(passages.run(), name="passages")
    finally:
        await slips.finish()
        if alone is not None:
            await alone.close()
        journal.close()


def _fleet(parts: GateParts, set_to: Callable[[Configure], None]) -> FleetTasks:
    return FleetTasks(parts.link, parts.errands, parts.keys, parts.lines, set_to)


def _setting(
    own: GateConfig, kept: LastGood, controller: Controller, alone: _Alone | None
) -> Callable[[Configure], None]:
    """What puts the centre's settings in force over the terminal's own."""

    def set_to(wish: Configure) -> None:
        config = with_settings(own, wish.settings)
        kept.keep(wish)
        controller.retime(config.delays)
        if alone is not None:
            alone.retime(config.offline)

    return set_to


def _lane_now(
    controller: Controller, link: Link, decider: Decider, alone: _Alone | None
) -> LaneNow:
    """How the lane is, for its staff."""
    place = controller.place
    return LaneNow(
        site=place.site,
        site_en=place.site_en,
        gate=place.gate,
        gate_en=place.gate_en,
        link=link.state.value,
        mode=decider.mode.value,
        lane=controller.state.value,
        utc_offset_s=28_800 if place.utc_offset_s is None else place.utc_offset_s,
        rules=alone.decider.vitals.rules if alone else "",
    )


class _Alone:
    """All that a lane has for the time without the centre."""

    def __init__(self, config: GateConfig, parts: GateParts, errands: Errands) -> None:
        """Keep it in the lane's own folder."""
        rules = config.offline
        self._link, self._hub, self._display = parts.link, parts.hub, parts.display
        self._local = Local(config.offline_dir, timedelta(seconds=rules.oldest_s))
        self._keeper = Keeper(self._local, parts.link, errands, rules.check_s)
        self._reporter = Reporter(self._local, parts.link, errands)
        self.decider = LaneDecides(
            parts.link, self._local, config.gate_id, rules.answer_within_s, parts.hub
        )

    def retime(self, rules: Offline) -> None:
        """Other limits from now on."""
        self.decider.retime(rules.answer_within_s)
        self._local.retime(timedelta(seconds=rules.oldest_s))
        self._keeper.retime(rules.check_s)

    async def reload(self) -> bool:
        """Fetch what is kept anew; False: it could not be."""
        return await self._keeper.renew_now()

    def took(self, event: LinkEvent) -> bool:
        """Take an event of the link to the centre; True: it is of no concern to others."""
        self._keeper.deliver(event)
        if isinstance(event, LateAnswer):
            return self.decider.late(event.answer)
        return isinstance(event, Changes)

    async def run(self, controller: Controller) -> None:
        """Keep, report and tell until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keeper.run())
            tasks.create_task(self._reporter.run())
            tasks.create_task(self._tell(controller))
            if self._hub is not None:
                tasks.create_task(self._hub.run(self._of_hub))

    def _of_hub(self, event: LinkEvent) -> None:
        if isinstance(event, LateAnswer):
            self.decider.late(event.answer)

    async def _tell(self, controller: Controller) -> None:
        """Show and send on how fresh the data is, and who decides."""
        mode = None
        while True:
            await self._local.look()
            vitals = self.decider.vitals
            self._link.tell(vitals)
            at = vitals.data_at - self._local.offset if vitals.data_at else None
            self._display.data(Data(vitals.mode, at, vitals.tickets, vitals.queue or 0))
            if self.decider.mode is not mode:
                mode = self.decider.mode
                log.info("mode", mode=mode.value)
                controller.deliver(ModeChanged(mode))
            await asyncio.sleep(_LOOK_S)

    async def close(self) -> None:
        """Write down what is being written, and close the files."""
        await self.decider.finish()
        self._local.close()
