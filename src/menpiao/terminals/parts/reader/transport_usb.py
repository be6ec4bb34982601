"""A safe module on USB bulk pipes: needs pyusb.

The descriptor says how frames travel. Two pipes each way: the first seven bytes (preamble and
length) go through the lower one, the rest through the upper one. One pipe each way: frames
go whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from dataclasses import dataclass
from typing import Any, Final

from menpiao.terminals.parts.reader.frame import LEN_MAX, PREAMBLE
from menpiao.terminals.ports.arrivals import Arrivals
from menpiao.terminals.ports.base import PortError, PortTrouble
from menpiao.terminals.ports.usb import Broken, Pipes, TimedOut, UsbId, open_pipes

SAFE_MODULE: Final = UsbId(0x0400, 0xC35A)
_HEAD: Final = len(PREAMBLE) + 2
_PACKET: Final = 64
_WRITE_MS: Final = 200
_LOOK_MS: Final = 200
_REST_MS: Final = 800


@dataclass(frozen=True, slots=True)
class UsbTransport:
    """The first device of this kind; `backend` replaces libusb in tests."""

    device: UsbId = SAFE_MODULE
    backend: Any = None

    async def connect(self) -> UsbConnection:
        """Find, claim, and read its pipes; raise PortError if that is not possible now."""
        pipes = await asyncio.to_thread(open_pipes, self.device, self.backend)
        return UsbConnection(pipes)


class UsbConnection(Arrivals):
    """Claimed pipes, each direction served by a thread: transfers block."""

    def __init__(self, pipes: Pipes) -> None:
        """Take over the pipes; must be called inside the event loop."""
        super().__init__()
        self._pipes = pipes
        self._split = len(pipes.outs) > 1 and len(pipes.ins) > 1
        self._loop = asyncio.get_running_loop()
        self._head = b""
        self._ending = threading.Event()
        self._outbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=work, name="usb-reader", daemon=True)
            for work in (self._send, self._receive)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def split(self) -> bool:
        """Whether frames travel in two pieces."""
        return self._split

    def write(self, data: bytes) -> None:
        """Send a request; a broken pipe shows at the next call."""
        if self.lost:
            raise PortError(PortTrouble.LOST)
        self._outbox.put(data)

    def close(self) -> None:
        """Give the device free, as soon as the transfers under way have ended."""
        self.lose()
        self._ending.set()
        self._outbox.put(b"")

    def _send(self) -> None:
        while not self._ending.is_set():
            data = self._outbox.get()
            pieces = (data[:_HEAD], data[_HEAD:]) if self._split else (data,)
            try:
                for endpoint, piece in zip(self._pipes.outs, pieces, strict=False):
                    self._pipes.write(endpoint, piece, _WRITE_MS)
            except TimedOut:
                continue  # the module takes nothing: its silence is noticed by the question
            except Broken:
                self._tell(None)
                return

    def _receive(self) -> None:
        try:
            while not self._ending.is_set():
                with contextlib.suppress(TimedOut):
                    self._tell(self._pipes.read(self._pipes.ins[0], _PACKET, _LOOK_MS))
                    if self._split:
                        self._tell_rest()
        except Broken:
            self._tell(None)
        finally:
            self._ending.set()
            self._outbox.put(b"")
            self._threads[0].join()
            self._pipes.close()

    def _tell_rest(self) -> None:
        head = self._head[-_HEAD:]
        rest = int.from_bytes(head[-2:], "big") if head.startswith(PREAMBLE) else 0
        while 0 < rest <= LEN_MAX:
            size = (rest + _PACKET - 1) // _PACKET * _PACKET
            data = self._pipes.read(self._pipes.ins[1], size, _REST_MS)
            self._tell(data)
            rest -= len(data)
            if not data:
                return

    def _tell(self, data: bytes | None) -> None:
        """Hand over to the event loop; None: the device is gone."""
        self._head = data or b""
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody wants it any more
            if data is None:
                self._loop.call_soon_threadsafe(self.lose)
            else:
                self._loop.call_soon_threadsafe(self.arrived, data)
