"""The scan: every port of the machine is asked harmless questions, one driver at a time.

A serial port is open to one question at a time, all ports beside each other. No card is looked
for and nothing moves. Printers are looked for first, at each rate: what others are asked stays in
a printer's buffer and is printed once it fills a line. The buffer is cleared in the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from menpiao.compose.setup.address import Address, Way
from menpiao.compose.setup.findings import Closed, Finding, Found, FreePort, Part, Sure
from menpiao.terminals.devices import Printer, Reader, Scanner
from menpiao.terminals.gate.config import Barrier
from menpiao.terminals.parts.barrier import probe as boards
from menpiao.terminals.parts.printer import probe as printers
from menpiao.terminals.parts.reader import probe as readers
from menpiao.terminals.ports import finding
from menpiao.terminals.ports.base import Connection, PortError, PortTrouble, Transport
from menpiao.terminals.ports.finding import KeyboardFound, SerialFound, UsbFound
from menpiao.terminals.ports.hearing import Counted
from menpiao.terminals.ports.serial_port import SerialTransport
from menpiao.terminals.ports.tcp import TcpConnectTransport

RATES: Final = (115_200, 9_600, 19_200, 38_400, 57_600)
"""The most usual first."""
BOARD_RATE: Final = 9_600
_PRINTER_TCP: Final = 9100
_MODBUS_TCP: Final = 502
_SAFE_MODULE: Final = (0x0400, 0xC35A)
_RELAY_CHIP: Final = (0x1A86, 0x7523)
_PRINTER_CLASS: Final = 7
_SCANNER_WORDS: Final = re.compile(
    r"scan|barcode|bar code|code reader|honeywell|newland|symbol|datalogic|zebra|扫描|扫码",
    re.IGNORECASE,
)
_WHY: Final = {
    PortTrouble.ABSENT: "closed_absent",
    PortTrouble.BUSY: "closed_busy",
    PortTrouble.DENIED: "closed_denied",
    PortTrouble.LOST: "closed_lost",
    PortTrouble.SILENT: "closed_stuck",
}
Progress = Callable[[str, Found], None]
"""Told of each place when it has been looked at, and what was found there."""


def places_of_this_machine() -> tuple[Address, ...]:
    """The serial ports and keyboards of this machine."""
    serial = (Address(Way.SERIAL, path=port.path) for port in finding.serial_ports())
    typing = (Address(Way.KEYBOARD, path=one.path) for one in finding.keyboards())
    return (*serial, *typing)


async def scan(places: tuple[Address, ...], progress: Progress, *, usb: bool) -> Found:
    """Look at every place, and with ``usb`` at the descriptors on the bus."""
    titles = {port.path: port for port in finding.serial_ports()}
    names = {one.path: one for one in finding.keyboards()}

    async def look(place: Address) -> Found:
        match place.way:
            case Way.SERIAL:
                port = titles.get(place.path, SerialFound(place.path))
                found = await look_at_serial(port)
            case Way.KEYBOARD:
                found = of_keyboard(names.get(place.path, KeyboardFound(place.path)))
            case Way.TCP:
                found = await look_at_network(place.host, place.tcp_port)
            case _:
                found = Found()
        progress(place.text, found)
        return found

    founds = await asyncio.gather(*(look(place) for place in places))
    if usb:
        founds = [*founds, of_usb(finding.usb_devices(), finding.usb_printers())]
        progress("USB", founds[-1])
    whole = Found()
    for found in founds:
        whole.devices += found.devices
        whole.free += found.free
        whole.closed += found.closed
    return whole


async def look_at_serial(port: SerialFound) -> Found:
    """One serial port: at each rate for a printer, then at each rate for everything else."""
    heard = 0
    for ask in (_serial_printer, _others_on_line):
        for rate in RATES:
            try:
                async with _opened(SerialTransport(port.path, rate)) as connection:
                    counted = Counted(connection)
                    device = await ask(counted, port.path, rate)
                    heard += counted.heard + len(connection.pending())
            except PortError as error:
                return Found(closed=[Closed(port.path, _WHY[error.code])])
            if device is not None:
                return Found(devices=[device])
    found = Found(free=[FreePort(port.path, port.title, heard)])
    if not heard and (port.vendor, port.product) == _RELAY_CHIP:
        relay = Barrier(kind="lcus", port=port.path)
        found.devices.append(
            Finding(Part.BARRIER, relay, Sure.POSSIBLE, port.path, "how_relay_chip")
        )
    if _SCANNER_WORDS.search(port.title):
        scanner = Scanner(port=port.path)
        values: dict[str, object] = {"title": port.title}
        found.devices.append(
            Finding(Part.SCANNER, scanner, Sure.LIKELY, port.path, "how_named", values)
        )
    return found


async def _serial_printer(connection: Connection, path: str, rate: int) -> Finding | None:
    seen = await printers.recognise(connection)
    table = Printer(kind="serial", device=path, baud=rate)
    return None if seen is None else _printer_finding(table, f"{path} · {rate}", seen)


async def _others_on_line(connection: Connection, path: str, rate: int) -> Finding | None:
    module = await readers.recognise(connection)
    if module is not None:
        return _reader_finding(Reader(port=path), f"{path} · {rate}", module)
    if rate == BOARD_RATE:
        board = await _board_on(connection, port=path)
        if board is not None:
            return board
        if await boards.is_modbus_rtu(connection):
            table = Barrier(kind="modbus_rtu", port=path)
            return Finding(Part.BARRIER, table, Sure.CERTAIN, path, "how_modbus")
    printers.forget(connection)  # it may be one that answers nothing
    return None


async def look_at_network(host: str, tcp_port: int) -> Found:
    """One address: what its port is for is asked first, and a printer's is asked nothing else."""
    where = f"{host}:{tcp_port}"
    asks: dict[str, Callable[[Connection], Awaitable[Finding | None]]] = {
        "printer": lambda way: _network_printer(way, host, tcp_port),
        "reader": lambda way: _network_reader(way, host, tcp_port),
        "board": lambda way: _board_on(way, host=host, tcp_port=tcp_port),
        "modbus": lambda way: _network_modbus(way, host, tcp_port),
    }
    order = {_PRINTER_TCP: ("printer",), _MODBUS_TCP: ("modbus",)}.get(tcp_port, tuple(asks))
    for name in order:
        try:
            async with _opened(TcpConnectTransport(host, tcp_port)) as connection:
                device = await asks[name](connection)
        except PortError as error:
            if name == order[0] or error.code is PortTrouble.ABSENT:
                return Found(closed=[Closed(where, _WHY[error.code])])
            continue  # it hung up on a question that was not for it
        if device is not None:
            return Found(devices=[device])
    if tcp_port == _PRINTER_TCP:
        table = Printer(host=host, port=tcp_port)
        silent = Finding(Part.PRINTER, table, Sure.POSSIBLE, where, "how_printer_port")
        return Found(devices=[silent])
    return Found(closed=[Closed(where, "closed_unknown")])


async def _network_printer(connection: Connection, host: str, tcp_port: int) -> Finding | None:
    seen = await printers.recognise(connection, 0.5)
    table = Printer(host=host, port=tcp_port)
    return None if seen is None else _printer_finding(table, f"{host}:{tcp_port}", seen)


async def _network_reader(connection: Connection, host: str, tcp_port: int) -> Finding | None:
    seen = await readers.recognise(connection, 0.5)
    table = Reader(kind="tcp", host=host, tcp_port=tcp_port)
    return None if seen is None else _reader_finding(table, f"{host}:{tcp_port}", seen)


async def _network_modbus(connection: Connection, host: str, tcp_port: int) -> Finding | None:
    if not await boards.is_modbus_tcp(connection):
        return None
    table = Barrier(kind="modbus_tcp", host=host, tcp_port=tcp_port)
    return Finding(Part.BARRIER, table, Sure.CERTAIN, f"{host}:{tcp_port}", "how_modbus")


async def _board_on(
    connection: Connection, *, port: str = "", host: str = "", tcp_port: int = 502
) -> Finding | None:
    for profile in boards.frame_profiles():
        if await boards.is_frame_board(connection, profile):
            table = Barrier(
                kind="frames", port=port, host=host, tcp_port=tcp_port, profile=profile.name
            )
            where = port or f"{host}:{tcp_port}"
            values: dict[str, object] = {"zh": profile.title_zh, "en": profile.title_en}
            return Finding(Part.BARRIER, table, Sure.CERTAIN, where, "how_counters", values)
    return None


def _reader_finding(table: Reader, where: str, seen: readers.ModuleSeen) -> Finding:
    values: dict[str, object] = {"sam_id": seen.sam_id or "-"}
    return Finding(Part.READER, table, Sure.CERTAIN, where, "how_sam", values, seen.trouble)


def _printer_finding(table: Printer, where: str, seen: printers.PrinterSeen) -> Finding:
    return Finding(Part.PRINTER, table, Sure.CERTAIN, where, "how_status", trouble=seen.trouble)


def of_keyboard(found: KeyboardFound) -> Found:
    """A keyboard may be a scanner: it is not opened, somebody may be typing on it."""
    name = f"{found.title} {Path(found.path).name}"
    likely = _SCANNER_WORDS.search(name)
    table = Scanner(kind="keyboard", port=found.path)
    device = Finding(
        Part.SCANNER,
        table,
        Sure.LIKELY if likely else Sure.POSSIBLE,
        found.path,
        "how_named" if likely else "how_keyboard",
        {"title": found.title or Path(found.path).name},
    )
    return Found(devices=[device])


def of_usb(devices: tuple[UsbFound, ...], files: tuple[str, ...]) -> Found:
    """Readers and printers by what their descriptors say."""
    found = Found()
    for path in files:
        table = Printer(kind="usb", device=path)
        found.devices.append(Finding(Part.PRINTER, table, Sure.LIKELY, path, "how_usb_file"))
    for device in devices:
        name = f"USB {device.vendor:04x}:{device.product:04x} {device.title}".strip()
        if (device.vendor, device.product) == _SAFE_MODULE:
            reader = Reader(kind="usb")
            found.devices.append(Finding(Part.READER, reader, Sure.LIKELY, name, "how_descriptor"))
        elif _PRINTER_CLASS in device.classes and not files:
            paper = Printer(kind="usb")
            found.devices.append(Finding(Part.PRINTER, paper, Sure.LIKELY, name, "how_descriptor"))
    return found


@asynccontextmanager
async def _opened(transport: Transport) -> AsyncIterator[Connection]:
    connection = await transport.connect()
    try:
        yield connection
    finally:
        with contextlib.suppress(PortError):
            connection.close()
