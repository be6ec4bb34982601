"""The reading half of a connection: what has arrived waits until a driver asks for it."""

from __future__ import annotations

import asyncio
import os
from typing import Final

from menpiao.terminals.ports.base import PortError, PortTrouble

_READ_BYTES: Final = 4096


class Arrivals:
    """Bytes that came and were not read, and whether the way is lost.

    Everything is called in the event loop's thread. A lost way still gives what came before.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._changed = asyncio.Event()
        self._lost = False

    @property
    def lost(self) -> bool:
        """Whether nothing more can come."""
        return self._lost

    def arrived(self, data: bytes) -> None:
        """Take what came."""
        self._bytes += data
        self._changed.set()

    def lose(self) -> None:
        """Nothing more will come: whoever waits is told."""
        self._lost = True
        self._changed.set()

    async def read(self) -> bytes:
        """Wait for bytes; raise PortError(LOST) when the device is gone. See `base.Connection`."""
        while not self._bytes:
            if self._lost:
                raise PortError(PortTrouble.LOST)
            self._changed.clear()
            await self._changed.wait()
        return self.pending()

    def pending(self) -> bytes:
        """Return what has arrived."""
        data = bytes(self._bytes)
        self._bytes.clear()
        return data


class DescriptorArrivals(Arrivals):
    """What comes from a non-blocking file descriptor, read by the event loop as it comes."""

    def __init__(self, fd: int) -> None:
        """Listen to a descriptor that stays its owner's; must be called inside the event loop."""
        super().__init__()
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self._on_readable)

    def lose(self) -> None:
        """Listen no longer, before the descriptor is closed."""
        self._loop.remove_reader(self._fd)
        super().lose()

    def _on_readable(self) -> None:
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.arrived(data)
        else:
            # Readable and yet empty is how a device tells that it went away, a process its end.
            self.lose()
