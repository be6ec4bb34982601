"""A device behind a serial-to-network converter: we call it, or it calls us.

A converter that calls is known by the port it calls on; give every lane a port of its own, or
name the converter's address.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from menpiao.terminals.ports.arrivals import Arrivals
from menpiao.terminals.ports.base import PortError, PortTrouble

_CONNECT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class TcpConnectTransport:
    """Calls the converter."""

    host: str
    port: int

    async def connect(self) -> TcpConnection:
        """Connect; raise PortError(ABSENT) if the converter does not answer."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_S):
                _, connection = await loop.create_connection(TcpConnection, self.host, self.port)
        except (OSError, TimeoutError) as error:
            raise PortError(PortTrouble.ABSENT) from error
        return connection


@dataclass(slots=True)
class TcpListenTransport:
    """Waits for the converter's call.

    The newest call wins: a converter that lost its line calls again long before the old
    connection is known to be dead.
    """

    host: str
    port: int
    peer: str = ""
    """The only address to accept; "" accepts any."""
    wait_s: float = 2.0
    """How long `connect` waits for a call before it reports that there is none."""
    _server: asyncio.Server | None = field(default=None, init=False)
    _current: TcpConnection | None = field(default=None, init=False)
    _called: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def connect(self) -> TcpConnection:
        """Give the converter's connection; raise PortError(ABSENT) if it did not call.

        Raises PortError(BUSY) if the listening port is taken.
        """
        if self._server is None:
            loop = asyncio.get_running_loop()
            try:
                self._server = await loop.create_server(self._answer, self.host, self.port)
            except OSError as error:
                raise PortError(PortTrouble.BUSY) from error
            self.port = self._server.sockets[0].getsockname()[1]
        try:
            async with asyncio.timeout(self.wait_s):
                while self._current is None or self._current.lost:
                    self._called.clear()
                    await self._called.wait()
        except TimeoutError as error:
            raise PortError(PortTrouble.ABSENT) from error
        return self._current

    async def stop(self) -> None:
        """Listen no longer."""
        if self._current is not None:
            self._current.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def _answer(self) -> TcpConnection:
        return TcpConnection(self)

    def called(self, connection: TcpConnection, peer: str) -> None:
        """A converter is on the line; hang up if it is not the expected one."""
        if self.peer and peer != self.peer:
            connection.close()
            return
        if self._current is not None:
            self._current.close()
        self._current = connection
        self._called.set()


class TcpConnection(Arrivals, asyncio.Protocol):
    """An open connection whose bytes are collected as they come."""

    def __init__(self, listener: TcpListenTransport | None = None) -> None:
        super().__init__()
        self._listener = listener
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._listener is not None:
            self._listener.called(self, transport.get_extra_info("peername")[0])

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self.arrived(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop; a converter that hangs up and one that breaks are the same."""
        del exc
        self.lose()

    def write(self, data: bytes) -> None:
        """Send a request."""
        if self.lost or self._transport is None:
            raise PortError(PortTrouble.LOST)
        self._transport.write(data)

    def close(self) -> None:
        """Hang up at once."""
        self.lose()
        if self._transport is not None:
            self._transport.abort()
