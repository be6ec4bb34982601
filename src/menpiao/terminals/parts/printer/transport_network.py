"""A printer on the network: raw bytes on port 9100."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from menpiao.terminals.parts.printer.transport import PrinterUnreachable


@dataclass(frozen=True, slots=True)
class NetworkTransport:
    """One connection for each slip: many printers serve one host at a time."""

    host: str
    port: int = 9100

    async def connect(self) -> NetworkConnection:
        """Connect; the driver's time limit ends a host that does not answer."""
        try:
            reader, writer = await asyncio.open_connection(self.host, self.port)
        except OSError as error:
            raise PrinterUnreachable("unreachable") from error
        return NetworkConnection(reader, writer)


class NetworkConnection:
    """An open connection."""

    answers = True

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def write(self, data: bytes) -> None:
        """Hand over; returns when all but a little is with the system's network."""
        # Without a buffer of our own, a printer that takes nothing is noticed.
        self._writer.transport.set_write_buffer_limits(high=0)
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise PrinterUnreachable("connection_lost") from error

    async def read(self) -> bytes:
        """Wait for bytes."""
        try:
            data = await self._reader.read(64)
        except OSError as error:
            raise PrinterUnreachable("connection_lost") from error
        if not data:
            raise PrinterUnreachable("connection_lost")
        return data

    async def close(self) -> None:
        """Close in order; what a stalled printer did not take is dropped."""
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
