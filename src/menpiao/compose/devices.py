"""The devices of lanes and counters by name: which drivers a table of a configuration means.

Drivers with heavy or optional libraries are loaded where such a device is named.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from menpiao.terminals.devices import Led, Printer, Reader, Scanner
from menpiao.terminals.gate.config import ConfigError
from menpiao.terminals.parts.display.led import LedDisplay
from menpiao.terminals.parts.display.led_profile import (
    PROFILES as LED_PROFILES,
)
from menpiao.terminals.parts.display.led_profile import (
    LedProfileError,
    load_led_profile,
)
from menpiao.terminals.parts.printer.transport import Transport as PaperWay
from menpiao.terminals.parts.reader.baud import DetectingSerialTransport
from menpiao.terminals.parts.reader.mrz import MrzReader
from menpiao.terminals.parts.reader.sam_v import Options as ReaderOptions
from menpiao.terminals.parts.reader.sam_v import SamVReader
from menpiao.terminals.parts.reader.timings import Timings
from menpiao.terminals.parts.scanner.driver import LineScanner, Options
from menpiao.terminals.ports.base import Transport
from menpiao.terminals.ports.keyboard import KeyboardTransport
from menpiao.terminals.ports.serial_port import SerialTransport
from menpiao.terminals.ports.tcp import TcpConnectTransport, TcpListenTransport

if TYPE_CHECKING:  # drawing is heavy: only a terminal that prints loads it
    from menpiao.terminals.parts.printer.driver import EscPosPrinter

_USB_EXTRA = "kind = 'usb' needs pyusb: install menpiao[terminal-usb]"


def reader_of(table: Reader, *, early: bool = False) -> SamVReader:
    """The ID-card reader; ``early``: it tells of a card's text before the rest has come.

    Raises:
        ConfigError: its library is not installed.
    """
    timings = Timings(poll_s=table.poll_s, gap_s=table.gap_s)
    return SamVReader(_reader_way(table), ReaderOptions(timings=timings, early=early))


def _reader_way(table: Reader) -> Transport:
    match table.kind:
        case "serial":
            return DetectingSerialTransport(table.port)
        case "usb":
            try:
                from menpiao.terminals.parts.reader.transport_usb import UsbTransport
            except ModuleNotFoundError as error:
                raise ConfigError(f"[reader] {_USB_EXTRA}") from error
            return UsbTransport()
        case "vendor":
            from menpiao.terminals.parts.reader.vendor import VendorTransport

            python = table.python or sys.executable
            return VendorTransport(table.library, table.library_port, python)
        case _:
            return _network_way(table.kind, table.host, table.tcp_port)


def _network_way(kind: str, host: str, port: int) -> Transport:
    if kind == "listen":
        # Converters call from the lane's own network: all of its addresses are listened on.
        return TcpListenTransport("0.0.0.0", port, peer=host)  # noqa: S104
    return TcpConnectTransport(host, port)


def line_way(kind: str, port: str, baud: int, host: str, tcp_port: int) -> Transport:
    """The way to a device that is no card reader or printer: serial, keyboard, tcp or listen."""
    if kind == "serial":
        return SerialTransport(port, baud)
    if kind == "keyboard":
        return KeyboardTransport(port)
    return _network_way(kind, host, tcp_port)


def scanner_of(table: Scanner) -> LineScanner:
    """A scanner of codes."""
    way = line_way(table.kind, table.port, table.baud, table.host, table.tcp_port)
    ends = Options(prefix=table.prefix.encode(), suffix=table.suffix.encode())
    return LineScanner(way, ends)


def passport_reader_of(table: Scanner) -> MrzReader:
    """A scanner that reads machine readable zones."""
    return MrzReader(line_way(table.kind, table.port, table.baud, table.host, table.tcp_port))


def printer_of(table: Printer) -> EscPosPrinter | None:
    """The slip printer; None: no slips.

    Raises:
        ConfigError: there is no such profile, or its library is not installed.
    """
    if table.kind == "network" and not table.host:
        return None
    from menpiao.terminals.parts.printer.driver import EscPosPrinter
    from menpiao.terminals.parts.printer.profiles import ProfileError, profile_of

    try:
        profile = profile_of(table.profile)
    except ProfileError as error:
        raise ConfigError(f"[printer] {error}") from error
    return EscPosPrinter(_paper_way(table), profile)


def _paper_way(table: Printer) -> PaperWay:
    match table.kind:
        case "network":
            from menpiao.terminals.parts.printer.transport_network import NetworkTransport

            return NetworkTransport(table.host, table.port)
        case "file":
            from menpiao.terminals.parts.printer.transport_file import FileTransport

            return FileTransport(Path(table.device))
        case "serial":
            from menpiao.terminals.parts.printer.transport_device import (
                SerialTransport as PaperLine,
            )

            return PaperLine(table.device, table.baud, table.flow)
        case _ if table.device:
            from menpiao.terminals.parts.printer.transport_device import UsbTransport

            return UsbTransport(table.device)
        case _:
            try:
                from menpiao.terminals.parts.printer.transport_usb import UsbPipesTransport
            except ModuleNotFoundError as error:
                raise ConfigError(f"[printer] {_USB_EXTRA}") from error
            return UsbPipesTransport()


def led_of(table: Led) -> LedDisplay | None:
    """The line of LEDs; None: there is none.

    Raises:
        ConfigError: its profile cannot be used.
    """
    if table.kind == "none":
        return None
    shipped = LED_PROFILES / f"{table.profile}.toml"
    try:
        profile = load_led_profile(shipped if shipped.is_file() else Path(table.profile))
    except LedProfileError as error:
        raise ConfigError(f"[led] {error}") from error
    way = line_way(table.kind, table.port, profile.baud, table.host, table.tcp_port)
    return LedDisplay(way, profile)
