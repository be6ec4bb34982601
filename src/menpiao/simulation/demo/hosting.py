"""Servers inside the demo's process, and their ports."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn

_HOST = "127.0.0.1"


class _Quiet(uvicorn.Server):
    """A server that leaves signals to the program around it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


@contextlib.asynccontextmanager
async def serving(config: uvicorn.Config) -> AsyncIterator[None]:
    """A server that answers while the block runs.

    Raises:
        RuntimeError: it did not start.
    """
    server = _Quiet(config)
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.02)
            if task.done():
                task.result()
                msg = "the server did not start"
                raise RuntimeError(msg)
        yield
    finally:
        server.should_exit = True
        await task


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
        return True


def free_port(wanted: int = 0) -> int:
    """The wanted port where it is free, else another one."""
    if wanted and is_free(wanted):
        return wanted
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
