"""What carries bytes between a driver and its device: a serial line, a network, USB pipes."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class PortTrouble(StrEnum):
    """Why a device cannot be reached; the values are also those of the parts' fault codes."""

    ABSENT = "port_absent"
    BUSY = "port_busy"
    DENIED = "port_denied"
    LOST = "port_lost"
    SILENT = "silent"
    """The port is there and takes no bytes."""


class PortError(Exception):
    """The way to the device is not there, or broke."""

    def __init__(self, code: PortTrouble) -> None:
        super().__init__(code.value)
        self.code = code


class Connection(Protocol):
    """An open way to one device."""

    def write(self, data: bytes) -> None:
        """Send; raise PortError if the way is broken."""
        ...

    async def read(self) -> bytes:
        """Wait for bytes and return at least one.

        Raise PortError if the way is broken. Losing no byte when cancelled.
        """
        ...

    def pending(self) -> bytes:
        """Return the bytes that have arrived and were not read, without waiting."""
        ...

    def close(self) -> None:
        """Give the device free. Never raises."""
        ...


class Transport(Protocol):
    """Knows how to reach one device."""

    async def connect(self) -> Connection:
        """Open the way; raise PortError if that is not possible now."""
        ...
