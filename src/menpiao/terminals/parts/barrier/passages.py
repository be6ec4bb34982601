"""Who went through: each passage seen is given its meaning, and none is told twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Protocol

import structlog

from menpiao.terminals.parts.barrier.base import (
    BarrierEvent,
    CountersReset,
    Direction,
    Opening,
    PassageKind,
    Passed,
    Totals,
)
from menpiao.terminals.parts.barrier.board import Observation
from menpiao.terminals.parts.barrier.counters import Step, TotalsStore, people_between

log = structlog.get_logger(__name__)


class Rules(Protocol):
    """What the lane says about directions and counters."""

    @property
    def free(self) -> frozenset[Direction]:
        """Directions in which nobody needs a ticket."""
        ...

    @property
    def one_way(self) -> Direction | None:
        """The direction of the lane."""
        ...

    @property
    def counter_modulus(self) -> int | None:
        """Where the board's counters go round."""
        ...


class Expected(Protocol):
    """An opening whose people are being waited for."""

    opening: Opening
    passed: int


class Passages:
    """Turns what a board saw into passages."""

    def __init__(self, rules: Rules, store: TotalsStore | None) -> None:
        self._rules = rules
        self._store = store
        self._totals: Totals | None = None
        self._saved: Totals | None = None
        self.passed_now = False
        """Whether the last observation let somebody of the opening through."""

    async def begin(self) -> None:
        """Remember what was told before this program was restarted."""
        if self._store is not None and self._totals is None:
            self._totals = self._saved = await asyncio.to_thread(self._store.load)

    async def save(self) -> None:
        """Keep what has been told."""
        totals = self._totals
        if self._store is None or totals is None or totals == self._saved:
            return
        try:
            await asyncio.to_thread(self._store.save, totals)
        except OSError:
            # The passages are told; a broken disk may tell them again after a restart, as MISSED.
            log.warning("barrier_totals_not_saved")
        self._saved = totals

    def account(
        self, seen: Observation, current: Expected | None, *, held_open: bool, first: bool
    ) -> Iterator[BarrierEvent]:
        """The events of one observation.

        `first` after (re)connecting: whoever was counted meanwhile and is not awaited is MISSED.
        """
        self.passed_now = False
        for direction in seen.passed:
            yield self._one(direction, current, held_open=held_open, totals=None)
        if seen.totals is None:
            return
        before, self._totals = self._totals, seen.totals
        if before is None:
            return
        entered, entry_step = self._between(before.entered, seen.totals.entered)
        left, exit_step = self._between(before.left, seen.totals.left)
        if {entry_step, exit_step} & {Step.RESET, Step.IMPLAUSIBLE}:
            yield CountersReset(before, seen.totals)
        told = self._minus(seen.totals, entered, left)
        for direction, people in ((Direction.IN, entered), (Direction.OUT, left)):
            for at in range(people):
                awaited = _awaits(current, direction)
                if first and not awaited:
                    yield Passed(
                        direction, PassageKind.MISSED, people=people - at, totals=seen.totals
                    )
                    break
                told = self._counted(told, direction)
                yield self._one(direction, current, held_open=held_open, totals=told)

    def _between(self, before: int, after: int) -> tuple[int, Step]:
        return people_between(before, after, self._rules.counter_modulus)

    def _minus(self, totals: Totals, entered: int, left: int) -> Totals:
        modulus = self._rules.counter_modulus or 2**63
        return Totals((totals.entered - entered) % modulus, (totals.left - left) % modulus)

    def _counted(self, totals: Totals, direction: Direction) -> Totals:
        modulus = self._rules.counter_modulus or 2**63
        if direction is Direction.IN:
            return Totals((totals.entered + 1) % modulus, totals.left)
        return Totals(totals.entered, (totals.left + 1) % modulus)

    def _one(
        self,
        direction: Direction,
        current: Expected | None,
        *,
        held_open: bool,
        totals: Totals | None,
    ) -> Passed:
        if current is not None and _awaits(current, direction):
            current.passed += 1
            self.passed_now = True
            key, number = current.opening.key, current.passed
            return Passed(direction, PassageKind.OPENED, key, number, totals=totals)
        if held_open or direction in self._rules.free:
            kind = PassageKind.FREE
        elif self._rules.one_way is not None and direction is not self._rules.one_way:
            kind = PassageKind.REVERSE
        else:
            kind = PassageKind.UNEXPECTED
        return Passed(direction, kind, totals=totals)


def _awaits(current: Expected | None, direction: Direction) -> bool:
    if current is None:
        return False
    return current.opening.direction is direction and current.passed < current.opening.people
