"""The barrier: openings one after the other, one person after the other, over any board.

```
          open(n) ─▶ waiting ─▶ ordered ─▶ passed 1 ─▶ ordered ─▶ … passed n ─▶ done
                        │          │ no passage in time ─▶ closed ─▶ timed out
                        │          │ board sees nothing ─▶ pulse over ─▶ not seen
                        └──────────┴─ refused, port lost before the order ─▶ failed
```

A board is told about one person at a time (or as many as it can count itself), and about the next
only when the last one has passed: two orders at once are one opening to most boards.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from menpiao.terminals.parts.barrier.base import (
    Abilities,
    Acknowledged,
    AlarmChanged,
    BarrierEvent,
    BarrierFault,
    BarrierReady,
    BarrierState,
    Direction,
    EndReason,
    FaultCode,
    Hold,
    HoldChanged,
    Opened,
    Opening,
    OpeningEnded,
)
from menpiao.terminals.parts.barrier.board import Board, BoardRefused
from menpiao.terminals.parts.barrier.counters import TotalsStore
from menpiao.terminals.parts.barrier.passages import Passages
from menpiao.terminals.ports.base import PortError

log = structlog.get_logger(__name__)

_OFFLINE: Final = {
    FaultCode.PORT_ABSENT,
    FaultCode.PORT_BUSY,
    FaultCode.PORT_DENIED,
    FaultCode.PORT_LOST,
}


@dataclass(frozen=True, slots=True)
class Options:
    """How one barrier is used; delays in seconds."""

    poll_s: float = 0.05
    """Between two looks at the board."""
    late_s: float = 0.5
    """After closing on somebody who did not come: whoever slips through still counts as them."""
    unseen_s: float = 1.5
    """From one order to the next on a board that sees no passages."""
    reopen_s: float = 1.0
    """Between two attempts to reach the board."""
    free: frozenset[Direction] = frozenset()
    """Directions in which nobody needs a ticket."""
    one_way: Direction | None = Direction.IN
    """The direction of the lane; a passage the other way that is not free is REVERSE."""
    counter_modulus: int | None = 2**24
    openings_max: int = 8
    """Openings waiting at a time; more fail at once: their people have long gone away."""


@dataclass(slots=True)
class Waiting:
    """The opening whose people are being let through."""

    opening: Opening
    passed: int = 0
    ordered: int = 0
    deadline: float = 0.0
    closing: bool = False


class BoardBarrier:
    """A `Barrier` over any board."""

    def __init__(
        self, board: Board, options: Options | None = None, store: TotalsStore | None = None
    ) -> None:
        self._board = board
        self._options = options or Options()
        self._passages = Passages(self._options, store)
        self._queue: deque[Opening] = deque()
        self._ends: list[OpeningEnded] = []
        self._current: Waiting | None = None
        self._hold = Hold.NONE
        self._hold_direction = Direction.IN
        self._hold_done: tuple[Hold, Direction] | None = None
        self._close_due = False
        self._alarm = False
        self._connected = False
        self._fault: FaultCode | None = None
        self._wake = asyncio.Event()
        self._deliver: Callable[[BarrierEvent], None] = lambda _: None

    @property
    def state(self) -> BarrierState:
        """The present state, for health."""
        if not self._connected:
            known = self._fault is None or self._fault in _OFFLINE
            return BarrierState.OFFLINE if known else BarrierState.FAULT
        if self._hold is not Hold.NONE:
            held_open = self._hold is Hold.OPEN
            return BarrierState.HELD_OPEN if held_open else BarrierState.HELD_CLOSED
        return BarrierState.OPEN if self._current is not None else BarrierState.CLOSED

    @property
    def abilities(self) -> Abilities:
        """What the board can do."""
        return self._board.abilities

    def open(self, opening: Opening) -> None:
        """Open; see `base.Barrier.open`."""
        waiting = [self._current.opening] if self._current is not None else []
        if opening.key in {other.key for other in (*waiting, *self._queue)}:
            return
        able = self._connected and opening.direction in self.abilities.directions
        if not able or len(self._queue) >= self._options.openings_max:
            log.warning("barrier_opening_not_possible", able=able, waiting=len(self._queue))
            self._ends.append(OpeningEnded(opening.key, opening.people, 0, EndReason.FAILED))
            # Whoever stands there must hear at once, also while a port is being looked for.
            asyncio.get_running_loop().call_soon(self._tell_ends)
        else:
            self._queue.append(opening)
        self._wake.set()

    def withdraw(self, key: str) -> None:
        """Open no more for this key; see `base.Barrier.withdraw`."""
        for opening in [one for one in self._queue if one.key == key]:
            self._queue.remove(opening)
            self._ends.append(OpeningEnded(key, opening.people, 0, EndReason.WITHDRAWN))
        if self._current is not None and self._current.opening.key == key:
            self._end(EndReason.WITHDRAWN)
            self._close_due = True
        self._wake.set()

    def hold(self, hold: Hold, direction: Direction = Direction.IN) -> None:
        """Hold; see `base.Barrier.hold`."""
        if hold is Hold.OPEN and direction not in self.abilities.hold_open:
            raise ValueError(f"this board cannot be held open {direction}")
        self._hold, self._hold_direction = hold, direction
        self._wake.set()

    async def run(self, deliver: Callable[[BarrierEvent], None]) -> None:
        """Work until cancelled; see `base.Barrier.run`."""
        self._deliver = deliver
        await self._passages.begin()
        while True:
            try:
                await self._board.connect()
                await self._serve()
            except PortError as error:
                self._report_fault(FaultCode(error.code.value))
            except BoardRefused:
                self._report_fault(FaultCode.REFUSED)
            finally:
                self._connected = False
                self._hold_done = None
                self._board.disconnect()
            await self._wait_outside()

    async def _serve(self) -> None:
        await self._observe(first=True)
        self._connected = True
        current = self._current
        if current is not None and self.abilities.totals:
            # The board was put at rest and has told who passed before: the others are let in anew.
            current.ordered = current.passed
        self._fault = None
        log.info("barrier_ready")
        self._deliver(BarrierReady())
        while True:
            await self._keep_hold()
            await self._advance()
            self._wake.clear()
            self._tell_ends()
            if not (self._queue and self._current is None and self._hold is Hold.NONE):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._options.poll_s)
                if self._wake.is_set():
                    continue  # an order to open does not wait for a look at the board
            await self._observe()
            await self._look_at_clock()

    async def _observe(self, *, first: bool = False) -> None:
        seen = await self._board.observe()
        held_open = self._hold is Hold.OPEN
        for event in self._passages.account(seen, self._current, held_open=held_open, first=first):
            self._deliver(event)
        if seen.alarm is not None and seen.alarm is not self._alarm:
            self._alarm = seen.alarm
            self._deliver(AlarmChanged(seen.alarm))
        current = self._current
        if current is not None and current.passed >= current.opening.people:
            self._end(EndReason.DONE)
        await self._passages.save()

    async def _keep_hold(self) -> None:
        """Bring the board to the hold that is wanted."""
        if self._close_due:
            self._close_due = False
            if self._hold is Hold.NONE:
                await self._board.close()
        wanted = (self._hold, self._hold_direction)
        if wanted == self._hold_done:
            return
        if self._hold_done is not None or self._hold is not Hold.NONE:
            if self._hold is Hold.OPEN:
                await self._board.hold_open(self._hold_direction)
            else:
                await self._board.close()
        if self._hold is not Hold.NONE:
            self._end(EndReason.WITHDRAWN)
            self._fail_queue(EndReason.WITHDRAWN)
        before, self._hold_done = self._hold_done, wanted
        if (before[0] if before else Hold.NONE) is not self._hold:
            self._deliver(HoldChanged(self._hold))

    async def _advance(self) -> None:
        """Order the next person in, if nobody is being waited for."""
        if self._hold is not Hold.NONE:
            return
        if self._current is None and self._queue:
            self._current = Waiting(self._queue.popleft())
        current = self._current
        if current is None or current.passed < current.ordered or current.closing:
            return
        opening = current.opening
        current.ordered = max(current.ordered, current.passed)
        first = current.ordered + 1
        last = min(opening.people, current.ordered + self.abilities.count_max)
        current.ordered = last
        acknowledged = Acknowledged.FAILED
        try:
            acknowledged = await self._board.open_for(opening.direction, last - first + 1)
        except BoardRefused:
            log.warning("barrier_refused_to_open")
        finally:
            self._deliver(Opened(opening.key, first, last, acknowledged))
            if acknowledged is Acknowledged.FAILED:
                self._end(EndReason.FAILED)
        wait_s = opening.within_s if self.abilities.counts else self._options.unseen_s
        current.deadline = _now_s() + wait_s

    async def _look_at_clock(self) -> None:
        current = self._current
        if current is None:
            return
        if self._passages.passed_now:  # the next of a group has their own time
            current.deadline = _now_s() + current.opening.within_s
            current.closing = False
        if _now_s() < current.deadline or current.passed >= current.ordered:
            return
        if not self.abilities.counts:
            current.passed = current.ordered
            if current.ordered == current.opening.people:
                self._end(EndReason.NOT_SEEN)
        elif current.closing:
            self._end(EndReason.TIMED_OUT)
        else:
            await self._board.close()
            current.closing = True
            current.deadline = _now_s() + self._options.late_s

    async def _wait_outside(self) -> None:
        """Wait before the next attempt; whoever is to be let in meanwhile must hear at once."""
        until = _now_s() + self._options.reopen_s
        while (rest_s := until - _now_s()) > 0:
            self._wake.clear()
            self._fail_queue(EndReason.FAILED)
            current = self._current
            if current is not None and _now_s() >= current.deadline:
                self._end(EndReason.TIMED_OUT)
            self._tell_ends()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), rest_s)

    def _fail_queue(self, reason: EndReason) -> None:
        while self._queue:
            opening = self._queue.popleft()
            self._ends.append(OpeningEnded(opening.key, opening.people, 0, reason))

    def _end(self, reason: EndReason) -> None:
        current, self._current = self._current, None
        if current is not None:
            passed = current.passed if self.abilities.counts else None
            opening = current.opening
            self._ends.append(OpeningEnded(opening.key, opening.people, passed, reason))

    def _tell_ends(self) -> None:
        ends, self._ends = self._ends, []
        for end in ends:
            self._deliver(end)

    def _report_fault(self, code: FaultCode) -> None:
        if code is self._fault:
            return
        self._fault = code
        log.warning("barrier_fault", code=code.value)
        self._deliver(BarrierFault(code))


def _now_s() -> float:
    return asyncio.get_running_loop().time()
