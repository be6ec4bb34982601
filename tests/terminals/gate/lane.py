"""A whole lane in one process: real reader driver on a simulated port, real link, screen, disk."""

import asyncio
import json
import sqlite3
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.terminals.parts.link.centre import Centre, until
from tests.terminals.parts.reader.lane import FAST as READER_FAST

from menpiao.compose.terminal import answer_slip
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.devices import Reader
from menpiao.terminals.gate.config import Delays, GateConfig, Offline
from menpiao.terminals.gate.program import GateParts, run_gate
from menpiao.terminals.gate.staff.panel import StaffPanel
from menpiao.terminals.parts.barrier.base import Barrier
from menpiao.terminals.parts.display.base import Data, View
from menpiao.terminals.parts.display.kiosk import KioskDisplay
from menpiao.terminals.parts.printer.base import Printer
from menpiao.terminals.parts.reader.sam_v import Options, SamVReader
from menpiao.terminals.parts.reader.timings import Timings
from menpiao.terminals.parts.scanner.base import Scanner
from menpiao.terminals.ports.serial_port import SerialTransport

QUICK = Delays(
    hold_s=0.4,
    least_show_s=0.05,
    ask_timeout_s=0.4,
    checking_after_s=0.1,
    same_card_s=0.2,
    journal_s=1.0,
    probe_s=0.1,
)

QUICK_OFFLINE = Offline(check_s=0.5)


class Recorded(KioskDisplay):
    """The real screen; what it was told to show is kept as well."""

    def __init__(self) -> None:
        super().__init__(0)
        self.views: list[View] = []
        self.known = Data("")

    def show(self, view: View) -> None:
        self.views.append(view)
        super().show(view)

    def data(self, data: Data) -> None:
        self.known = data
        super().data(data)


@dataclass
class Lane:
    centre: Centre
    sim: SimulatedReader
    display: Recorded
    journal_path: Path

    @property
    def signals(self) -> list[str]:
        return [view.signal.value for view in self.display.views]

    @property
    def last(self) -> View:
        return self.display.views[-1]

    async def idle(self) -> None:
        await until(lambda: self.display.views and self.last.signal.value == "ready")

    async def shows(self, zh: str, timeout_s: float = 5.0) -> None:
        await until(lambda: self.display.views and self.last.zh == zh, timeout_s)

    def rows(self) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.journal_path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("select * from asks order by rowid")]

    def passages(self) -> list[tuple[str, int, str]]:
        """(kind, count, direction) of everything the barrier did, in order."""
        query = "select kind, count, direction from passages order by sequence"
        with closing(sqlite3.connect(self.journal_path)) as connection:
            try:
                return [tuple(row) for row in connection.execute(query)]
            except sqlite3.OperationalError:
                return []  # the lane has not written anything yet

    async def state_json(self) -> dict[str, Any]:
        def get() -> dict[str, Any]:
            url = f"http://127.0.0.1:{self.display.port}/state.json"
            with urllib.request.urlopen(url) as response:
                return json.load(response)

        return await asyncio.to_thread(get)


@asynccontextmanager
async def a_lane(
    folder: Path,
    centre: Centre | None = None,
    *,
    printer: Printer | None = None,
    barrier: Barrier | None = None,
    delays: Delays = QUICK,
    offline: Offline = QUICK_OFFLINE,
    panel: StaffPanel | None = None,
    scanners: tuple[Scanner, ...] = (),
    reader: Timings = READER_FAST,
) -> AsyncIterator[Lane]:
    async with centre or Centre() as there, SimulatedReader() as sim:
        config = GateConfig(
            centre=there.url,
            gate_id=there.gate_id,
            reader=Reader(port=sim.port),
            data_dir=folder,
            delays=delays,
            offline=offline,
        )
        display = Recorded()
        parts = GateParts(
            reader=SamVReader(SerialTransport(sim.port), Options(timings=reader, early=True)),
            link=there.link(),
            display=display,
            make_slip=answer_slip,
            printer=printer,
            barrier=barrier,
            errands=there.errands() if hasattr(there, "errands") else None,
            hub=there.hub() if hasattr(there, "hub") else None,
            panel=panel,
            panel_errands=there.errands() if panel else None,
            scanners=scanners,
            keys=getattr(there, "keys", None),
            lines=getattr(there, "lines", None),
        )
        task = asyncio.create_task(run_gate(config, parts))
        try:
            await display.ready.wait()
            yield Lane(there, sim, display, config.journal_path)
        finally:
            assert not task.done(), "the lane must outlive every mishap"
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
