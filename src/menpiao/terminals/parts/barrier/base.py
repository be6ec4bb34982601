"""What every barrier promises, whatever opens it.

Allowed is not opened, and opened is not passed. A barrier is told to open after a decision; it
says what its board acknowledged, and it says who went through. The second stream comes from the
hardware alone: passages without an opening exist (hold-open, tail-gating, a staff key), openings
without a passage exist, and both are told as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Direction(StrEnum):
    """Which way somebody goes."""

    IN = "in"
    OUT = "out"

    @property
    def opposite(self) -> Direction:
        """The other way."""
        return Direction.OUT if self is Direction.IN else Direction.IN


class BarrierState(StrEnum):
    """What a health page shows for the barrier."""

    OFFLINE = "offline"
    """No port: not plugged in, held by another process, or lost."""
    FAULT = "fault"
    """The port is there and the board does not answer as it should."""
    CLOSED = "closed"
    """At rest: opens for whoever is admitted."""
    OPEN = "open"
    """Opened, waiting for somebody to pass."""
    HELD_OPEN = "held_open"
    HELD_CLOSED = "held_closed"
    """Opens for nobody until it is released."""


class Hold(StrEnum):
    """Whether the barrier opens by itself, for everybody or for nobody."""

    NONE = "none"
    OPEN = "open"
    CLOSED = "closed"


class Acknowledged(StrEnum):
    """What the board said to an order to open."""

    OPENED = "opened"
    FAILED = "failed"
    """Refused, or never sent."""
    UNKNOWN = "unknown"
    """Sent to a board that says nothing, or that did not answer this time."""


class EndReason(StrEnum):
    """How an opening ended."""

    DONE = "done"
    """Everybody passed."""
    TIMED_OUT = "timed_out"
    """Somebody did not come; the barrier is closed again."""
    FAILED = "failed"
    """The board could not be made to open."""
    NOT_SEEN = "not_seen"
    """Opened as ordered; this board cannot tell whether anybody passed."""
    WITHDRAWN = "withdrawn"
    """Taken back, or overtaken by a hold."""


class PassageKind(StrEnum):
    """What a passage means to this lane."""

    OPENED = "opened"
    """Somebody for whom the barrier was opened."""
    FREE = "free"
    """While held open, or in a direction that needs no ticket."""
    REVERSE = "reverse"
    """Against the direction of the lane."""
    UNEXPECTED = "unexpected"
    """Without an opening: tail-gating, force, a staff key."""
    MISSED = "missed"
    """Counted by the board while nobody listened: a restart, a pulled cable."""


class FaultCode(StrEnum):
    """Why the barrier cannot be used until somebody, or time, repairs it."""

    PORT_ABSENT = "port_absent"
    PORT_BUSY = "port_busy"
    PORT_DENIED = "port_denied"
    PORT_LOST = "port_lost"
    SILENT = "silent"
    REFUSED = "refused"
    """The board answers that it does not know what it is told: wrong model or address."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a board can do; a lane offers no more than this.

    `count_max` is how many people one order can let in, 1 for most boards.
    """

    acknowledges: bool
    counts: bool
    """Whether passages are seen at all."""
    totals: bool = False
    """Whether the board keeps counters that survive a restart of this computer."""
    alarms: bool = False
    directions: frozenset[Direction] = frozenset({Direction.IN})
    hold_open: frozenset[Direction] = frozenset({Direction.IN})
    count_max: int = 1


@dataclass(frozen=True, slots=True)
class Totals:
    """The board's own counters, which never go down but by a wrap or a reset."""

    entered: int
    left: int


@dataclass(frozen=True, slots=True)
class Opening:
    """One order to open: `key` is the decision's nonce, `within_s` the time for each person."""

    key: str
    people: int = 1
    direction: Direction = Direction.IN
    within_s: float = 8.0

    def __post_init__(self) -> None:
        """Nobody opens for nobody."""
        if self.people < 1 or self.within_s <= 0:
            raise ValueError("an opening is for at least one person and some time")


@dataclass(frozen=True, slots=True)
class Opened:
    """The barrier was ordered to open for person `first` to `last` of an opening."""

    key: str
    first: int
    last: int
    acknowledged: Acknowledged


@dataclass(frozen=True, slots=True)
class Passed:
    """People went through; one at a time but for those MISSED.

    `key` and `number` (the how-manieth of that opening) are set for those of an opening. `totals`
    are the board's counters after it, for boards that have any: the same totals twice are the
    same passage twice.
    """

    direction: Direction
    kind: PassageKind
    key: str = ""
    number: int = 0
    people: int = 1
    totals: Totals | None = None


@dataclass(frozen=True, slots=True)
class OpeningEnded:
    """Exactly one for each opening. `passed` is None where the board cannot tell."""

    key: str
    people: int
    passed: int | None
    reason: EndReason


@dataclass(frozen=True, slots=True)
class AlarmChanged:
    """The board's alarm: somebody pushes, climbs, jams or goes where nobody should."""

    on: bool


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """The barrier is now held as it was told to be."""

    hold: Hold


@dataclass(frozen=True, slots=True)
class CountersReset:
    """The board's counters began anew, or jumped beyond belief: people may be missing from them."""

    before: Totals
    after: Totals


@dataclass(frozen=True, slots=True)
class BarrierFault:
    """The barrier went out of service; reported once for each change of code."""

    code: FaultCode


@dataclass(frozen=True, slots=True)
class BarrierReady:
    """The barrier came into service, closed, or held as before."""


BarrierEvent = (
    Opened
    | Passed
    | OpeningEnded
    | AlarmChanged
    | HoldChanged
    | CountersReset
    | BarrierFault
    | BarrierReady
)


class Barrier(Protocol):
    """Something that lets people through, one by one."""

    @property
    def state(self) -> BarrierState:
        """The present state, for health."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What this barrier can do."""
        ...

    def open(self, opening: Opening) -> None:
        """Open for so many people, after those already being waited for.

        Returns at once; what becomes of it are events, ending with one `OpeningEnded`. A key that
        is waiting already is not opened for twice.
        """
        ...

    def withdraw(self, key: str) -> None:
        """Open no more for this key; nothing if it ended already."""
        ...

    def hold(self, hold: Hold, direction: Direction = Direction.IN) -> None:
        """Hold open, hold closed, or go back to opening for each person."""
        ...

    async def run(self, deliver: Callable[[BarrierEvent], None]) -> None:
        """Hand every event to `deliver` until cancelled.

        Never returns by itself and never raises for device trouble: it survives a pulled cable
        and finds the board again. `deliver` is called in the event loop's thread and must not
        block.
        """
        ...
