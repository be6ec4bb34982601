"""The terminals of the demo: the real gate program and counter agent as children on a tether.

Around them stands what is simulated: a reader on a pseudo-terminal, a printer on a socket, a
cable that can be pulled.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from menpiao.compose.lane import network_printer
from menpiao.settings import Settings
from menpiao.simulation.cable import Cable
from menpiao.simulation.mishaps import Mishap
from menpiao.simulation.printer import Fault, SimulatedPrinter
from menpiao.simulation.reader import SimulatedReader
from menpiao.simulation.tether import FAREWELL, HOLD
from menpiao.terminals.parts.printer.base import PrintOutcome

END_S = 10.0


@dataclass(slots=True)
class Terminal:
    """A terminal's process and the things on its desk. ``cable`` None: it has none of its own."""

    name: str
    port: int
    reader: SimulatedReader
    printer: SimulatedPrinter
    process: asyncio.subprocess.Process
    ask_printer: Callable[[], Awaitable[PrintOutcome]]
    """Ask the printer how it is, in its own language."""
    cable: Cable | None = None
    card: str = ""
    """The key of the card that lies on the reader."""
    troubles: set[str] = field(default_factory=set)
    """What has been let go wrong here and not been made well again."""

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process.returncode is None

    def trouble(self, kind: str) -> bool:
        """Let something go wrong, or all go well again ("none"); False: not a known trouble."""
        match kind:
            case "none":
                self.reader.heal()
                self.reader.plug()
                self.printer.fault = Fault.NONE
                if self.cable is not None:
                    self.cable.mend()
            case "checksum":
                self.reader.spoil(Mishap(flip_at=-1), times=None)
            case "silence":
                self.reader.spoil(Mishap(silent=True), times=None)
            case "unplug":
                self.reader.unplug()
            case "paper":
                self.printer.fault = Fault.PAPER_OUT
            case "cable" if self.cable is not None:
                self.cable.pull()
            case _:
                return False
        if kind == "none":
            self.troubles.clear()
        else:
            self.troubles.add(kind)
        return True


@contextlib.asynccontextmanager
async def tethered(
    settings: Settings, log: Path, *arguments: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A child that ends with this process; its output goes to ``log``."""
    environment = os.environ | {"MENPIAO_DATA_DIR": str(settings.data_dir.resolve())}
    holds = arguments == (HOLD,)
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "menpiao.simulation.tether",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE if holds else output,
            stderr=output,
            env=environment,
            start_new_session=True,  # Ctrl-C at the keyboard reaches us alone
        )
    try:
        if holds and process.stdout is not None:
            await process.stdout.readline()
        yield process
    finally:
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.write(FAREWELL)
                process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), END_S)
        except TimeoutError:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def gate_terminal(
    settings: Settings, folder: Path, gate_id: int, screen_port: int
) -> AsyncIterator[Terminal]:
    """The real gate program; its key lies in ``folder`` already."""
    centre = settings.http.host, settings.http.port
    async with (
        Cable(*centre) as cable,
        SimulatedReader(folder / "reader") as reader,
        SimulatedPrinter() as printer,
    ):
        file = folder / "gate.toml"
        file.write_text(
            f'centre = "http://127.0.0.1:{cable.port}"\ngate_id = {gate_id}\ndata_dir = "."\n'
            f"\n[reader]\nport = {json.dumps(reader.port)}\n"
            f'\n[printer]\nhost = "127.0.0.1"\nport = {printer.address[1]}\n'
            f"\n[display]\nport = {screen_port}\n",
            encoding="utf-8",
        )
        async with tethered(settings, folder / "gate.log", "gate", str(file)) as process:
            ask = network_printer(*printer.address).check
            yield Terminal("gate", screen_port, reader, printer, process, ask, cable)


@contextlib.asynccontextmanager
async def counter_terminal(settings: Settings, folder: Path, port: int) -> AsyncIterator[Terminal]:
    """The real counter agent, which talks to the centre's pages alone."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    async with SimulatedReader(folder / "reader") as reader, SimulatedPrinter() as printer:
        file = folder / "counter.toml"
        file.write_text(
            f'origins = ["{settings.public_url}", "http://localhost:{settings.http.port}"]\n'
            f"port = {port}\n\n[reader]\nport = {json.dumps(reader.port)}\n"
            f'\n[printer]\nhost = "127.0.0.1"\nport = {printer.address[1]}\n',
            encoding="utf-8",
        )
        async with tethered(settings, folder / "counter.log", "counter", str(file)) as process:
            ask = network_printer(*printer.address).check
            yield Terminal("counter", port, reader, printer, process, ask)
