"""The visit of a technician: look, choose, try, enrol, write. Nothing is written before the end."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from menpiao.compose.setup.address import read_address
from menpiao.compose.setup.console import Console
from menpiao.compose.setup.enrolment import Asked, Place, find_place
from menpiao.compose.setup.findings import Found, Part
from menpiao.compose.setup.findings import Table as DeviceTable
from menpiao.compose.setup.picking import Picking, Settled, described
from menpiao.compose.setup.scan import places_of_this_machine, scan
from menpiao.compose.setup.writing import hand_over, write_whole
from menpiao.compose.terminal import READER_PORT, gate_parts
from menpiao.terminals.devices import Led, Reader, Scanner
from menpiao.terminals.devices import Printer as AnyPrinter
from menpiao.terminals.gate.config import (
    Barrier,
    ConfigError,
    GateConfig,
    Printer,
    load_config,
    read_config,
)
from menpiao.terminals.gate.config_text import config_text
from menpiao.terminals.parts.link.identity import IdentityError

SYSTEM_FOLDER: Final = Path("/etc/menpiao")
SERVICE_USER: Final = "menpiao"
SYSTEM_DATA: Final = Path("/var/lib/menpiao")
PARTS: Final = (Part.READER, Part.PRINTER, Part.SCANNER, Part.BARRIER, Part.LED)
"""The printer before the scanner: its slip has a code to scan."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the command line says. ``look``: places to look at instead of the machine's own."""

    path: Path
    asked: Asked
    look: tuple[str, ...] = ()
    wait_s: float = 60.0


class Visit:
    """One run of the set-up."""

    def __init__(self, console: Console, order: Order) -> None:
        self._console = console
        self._order = order
        self.enrolled_now = False
        self.written = False

    async def run(self) -> int:
        """0 when a lane stands ready; 1 when something is still to be done, which is said.

        Raises:
            InputEnded: there is nobody to answer.
            AddressError: what was to be looked at is no address.
            IdentityError: there is a key file that cannot be used.
            OSError: a file cannot be written.
        """
        console, order = self._console, self._order
        console.say("title")
        console.say("stop_any_time")
        old = self._old()
        found = await self._look()
        folder = order.path.absolute().parent
        picking = Picking(console, found, order.wait_s, folder)
        settled = [await picking.settle(part, _devices_of(old, part)) for part in PARTS]
        base = old or GateConfig(
            centre="", gate_id=1, reader=Reader(port=READER_PORT), data_dir=_data_dir(order.path)
        )
        key_path = folder / base.data_dir / base.key_file
        place = await find_place(console, old, key_path, order.path, order.asked)
        self.enrolled_now = place.fresh
        return self._finish(_config(base, settled, place), settled, place)

    def _old(self) -> GateConfig | None:
        path = self._order.path
        if not path.exists():
            return None
        try:
            old = read_config(path)
        except ConfigError as error:
            self._console.say("old_file_bad", error=error)
            return None
        self._console.say("old_file", path=path)
        return old

    async def _look(self) -> Found:
        console = self._console
        given = tuple(map(read_address, self._order.look))
        while True:
            places = given or places_of_this_machine()
            console.line()
            console.say("scanning", count=len(places))
            done = 0

            def progress(place: str, found: Found, count: int = len(places)) -> None:
                nonlocal done
                done += 1
                what = "; ".join(self._found_at(found))
                console.say("progress", done=done, count=max(count, done), place=place, what=what)

            found = await scan(places, progress, usb=not given)
            if found.devices or found.free or console.assume:
                return self._told(found)
            self._told(found)
            if not await console.yes("scan_again", default=False):
                return found

    def _found_at(self, found: Found) -> list[str]:
        console = self._console
        said = [console.word(f"part_{one.part}") for one in found.devices]
        said += [console.word(one.why) for one in found.closed]
        if not said:
            heard = sum(port.heard for port in found.free)
            key = "nonsense" if heard else "nothing_known" if found.free else "nothing_there"
            said = [console.word(key, heard=heard)]
        return said

    def _told(self, found: Found) -> Found:
        console = self._console
        console.line()
        console.say("found_head" if found.devices or found.free else "found_none")
        for device in sorted(found.devices, key=lambda one: PARTS.index(one.part)):
            console.line("  " + described(console, device))
        for port in found.free:
            title = port.title
            if port.heard:
                title = f"{title} {console.word('nonsense', heard=port.heard)}".strip()
            console.line("  " + console.word("found_free", where=port.path, title=title))
        for place in found.closed:
            why = console.word(place.why)
            console.line("  " + console.word("found_closed", where=place.where, why=why))
        return found

    def _finish(self, config: GateConfig, settled: list[Settled], place: Place) -> int:
        console, path = self._console, self._order.path
        console.line()
        try:
            backup = write_whole(path, config_text(config), load_config)
        except ConfigError as error:
            console.say("check_failed", error=error)
            return 1
        self.written = True
        console.say("written", path=path)
        if backup is not None:
            console.say("backup", path=backup)
        console.say("summary")
        for one in settled:
            part, state = console.word(f"part_{one.part}"), console.word(one.state)
            console.say("summary_line", part=part, where=one.where, state=state)
        # The service runs as a user of its own; it must read the file and its key.
        system = os.geteuid() == 0 and path.absolute().parent == SYSTEM_FOLDER
        if system and not hand_over(SERVICE_USER, path, path.parent / config.data_dir):
            console.say("root_owned", user=SERVICE_USER, path=path, folder=config.data_dir)
        ready = self._checked(path, enrolled=bool(place.device))
        if not settled[0].tables:
            console.say("reader_missing", port=READER_PORT)
            ready = False
        if not place.device:
            file = shlex.quote(str(path))
            command = f"menpiao gate {file} --centre {shlex.quote(place.centre)} --enrol CODE"
            console.say("enrol_next", command=command)
            ready = False
        console.say("run_next", command=_next_command(path))
        return 0 if ready else 1

    def _checked(self, path: Path, *, enrolled: bool) -> bool:
        """Whether the lane's own program takes the file, and finds what it names."""
        try:
            gate_parts(load_config(path))
        except (ConfigError, IdentityError, ImportError, OSError) as error:
            if enrolled or not isinstance(error, IdentityError):
                self._console.say("lane_unfit", error=error)
                return False
        self._console.say("checked")
        return True


def _devices_of(old: GateConfig | None, part: Part) -> tuple[DeviceTable, ...]:
    """What a configuration has for a part."""
    if old is None:
        return ()
    match part:
        case Part.READER:
            return (old.reader,)
        case Part.PRINTER:
            none = old.printer.kind == "network" and not old.printer.host
            return () if none else (old.printer,)
        case Part.SCANNER:
            return old.scanner
        case Part.BARRIER:
            return () if old.barrier.kind == "none" else (old.barrier,)
        case Part.LED:
            return () if old.led.kind == "none" else (old.led,)


def _config(base: GateConfig, settled: list[Settled], place: Place) -> GateConfig:
    """The configuration before, with what was settled now."""
    tables = [table for one in settled for table in one.tables]
    readers = [one for one in tables if isinstance(one, Reader)]
    printers = [one for one in tables if isinstance(one, AnyPrinter)]
    barriers = [one for one in tables if isinstance(one, Barrier)]
    leds = [one for one in tables if isinstance(one, Led)]
    return msgspec.structs.replace(
        base,
        centre=place.centre,
        gate_id=place.gate_id,
        authority_file=place.authority_file,
        reader=readers[0] if readers else Reader(port=READER_PORT),
        printer=_with_template(printers, base.printer.template),
        scanner=tuple(one for one in tables if isinstance(one, Scanner)),
        barrier=barriers[0] if barriers else Barrier(),
        led=leds[0] if leds else Led(),
    )


def _with_template(printers: list[AnyPrinter], template: str) -> Printer:
    if not printers:
        return Printer(template=template)
    fields = msgspec.structs.asdict(printers[0]) | {"template": template}
    return Printer(**fields)


def _data_dir(path: Path) -> Path:
    """Beside the file; where the system's service looks for it, in the service's own folder."""
    if path.absolute().parent == SYSTEM_FOLDER:
        return SYSTEM_DATA / f"{path.stem}-data"
    return Path("gate-data")


def _next_command(path: Path) -> str:
    if path.absolute().parent == SYSTEM_FOLDER and path.suffix == ".toml":
        return f"systemctl enable --now menpiao-gate@{shlex.quote(path.stem)}"
    return f"menpiao gate {shlex.quote(str(path))}"
