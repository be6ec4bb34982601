"""What carries the frames: a serial port or a network connection."""

from __future__ import annotations

from typing import Protocol

from menpiao.terminals.parts.reader.base import FaultCode


class TransportError(Exception):
    """The way to the reader is not there, or broke."""

    def __init__(self, code: FaultCode) -> None:
        super().__init__(code.value)
        self.code = code


class Connection(Protocol):
    """An open way to one reader."""

    def write(self, data: bytes) -> None:
        """Send; raise TransportError if the way is broken."""
        ...

    async def read(self) -> bytes:
        """Wait for bytes and return at least one.

        Raise TransportError if the way is broken. Losing no byte when cancelled.
        """
        ...

    def pending(self) -> bytes:
        """Return the bytes that have arrived and were not read, without waiting."""
        ...

    def close(self) -> None:
        """Give the device free. Never raises."""
        ...


class Transport(Protocol):
    """Knows how to reach one reader."""

    async def connect(self) -> Connection:
        """Open the way; raise TransportError if that is not possible now."""
        ...
