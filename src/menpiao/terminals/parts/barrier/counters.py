"""Counters that go round: how many people went through between two readings."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final, Protocol

from menpiao.terminals.parts.barrier.base import Totals

PLAUSIBLE_MAX: Final = 20_000
"""More people than pass one lane in a day: a greater step is no count of people."""


class Step(Enum):
    """How a counter came from one reading to the next."""

    COUNTED = auto()
    WRAPPED = auto()
    RESET = auto()
    """It began again at 0 after a loss of power: what is on it now was counted since."""
    IMPLAUSIBLE = auto()
    """A step no crowd can make: nobody is counted."""


def people_between(before: int, after: int, modulus: int | None) -> tuple[int, Step]:
    """How many were counted from one reading to the next, at most `PLAUSIBLE_MAX`.

    `modulus` is the counter's size, such as 2**24; None for one that does not go round.
    """
    if after >= before:
        counted = after - before
        return (counted, Step.COUNTED) if counted <= PLAUSIBLE_MAX else (0, Step.IMPLAUSIBLE)
    if modulus is not None and (wrapped := after + modulus - before) <= PLAUSIBLE_MAX:
        return wrapped, Step.WRAPPED
    return (after, Step.RESET) if after <= PLAUSIBLE_MAX else (0, Step.IMPLAUSIBLE)


class TotalsStore(Protocol):
    """Remembers over a restart which totals have been told to the lane."""

    def load(self) -> Totals | None:
        """The totals saved last; None if there are none that can be believed."""
        ...

    def save(self, totals: Totals) -> None:
        """Keep these; called outside the event loop's thread. Raises OSError."""
        ...


@dataclass(frozen=True, slots=True)
class TotalsFile:
    """Totals in a small file, written whole or not at all."""

    path: Path

    def load(self) -> Totals | None:
        """Read; a file that is not there or cannot be understood is none."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            totals = Totals(int(content["entered"]), int(content["left"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return totals if totals.entered >= 0 and totals.left >= 0 else None

    def save(self, totals: Totals) -> None:
        """Write beside, sync, and take its place."""
        fresh = self.path.with_name(self.path.name + ".new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(asdict(totals), file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
