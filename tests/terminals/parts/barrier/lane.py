"""A barrier, run for a test, and the events that came out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from menpiao.terminals.parts.barrier.base import BarrierEvent, OpeningEnded, Passed
from menpiao.terminals.parts.barrier.board import Board
from menpiao.terminals.parts.barrier.counters import TotalsStore
from menpiao.terminals.parts.barrier.driver import BoardBarrier, Options

FAST = Options(poll_s=0.01, late_s=0.05, unseen_s=0.1, reopen_s=0.03)
Event = TypeVar("Event")


@dataclass
class Lane:
    barrier: BoardBarrier
    events: list[BarrierEvent] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def deliver(self, event: BarrierEvent) -> None:
        self.events.append(event)
        self._changed.set()

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, met: Callable[[], object], timeout_s: float = 5.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not met():
                self._changed.clear()
                await self._changed.wait()

    async def first(self, kind: type[Event], nth: int = 1) -> Event:
        await self.until(lambda: len(self.of(kind)) >= nth)
        return self.of(kind)[nth - 1]

    @property
    def ends(self) -> list[tuple[str, int | None, str]]:
        return [(end.key, end.passed, end.reason.value) for end in self.of(OpeningEnded)]

    @property
    def passages(self) -> list[tuple[str, str, str, int]]:
        return [(p.direction.value, p.kind.value, p.key, p.people) for p in self.of(Passed)]


@asynccontextmanager
async def running(
    board: Board, options: Options = FAST, store: TotalsStore | None = None
) -> AsyncIterator[Lane]:
    lane = Lane(BoardBarrier(board, options, store))
    task = asyncio.create_task(lane.barrier.run(lane.deliver))
    try:
        yield lane
    finally:
        assert not task.done(), "the driver must outlive every mishap"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def walks(turnstile, way: str = "in", timeout_s: float = 5.0) -> None:
    """Somebody pushes until the arm turns."""
    async with asyncio.timeout(timeout_s):
        while not turnstile.walk(way):  # noqa: ASYNC110 - an arm tells nobody
            await asyncio.sleep(0.005)
