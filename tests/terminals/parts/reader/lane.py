"""A simulated reader, the real driver on its port, and the events that came out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from menpiao.simulation.cards import SimulatedCard
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.parts.reader.base import (
    CardPresented,
    CardRead,
    CardUnreadable,
    ReaderEvent,
    ReaderFault,
    ReaderReady,
)
from menpiao.terminals.parts.reader.sam_v import Options, SamVReader
from menpiao.terminals.parts.reader.text import read_text
from menpiao.terminals.parts.reader.timings import Timings
from menpiao.terminals.ports.base import Transport
from menpiao.terminals.ports.serial_port import SerialTransport

FAST = Timings(
    poll_s=0.01,
    gap_s=0.001,
    careful_poll_s=0.01,
    careful_gap_s=0.001,
    find_s=0.15,
    sam_id_s=0.15,
    status_s=0.15,
    read_first_s=0.2,
    read_whole_s=1.0,
    stalled_s=0.08,
    damaged_s=0.03,
    status_every_s=0.1,
    reopen_s=0.05,
    repeat_window_s=0.3,
)


@dataclass
class Lane:
    reader: SamVReader
    events: list[ReaderEvent] = field(default_factory=list)
    sim: SimulatedReader | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def deliver(self, event: ReaderEvent) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, met: Callable[[], bool], timeout_s: float = 5.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not met():
                self._changed.clear()
                await self._changed.wait()

    @property
    def cards(self) -> list[CardRead]:
        return [event.card for event in self.events if isinstance(event, CardPresented)]

    @property
    def unreadable(self) -> list[str]:
        return [event.reason.value for event in self.events if isinstance(event, CardUnreadable)]

    @property
    def faults(self) -> list[str]:
        return [event.code.value for event in self.events if isinstance(event, ReaderFault)]

    @property
    def ready(self) -> int:
        return sum(isinstance(event, ReaderReady) for event in self.events)

    async def until_cards(self, count: int, timeout_s: float = 5.0) -> None:
        await self.until(lambda: len(self.cards) >= count, timeout_s)


@asynccontextmanager
async def running(transport: Transport, options: Options | None = None) -> AsyncIterator[Lane]:
    lane = Lane(SamVReader(transport, options or Options(timings=FAST)))
    task = asyncio.create_task(lane.reader.run(lane.deliver))
    try:
        yield lane
    finally:
        assert not task.done(), "the driver must outlive every mishap"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def a_lane(
    sim: SimulatedReader | None = None, options: Options | None = None
) -> AsyncIterator[tuple[SimulatedReader, Lane]]:
    async with (
        sim or SimulatedReader() as plugged,
        running(SerialTransport(plugged.port), options) as lane,
    ):
        await lane.until(lambda: lane.ready == 1)
        yield plugged, lane


def fast(**changes: float) -> Timings:
    return replace(FAST, **changes)


def card_of(card: SimulatedCard) -> CardRead:
    return read_text(card.text).card
