"""Asks into the journal before they are asked, and before the card's photo has come if may be.

A card's text is there long before its checksum (89 ms at 115200 baud), and the disk takes its time:
so the ask is noted while the rest of the card is still on the line. Nothing is asked before the
card is whole; if it never is, the note says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from menpiao.terminals.gate.journal import Journal
from menpiao.wire.check import Ask


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What was noted for a card that is not whole yet, and whether the disk took it."""

    card: bytes
    nonce: str
    noted: bool


class Noting:
    """The beginning of each ask of one lane."""

    def __init__(self, journal: Journal, gate_id: int, clock: Callable[[], datetime]) -> None:
        self._journal = journal
        self._gate_id = gate_id
        self._clock = clock
        self._ahead: _Ahead | None = None

    async def ahead(self, card: bytes, kind: str, nonce: str) -> None:
        """Note the ask that a card will be, if it is whole; ``card`` is its digest."""
        await self.withdraw()
        noted = await self._journal.begin(nonce, kind, self._gate_id, self._clock())
        self._ahead = _Ahead(card, nonce, noted)

    def nonce_of(self, card: bytes) -> str | None:
        """The nonce under which this card was noted ahead."""
        return self._ahead.nonce if self._ahead and self._ahead.card == card else None

    async def begin(self, ask: Ask) -> bool:
        """Note an ask unless it is noted; False: the disk does not take it, so it may not be."""
        ahead = self._ahead
        if ahead is not None and ahead.nonce == ask.nonce:
            self._ahead = None
            return ahead.noted
        await self.withdraw()
        at = ask.at or self._clock()
        return await self._journal.begin(ask.nonce, ask.credential.kind, self._gate_id, at)

    async def withdraw(self) -> None:
        """What was noted ahead, if anything, is not asked."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.noted:
            await self._journal.withdraw(ahead.nonce, self._clock())
