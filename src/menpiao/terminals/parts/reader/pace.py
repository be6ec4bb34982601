"""How much pause a module gets between commands: as the lane wishes, or as much as all need."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog

from menpiao.terminals.parts.reader.timings import Timings

log = structlog.get_logger(__name__)

_DOUBTS_MOST: Final = 3


class Pace:
    """The pauses of one reader, for as long as its program runs.

    Pauses shorter than the careful ones last for as long as the module keeps up with them. Three
    doubts with no card read in a hurry between them, and it gets the careful ones for an hour. One
    alone proves nothing: cards are lifted, and lines are noisy.
    """

    def __init__(self, timings: Timings, clock: Callable[[], float] = time.monotonic) -> None:
        self._wish = timings
        self._clock = clock
        self._careful_until: float | None = None
        self.doubts = 0
        """So many since a card was last read in a hurry without one."""

    @property
    def hurried(self) -> bool:
        """Whether a failure may be for want of a pause."""
        wish = self._wish
        shorter = wish.gap_s < wish.careful_gap_s or wish.poll_s < wish.careful_poll_s
        return shorter and not self._is_careful

    @property
    def gap_s(self) -> float:
        """Between find, select and read."""
        wish = self._wish
        return max(wish.gap_s, wish.careful_gap_s) if self._is_careful else wish.gap_s

    @property
    def poll_s(self) -> float:
        """From the start of one look for a card to the next."""
        wish = self._wish
        return max(wish.poll_s, wish.careful_poll_s) if self._is_careful else wish.poll_s

    def kept_up(self) -> None:
        """A card was read without trouble."""
        if not self._is_careful:
            self.doubts = 0

    def doubt(self) -> None:
        """A failure that may be for want of a pause; of no matter where the pauses are careful."""
        if not self.hurried:
            return
        self.doubts += 1
        if self.doubts >= _DOUBTS_MOST:
            self.doubts -= 1  # after the hour, one doubt is enough
            self._careful_until = self._clock() + self._wish.careful_for_s
            log.warning("reader_needs_pauses", gap_s=self.gap_s, poll_s=self.poll_s)

    @property
    def _is_careful(self) -> bool:
        return self._careful_until is not None and self._clock() < self._careful_until
