"""A network cable that can be pulled: a TCP relay on this machine between a lane and the centre."""

import asyncio
import contextlib
from typing import Self

_CHUNK = 65_536


class Cable:
    """Carries every connection made to `port` on to a target, until it is cut."""

    def __init__(self, host: str, port: int) -> None:
        """Lead to ``host:port``."""
        self._target = host, port
        self._server: asyncio.Server | None = None
        self._carried: set[asyncio.Task[None]] = set()
        self.cut = False
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self.pull()
        await asyncio.gather(*self._carried, return_exceptions=True)

    def pull(self) -> None:
        """Cut every connection, and every new one, until `mend`."""
        self.cut = True
        for task in tuple(self._carried):
            task.cancel()

    def mend(self) -> None:
        """Carry again."""
        self.cut = False

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carried.add(task)
        onward: asyncio.StreamWriter | None = None
        try:
            if self.cut:
                return
            answers, onward = await asyncio.open_connection(*self._target)
            pumps = [
                asyncio.create_task(_pump(reader, onward)),
                asyncio.create_task(_pump(answers, writer)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
        except (OSError, asyncio.CancelledError):
            pass  # the line is dead: both ends are told below
        finally:
            self._carried.discard(task)
            for end in (writer, onward):
                if end is not None:
                    end.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
