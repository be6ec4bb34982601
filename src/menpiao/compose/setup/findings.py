"""What a scan found: a device as the configuration would name it, how sure, and how it is known."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from menpiao.terminals.devices import Led, Reader, Scanner
from menpiao.terminals.devices import Printer as AnyPrinter
from menpiao.terminals.gate.config import Barrier

Table = Reader | Scanner | AnyPrinter | Barrier | Led


class Part(StrEnum):
    """What a device is to a lane."""

    READER = "reader"
    PRINTER = "printer"
    SCANNER = "scanner"
    BARRIER = "barrier"
    LED = "led"


class Sure(IntEnum):
    """How sure it is that a device is what it seems."""

    POSSIBLE = 1
    """It may be: nothing speaks against it."""
    LIKELY = 2
    """It calls itself so."""
    CERTAIN = 3
    """It answered as only such a device does."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One device. ``how`` is a key of the words, with its values."""

    part: Part
    table: Table
    sure: Sure
    where: str
    how: str
    values: dict[str, object] = field(default_factory=dict)
    trouble: str = ""
    """Why it cannot be used as it is: a reader's fault code, a printer's reason, or ""."""


@dataclass(frozen=True, slots=True)
class FreePort:
    """A serial port on which nothing was recognised. ``heard``: bytes that made no sense."""

    path: str
    title: str = ""
    heard: int = 0


@dataclass(frozen=True, slots=True)
class Closed:
    """A place that could not be looked at, and why: a key of the words."""

    where: str
    why: str


@dataclass(slots=True)
class Found:
    """Everything of one scan."""

    devices: list[Finding] = field(default_factory=list)
    free: list[FreePort] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)

    def of(self, part: Part) -> list[Finding]:
        """The devices of one part, the surest first."""
        ours = [one for one in self.devices if one.part is part]
        return sorted(ours, key=lambda one: -one.sure)


def key_of(table: Table) -> str:
    """The same for two names of one port, which has several."""
    return spot(place_of(table))


def spot(place: str) -> str:
    """What a path leads to; any other place as it is."""
    return os.path.realpath(place) if place.startswith("/") else place


def place_of(table: Table) -> str:
    """Where a device is, as people name it."""
    match table:
        case AnyPrinter():
            if table.kind == "network":
                return f"{table.host}:{table.port}"
            return table.device or table.kind
        case Barrier(kind="modbus_tcp"):
            return f"{table.host}:{table.tcp_port}"
        case Reader(kind="vendor"):
            return table.library
        case _:
            if table.port:
                return table.port
            listening = table.kind == "listen"
            host = "listen" if listening else table.host
            return f"{host}:{table.tcp_port}" if host else table.kind
