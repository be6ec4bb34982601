"""The gate program (patent part 3): the parts of one lane, run together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from menpiao.terminals.gate.config import GateConfig
from menpiao.terminals.gate.controller import Controller
from menpiao.terminals.gate.decider import CentreDecides
from menpiao.terminals.gate.journal import Journal
from menpiao.terminals.gate.slips import MakeSlip, Slips
from menpiao.terminals.parts.barrier.base import Barrier
from menpiao.terminals.parts.display.base import Display
from menpiao.terminals.parts.link.base import Link
from menpiao.terminals.parts.printer.base import Printer
from menpiao.terminals.parts.reader.base import Reader

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class GateParts:
    """What a lane is made of; ``printer`` None: no slips; ``barrier`` None: a person opens."""

    reader: Reader
    link: Link
    display: Display
    make_slip: MakeSlip
    printer: Printer | None = None
    barrier: Barrier | None = None


async def run_gate(config: GateConfig, parts: GateParts) -> None:
    """Serve one lane until cancelled.

    Raises OSError (in a group) when the lane screen cannot be served: the port is taken.
    """
    journal = Journal(config.journal_path, config.delays.journal_s)
    slips = Slips(parts.printer, parts.make_slip, journal)
    controller = Controller(
        config.gate_id,
        CentreDecides(parts.link),
        parts.display,
        journal,
        slips,
        barrier=parts.barrier,
        delays=config.delays,
    )
    log.info("gate_starts", gate=config.gate_id)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(parts.display.run(), name="display")
            tasks.create_task(parts.link.run(controller.deliver), name="link")
            tasks.create_task(parts.reader.run(controller.deliver), name="reader")
            tasks.create_task(controller.run(), name="controller")
    finally:
        await slips.finish()
        journal.close()
