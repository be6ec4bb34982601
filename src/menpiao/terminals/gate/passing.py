"""What comes after a decision: the barrier opens, people walk, and both are noted as they are.

Admissions and passages are two streams (``scanners-printers-gates``: allowed is not opened, opened
is not passed): nothing here changes a decision.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from menpiao.terminals.gate.journal import Journal, PassageNote
from menpiao.terminals.parts.barrier.base import (
    Acknowledged,
    AlarmChanged,
    Barrier,
    BarrierEvent,
    BarrierFault,
    BarrierReady,
    CountersReset,
    Direction,
    EndReason,
    Hold,
    HoldChanged,
    Opened,
    Opening,
    OpeningEnded,
    PassageKind,
    Passed,
)

log = structlog.get_logger(__name__)

_OPENED: Final = {
    Acknowledged.OPENED: "opened",
    Acknowledged.FAILED: "open_failed",
    Acknowledged.UNKNOWN: "open_unknown",
}
_PASSED: Final = {
    PassageKind.OPENED: "passed",
    PassageKind.FREE: "free",
    PassageKind.REVERSE: "reverse",
    PassageKind.UNEXPECTED: "tailgating",
    PassageKind.MISSED: "counted",
}
_HELD: Final = {Hold.OPEN: "hold_open", Hold.CLOSED: "hold_closed", Hold.NONE: "released"}


class Passing:
    """One lane's barrier; without one, nothing opens and nothing is noted."""

    def __init__(
        self,
        barrier: Barrier | None,
        journal: Journal,
        gate_id: int,
        clock: Callable[[], datetime],
        within_s: float,
    ) -> None:
        self._barrier = barrier
        self._journal = journal
        self._gate_id = gate_id
        self._clock = clock
        self._within_s = within_s
        self._left: dict[str, int] = {}
        self._notes: asyncio.Queue[PassageNote] = asyncio.Queue()
        self.direction = Direction.IN
        """The way the lane leads, as the centre says."""

    @property
    def is_there(self) -> bool:
        """Whether the lane has a barrier."""
        return self._barrier is not None

    def retime(self, within_s: float) -> None:
        """Another time for each person from the next opening on."""
        self._within_s = within_s

    def open(self, key: str, people: int) -> bool:
        """Let so many people through; False: there is nothing to open."""
        if self._barrier is None:
            return False
        self._left[key] = people
        self._barrier.open(Opening(key, people, self.direction, self._within_s))
        return True

    def hold(self, hold: Hold) -> bool:
        """Hold open, hold closed, or go back to opening for each person."""
        if self._barrier is None:
            return False
        self._barrier.hold(hold, self.direction)
        return True

    def left(self, event: BarrierEvent) -> int | None:
        """How many of the opening that an event belongs to have not walked yet; None: no matter."""
        if isinstance(event, Passed) and event.key in self._left:
            self._left[event.key] -= event.people
            return max(0, self._left[event.key])
        if isinstance(event, OpeningEnded):
            self._left.pop(event.key, None)
        return None

    def note(self, event: BarrierEvent) -> None:
        """Note an event, in the order in which they come; never blocks."""
        found = self._named(event)
        if found is not None:
            self._notes.put_nowait(found)

    def _named(self, event: BarrierEvent) -> PassageNote | None:
        match event:
            case Opened(key, first, last, acknowledged):
                return self._made(_OPENED[acknowledged], last - first + 1, nonce=key)
            case Passed():
                kind, way = _PASSED[event.kind], event.direction.value
                return self._made(kind, event.people, way, event.key)
            case OpeningEnded(key, people, passed, EndReason.TIMED_OUT):
                return self._made("timed_out", people - (passed or 0), nonce=key)
            case OpeningEnded(key, people, _, EndReason.FAILED):
                return self._made("open_failed", people, nonce=key)
            case AlarmChanged(on):
                return self._made("alarm" if on else "alarm_over")
            case HoldChanged(hold):
                return self._made(_HELD[hold])
            case CountersReset():
                return self._made("reset")
            case BarrierFault():
                return self._made("lost")
            case BarrierReady():
                return self._made("back")
        return None

    def _made(self, kind: str, count: int = 1, direction: str = "", nonce: str = "") -> PassageNote:
        return PassageNote(self._gate_id, self._clock(), kind, count, direction, nonce)

    async def run(self, deliver: Callable[[BarrierEvent], None]) -> None:
        """Serve the barrier and write its notes until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._write(), name="passages")
            if self._barrier is not None:
                tasks.create_task(self._barrier.run(deliver), name="barrier")

    async def _write(self) -> None:
        while True:
            note = await self._notes.get()
            if not await self._journal.passage(note):
                log.error("passage_not_noted", kind=note.kind, count=note.count)
