"""One question on an open connection, and whatever comes back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from menpiao.terminals.ports.base import Connection


async def answer_to(
    connection: Connection,
    question: bytes,
    answer_s: float,
    *,
    quiet_s: float = 0.05,
    whole: Callable[[bytes], bool] = lambda _: False,
) -> bytes:
    """Send, and collect until a silence of ``quiet_s``, or until ``whole`` says that it is all.

    b"" when nothing came within ``answer_s``; at most 4096 bytes, however much is sent. Raises
    PortError when the connection is gone.
    """
    connection.pending()
    connection.write(question)
    heard = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(answer_s) as limit:
            while len(heard) < 4096 and not whole(heard):
                heard += await connection.read()
                limit.reschedule(asyncio.get_running_loop().time() + quiet_s)
    return heard[:4096]


class Counted:
    """A connection that counts what it hears."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.heard = 0
        """Bytes that have come so far."""

    def write(self, data: bytes) -> None:
        """Send."""
        self._connection.write(data)

    async def read(self) -> bytes:
        """Wait for bytes."""
        data = await self._connection.read()
        self.heard += len(data)
        return data

    def pending(self) -> bytes:
        """What has arrived."""
        data = self._connection.pending()
        self.heard += len(data)
        return data

    def close(self) -> None:
        """Give the device free."""
        self._connection.close()
