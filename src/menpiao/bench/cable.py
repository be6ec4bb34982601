"""A cable between lanes and their server that can be pulled, in a process of its own.

A pulled cable tells nobody: connections stay, octets are lost, new connections are never answered.
"""

import asyncio
import multiprocessing
from multiprocessing.connection import Connection
from typing import Self


class Cable:
    """Carries every connection to ``port`` of this machine; ``self.port`` is its other end."""

    def __init__(self, port: int) -> None:
        """Lead to ``port``."""
        self._to = port
        self.port = 0

    def __enter__(self) -> Self:
        self._way, far = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=_run, args=(self._to, far), daemon=True)
        self._process.start()
        if not self._way.poll(20):
            msg = "the cable did not begin to carry"
            raise RuntimeError(msg)
        self.port = self._way.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join(10)

    def pull(self) -> None:
        """Lose every octet from now on."""
        self._way.send(False)

    def plug(self) -> None:
        """Carry again; what was connected meanwhile is cut."""
        self._way.send(True)


def _run(to: int, way: Connection) -> None:
    asyncio.run(_carry(to, way))


async def _carry(to: int, way: Connection) -> None:
    wire = _Wire(to)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Near(wire), "127.0.0.1", 0)
    loop.add_reader(way.fileno(), lambda: wire.switch(up=way.recv()))
    way.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class _Wire:
    """Whether it carries, and what is connected."""

    def __init__(self, to: int) -> None:
        self.to = to
        self.up = True
        self.ends: set[asyncio.Transport] = set()

    def switch(self, *, up: bool) -> None:
        self.up = up
        if up:
            # Octets of these were lost: both sides would wait for them for ever.
            for end in list(self.ends):
                end.abort()


class _End(asyncio.Protocol):
    """One end of a connection."""

    def __init__(self, wire: _Wire) -> None:
        self.wire = wire
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.wire.ends.add(transport)
        for data in self._early:
            transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self.wire.up and self.other is not None:
            self.other.write(data)

    def write(self, data: bytes) -> None:
        if self.transport is None:
            self._early.append(data)
        else:
            self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's shape
        if self.transport is not None:
            self.wire.ends.discard(self.transport)
        if self.wire.up and self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class _Near(_End):
    """The end towards a lane; it connects on."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.wire.up:
            self.other = far = _End(self.wire)
            far.other = self
            loop = asyncio.get_running_loop()
            self._connecting = loop.create_task(
                loop.create_connection(lambda: far, "127.0.0.1", self.wire.to)
            )
