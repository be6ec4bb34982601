"""What a process left of a site's places, so that its next batch need not look first."""

import asyncio
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date

from menpiao.domain.capacity import Day, Slot
from menpiao.storage.database.sales import Looked

_KEPT = 512
_PAUSE_MOST = 64
_PROVEN = 4


class Left:
    """Days and slots as the last batches of one process leave them.

    They are what a batch may be decided on, and never what it is recorded on: the data store
    writes a batch only where they still stand (:data:`~menpiao.storage.database.sales.CLOSING`).
    Where others sell, cancel or change the same places, a hope is missed and the batch done again;
    after each miss that follows on another twice as many batches look first, up to 64.
    """

    def __init__(self) -> None:
        """Nothing is known."""
        self.turn = asyncio.Lock()
        """Held while a batch is decided: the next is decided on what it leaves, whoever looks."""
        self._days: dict[date, Day] = {}
        self._slots: dict[int, Slot] = {}
        self._pause = 1
        self._looks = 0
        self._hopes = 0

    def hope(self, slots: AbstractSet[int], days: AbstractSet[date]) -> Looked | None:
        """Slots and days of a batch as they should be; None: look."""
        if self._looks:
            self._looks -= 1
            return None
        if not (slots <= self._slots.keys() and days <= self._days.keys()):
            return None
        self._hopes += 1
        if self._hopes > _PROVEN:
            self._pause = 1
        return Looked(
            {d: self._days[d] for d in days}, {s: self._slots[s] for s in slots}, {}, set()
        )

    def keep(self, days: Mapping[date, Day], slots: Mapping[int, Slot]) -> None:
        """Keep what a batch leaves if it is committed; if it is not, the next hope is missed."""
        if len(self._slots) > _KEPT or len(self._days) > _KEPT:
            self._days, self._slots = {}, {}
        self._days.update(days)
        self._slots.update(slots)

    def missed(self) -> None:
        """A batch came back: what is known is not so."""
        self._days, self._slots = {}, {}
        if self._hopes:
            self._looks, self._pause = self._pause, min(_PAUSE_MOST, 2 * self._pause)
        self._hopes = 0
