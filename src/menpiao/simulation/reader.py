"""A simulated ID-card reader: a real serial port that answers real frames.

The port is a pseudo-terminal behind a link whose path stays the same when the reader is unplugged
and plugged in again. The driver under it is the ordinary one.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from menpiao.simulation.cards import SimulatedCard
from menpiao.simulation.line import SimulatedLine
from menpiao.simulation.mishaps import Mishap, Plan
from menpiao.simulation.safe_module import Op, SafeModule, Unlifted


class SimulatedReader:
    """A reader on a port of its own.

    Runs in the event loop that calls `start`, or in a thread with its own loop (`threaded`).
    `lay`, `lift` and `spoil` may be called from any thread; `plug` and `unplug` belong to the
    reader's loop, `threaded` gives a way there.
    """

    def __init__(
        self,
        port: Path | None = None,
        *,
        unlifted: Unlifted = Unlifted.FOUND_AGAIN,
        baud: int | None = None,
        only_at: int | None = None,
    ) -> None:
        """`port` is the path of the link; `baud` slows the answers to a real line's speed.

        `only_at` is the one rate at which the module understands its host.
        """
        self._only_at = only_at
        self._line = SimulatedLine(self._receive, port)
        self.path = self._line.path
        self.module = SafeModule(unlifted=unlifted)
        self._byte_s = 10 / baud if baud else 0.0
        self._plan = Plan()
        self._sending: asyncio.Task[None] | None = None
        self._outbox: asyncio.Queue[tuple[Op, bytes]] = asyncio.Queue()

    @property
    def port(self) -> str:
        """The path to open."""
        return str(self.path)

    def lay(self, card: SimulatedCard) -> None:
        """Lay a card on the reader."""
        self.module.lay(card)

    def lift(self) -> None:
        """Lift the card."""
        self.module.lift()

    def spoil(self, mishap: Mishap, *, on: Op | None = None, times: int | None = 1) -> None:
        """Let the next `times` answers to `on` go wrong (None: to anything, for ever)."""
        self._plan.add(mishap, on=on, times=times)

    def heal(self) -> None:
        """End all mishaps."""
        self._plan.clear()

    async def start(self) -> None:
        """Plug in and begin to answer."""
        self._sending = asyncio.create_task(self._send(), name="simulated-reader")
        self.plug()

    async def stop(self) -> None:
        """Unplug and end."""
        self.unplug()
        if self._sending is not None:
            self._sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sending
        self._line.clean()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def plug(self) -> None:
        """Appear at the port's path; nothing if plugged in already."""
        self._line.plug()

    def unplug(self) -> None:
        """Vanish from the port's path, with the line cut at once."""
        self._line.unplug()

    def inject(self, data: bytes) -> None:
        """Put bytes on the line that no request asked for, such as a heart-beat."""
        self._write(data)

    @contextlib.contextmanager
    def threaded(self) -> Iterator[Callable[[Callable[[], None]], None]]:
        """Run in a thread of its own; gives a function that runs another one in that thread."""
        loop = asyncio.new_event_loop()
        started = threading.Event()
        ending = asyncio.Event()

        async def live() -> None:
            async with self:
                started.set()
                await ending.wait()

        thread = threading.Thread(
            target=lambda: loop.run_until_complete(live()), name="simulated-reader", daemon=True
        )
        thread.start()
        started.wait()
        try:
            yield lambda call: _call_and_wait(loop, call)
        finally:
            loop.call_soon_threadsafe(ending.set)
            thread.join()
            loop.close()

    def _receive(self, data: bytes) -> None:
        if self._only_at not in {None, self._line.host_baud}:
            self._write(bytes(byte ^ 0x5A for byte in data[:3]))  # what a wrong rate looks like
            return
        for op, frame in self.module.receive(data):
            self._outbox.put_nowait((op, frame))

    async def _send(self) -> None:
        while True:
            op, frame = await self._outbox.get()
            mishap = self._plan.take(op)
            data = mishap.apply(frame)
            if mishap.disconnect_at is not None:
                self._write(data[: mishap.disconnect_at])
                # What was written must be read before the line is cut: cutting discards it.
                await asyncio.sleep(0.02)
                self.unplug()
                continue
            for number, piece in enumerate(mishap.pieces(data)):
                if number and mishap.pause_s:
                    await asyncio.sleep(mishap.pause_s)
                await self._write_paced(piece)

    async def _write_paced(self, data: bytes) -> None:
        if not self._byte_s:
            self._write(data)
            return
        step = 16
        for at in range(0, len(data), step):
            piece = data[at : at + step]
            await asyncio.sleep(self._byte_s * len(piece))
            self._write(piece)

    def _write(self, data: bytes) -> None:
        self._line.write(data)


def _call_and_wait(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    async def run() -> None:
        call()

    asyncio.run_coroutine_threadsafe(run(), loop).result(timeout=5)
