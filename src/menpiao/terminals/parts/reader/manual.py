"""Entry by hand, for documents no device reads: a supervisor's PIN stands behind each one.

Of the PIN only a slow hash is kept. The entry comes out as any other document.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from menpiao.domain.pin import NOBODYS, pin_fits
from menpiao.terminals.parts.reader.base import (
    CardKind,
    CardPresented,
    CardRead,
    PassportKind,
    ReaderEvent,
    ReaderReady,
    ReaderState,
)

_LOCKED_S: Final = 60.0
_TRIES: Final = 5


class Entry(StrEnum):
    """What became of an entry."""

    TAKEN = "taken"
    WRONG_PIN = "wrong_pin"
    LOCKED = "locked"
    """Too many wrong PINs: wait."""
    NOT_READY = "not_ready"


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Who may enter documents by hand; `pin_hash` is made by `domain.pin.hash_pin`."""

    name: str
    pin_hash: str


class ManualReader:
    """A `Reader` fed by a page or a keypad."""

    def __init__(
        self, supervisors: tuple[Supervisor, ...], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._supervisors = {one.name: one for one in supervisors}
        self._clock = clock
        self._deliver: Callable[[ReaderEvent], None] | None = None
        self._wrong: dict[str, list[float]] = {}

    @property
    def state(self) -> ReaderState:
        """Ready while it runs."""
        return ReaderState.READY if self._deliver is not None else ReaderState.OFFLINE

    async def run(self, deliver: Callable[[ReaderEvent], None]) -> None:
        """Take entries until cancelled; see `base.Reader.run`."""
        self._deliver = deliver
        deliver(ReaderReady(""))
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._deliver = None

    async def enter(
        self, supervisor: str, pin: str, kind: CardKind | PassportKind, number: str
    ) -> Entry:
        """Present a document by hand; the number is checked where every number is."""
        deliver = self._deliver
        if deliver is None:
            return Entry.NOT_READY
        now_s = self._clock()
        wrong = [at for at in self._wrong.get(supervisor, []) if now_s - at < _LOCKED_S]
        # Noted before the slow hash: asking many times at once does not buy more tries.
        self._wrong[supervisor] = [*wrong, now_s]
        if len(wrong) >= _TRIES:
            self._wrong[supervisor] = wrong
            return Entry.LOCKED
        known = self._supervisors.get(supervisor)
        # A name nobody has takes as long as one that somebody has, and fits nobody.
        pin_hash = known.pin_hash if known is not None else NOBODYS
        fits = await asyncio.to_thread(pin_fits, pin, pin_hash)
        if known is None or not fits:
            return Entry.WRONG_PIN
        self._wrong.pop(supervisor, None)
        if self._deliver is not deliver:
            return Entry.NOT_READY
        deliver(CardPresented(_typed(kind, number)))
        return Entry.TAKEN


def _typed(kind: CardKind | PassportKind, number: str) -> CardRead:
    return CardRead(
        kind=kind,
        number=number.strip().upper(),
        name="",
        sex="0",
        birth=None,
        valid_until=None,
        nationality=None,
        pass_number=None,
    )
