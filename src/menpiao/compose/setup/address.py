"""What a technician types for a device's place, and what a scan is told to look at."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final


class Way(StrEnum):
    """How a device is reached."""

    SERIAL = "serial"
    KEYBOARD = "keyboard"
    TCP = "tcp"
    LISTEN = "listen"
    USB = "usb"
    FILE = "file"
    VENDOR = "vendor"


class AddressError(ValueError):
    """What was typed is no address."""


@dataclass(frozen=True, slots=True)
class Address:
    """One place: a path, or a host and port."""

    way: Way
    path: str = ""
    host: str = ""
    tcp_port: int = 0

    @property
    def text(self) -> str:
        """As a person writes it."""
        if self.way is Way.USB:
            return f"usb:{self.path}" if self.path else "usb"
        if self.way is Way.LISTEN:
            return f"listen:{self.tcp_port}"
        return self.path or f"{self.host}:{self.tcp_port}"


_PATHS: Final = frozenset({Way.SERIAL, Way.KEYBOARD, Way.FILE, Way.VENDOR, Way.USB})


def read_address(text: str, tcp_port: int = 0) -> Address:
    """An address such as /dev/ttyUSB0, 192.168.1.50, 192.168.1.50:9100, listen:4001, usb.

    ``serial:``, ``keyboard:``, ``tcp:``, ``file:`` and ``vendor:`` before it say what it is where
    its form does not; ``tcp_port`` is that of an address without one.

    Raises:
        AddressError: it is none.
    """
    text = text.strip()
    named, colon, rest = text.partition(":")
    way = Way(named) if colon and named in set(Way) else None
    if text == Way.USB:
        return Address(Way.USB)
    if way in _PATHS:
        if not rest.startswith("/"):
            raise AddressError(text)
        return Address(way, path=rest)
    if way is Way.LISTEN:
        return Address(way, tcp_port=_port(rest, text))
    if way is None and text.startswith("/"):
        return Address(_way_of(text), path=text)
    host, colon, number = (rest if way is Way.TCP else text).rpartition(":")
    if not colon:
        host, number = number, str(tcp_port or "")
    host = host.strip("[]")
    if not host or any(char.isspace() or char == "/" for char in host):
        raise AddressError(text)
    return Address(Way.TCP, host=host, tcp_port=_port(number, text))


def _port(number: str, text: str) -> int:
    if not (number.isascii() and number.isdecimal() and 0 < int(number) <= 65_535):
        raise AddressError(text)
    return int(number)


def _way_of(path: str) -> Way:
    if path.startswith("/dev/input/"):
        return Way.KEYBOARD
    if path.startswith("/dev/usb/"):
        return Way.USB
    if path.endswith(".so") or ".so." in path:
        return Way.VENDOR
    try:
        is_device = stat.S_ISCHR(Path(path).stat().st_mode)
    except OSError:
        is_device = path.startswith("/dev/")
    return Way.SERIAL if is_device else Way.FILE
