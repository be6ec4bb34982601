"""From an address that was typed to the table of a configuration."""

from __future__ import annotations

from typing import Final, Literal

from menpiao.compose.setup.address import Address, AddressError, Way, read_address
from menpiao.compose.setup.console import Console
from menpiao.compose.setup.findings import Finding, Part, Sure, Table
from menpiao.terminals.devices import Led, Printer, Reader, Scanner
from menpiao.terminals.gate.config import Barrier
from menpiao.terminals.manifest import DriverManifest
from menpiao.terminals.parts.barrier.manifest import MANIFESTS as BARRIERS
from menpiao.terminals.parts.barrier.templates import PROFILES, built_in

_RATES: Final = ("9600", "19200", "38400", "57600", "115200")
_PORTS: Final = {Part.PRINTER: 9100, Part.BARRIER: 502}
_WAYS: Final = {
    Part.READER: {Way.SERIAL, Way.USB, Way.TCP, Way.LISTEN, Way.VENDOR},
    Part.PRINTER: {Way.SERIAL, Way.USB, Way.TCP, Way.FILE},
    Part.SCANNER: {Way.SERIAL, Way.KEYBOARD, Way.TCP, Way.LISTEN},
    Part.BARRIER: {Way.SERIAL, Way.TCP},
    Part.LED: {Way.SERIAL, Way.TCP, Way.LISTEN},
}
Kind = Literal["lcus", "modbus_rtu", "modbus_tcp", "frames"]


async def typed_address(console: Console, part: Part) -> Address | None:
    """An address that this part can have; None for an empty answer."""
    while text := await console.ask(f"address_{part}"):
        try:
            address = read_address(text, _PORTS.get(part, 0))
        except AddressError:
            console.say("address_bad", text=text)
            continue
        if address.way in _WAYS[part]:
            return address
        # A file that is not there yet looks like one: a serial port is named before it is plugged.
        console.say("address_unfit", part=console.word(f"part_{part}"), text=text)
    return None


async def typed_device(console: Console, part: Part) -> Finding | None:
    """A device by its address, with whatever has to be asked besides; None: rather not."""
    address = await typed_address(console, part)
    if address is None:
        return None
    table: Table
    match part:
        case Part.READER:
            table = _reader(address)
        case Part.PRINTER:
            table = await _printer(console, address)
        case Part.SCANNER:
            table = _scanner(address)
        case Part.BARRIER:
            table = await _barrier(console, address)
        case Part.LED:
            table = _led(address)
    return Finding(part, table, Sure.POSSIBLE, address.text, "how_typed")


def _reader(address: Address) -> Reader:
    match address.way:
        case Way.SERIAL:
            return Reader(port=address.path)
        case Way.USB:
            return Reader(kind="usb")
        case Way.VENDOR:
            return Reader(kind="vendor", library=address.path)
        case Way.LISTEN:
            return Reader(kind="listen", tcp_port=address.tcp_port)
        case _:
            return Reader(kind="tcp", host=address.host, tcp_port=address.tcp_port)


async def _printer(console: Console, address: Address) -> Printer:
    match address.way:
        case Way.SERIAL:
            options = [(rate, "", rate) for rate in _RATES]
            rate = await console.pick("which_rate", options, "9600")
            return Printer(kind="serial", device=address.path, baud=int(rate))
        case Way.USB:
            return Printer(kind="usb", device=address.path)
        case Way.FILE:
            return Printer(kind="file", device=address.path)
        case _:
            return Printer(host=address.host, port=address.tcp_port)


def _scanner(address: Address) -> Scanner:
    match address.way:
        case Way.SERIAL:
            return Scanner(port=address.path)
        case Way.KEYBOARD:
            return Scanner(kind="keyboard", port=address.path)
        case Way.LISTEN:
            return Scanner(kind="listen", tcp_port=address.tcp_port)
        case _:
            return Scanner(kind="tcp", host=address.host, tcp_port=address.tcp_port)


def _led(address: Address) -> Led:
    if address.way is Way.SERIAL:
        return Led(kind="serial", port=address.path)
    kind: Literal["tcp", "listen"] = "tcp" if address.way is Way.TCP else "listen"
    return Led(kind=kind, host=address.host, tcp_port=address.tcp_port)


async def _barrier(console: Console, address: Address) -> Barrier:
    serial = address.way is Way.SERIAL
    drivers = [one for one in BARRIERS if ("serial" if serial else "tcp_connect") in one.transports]
    options = [
        (str(number), _title(console, one), one.driver) for number, one in enumerate(drivers, 1)
    ]
    driver = await console.pick("which_driver", options, "1")
    profile = "rs485_turnstile"
    if driver == "frames":
        profile = await _profile(console)
    kinds: dict[str, Kind] = {
        "lcus": "lcus",
        "modbus": "modbus_rtu" if serial else "modbus_tcp",
        "frames": "frames",
    }
    kind = kinds[driver]
    if serial:
        return Barrier(kind=kind, port=address.path, profile=profile)
    return Barrier(kind=kind, host=address.host, tcp_port=address.tcp_port, profile=profile)


async def _profile(console: Console) -> str:
    """A make that can be told to open."""
    makes = [built_in(path.stem) for path in sorted(PROFILES.glob("*.toml"))]
    opening = [one for one in makes if "open_in" in one.send or "open_out" in one.send]
    options = [
        (str(number), one.title_zh if console.language == "zh" else one.title_en, one.name)
        for number, one in enumerate(opening, 1)
    ]
    return await console.pick("which_profile", options, "1")


def _title(console: Console, driver: DriverManifest) -> str:
    title = driver.title_zh if console.language == "zh" else driver.title_en
    return title if driver.tried_on_hardware else f"{title} {console.word('never_on_device')}"
