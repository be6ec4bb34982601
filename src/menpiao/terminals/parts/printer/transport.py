"""What carries bytes to a printer."""

from __future__ import annotations

from typing import Protocol


class PrinterUnreachable(Exception):
    """The way to the printer is not there, or broke. The text is a short snake_case reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Connection(Protocol):
    """An open way to one printer."""

    @property
    def answers(self) -> bool:
        """Whether something at the other end can answer questions at all."""
        ...

    async def write(self, data: bytes) -> None:
        """Hand over all bytes; wait while the printer takes none. Raises PrinterUnreachable."""
        ...

    async def read(self) -> bytes:
        """Wait for bytes from the printer; raise PrinterUnreachable when none can ever come."""
        ...

    async def close(self) -> None:
        """Give the printer free. Never raises."""
        ...


class Transport(Protocol):
    """Knows how to reach one printer."""

    async def connect(self) -> Connection:
        """Open the way. Raises PrinterUnreachable."""
        ...
