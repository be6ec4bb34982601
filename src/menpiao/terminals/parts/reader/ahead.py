"""A card's text before its photo: told as provisional, and confirmed or taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from menpiao.terminals.parts.reader import protocol
from menpiao.terminals.parts.reader.base import (
    CardProvisional,
    CardRead,
    CardWithdrawn,
    ReaderEvent,
)
from menpiao.terminals.parts.reader.protocol import Answer
from menpiao.terminals.parts.reader.repeats import Repeats
from menpiao.terminals.parts.reader.session import NoAnswer
from menpiao.terminals.parts.reader.text import read_text, text_ahead, text_of_payload

_STATUS_BYTES = 3


class Ahead:
    """Watches one answer arrive."""

    def __init__(
        self,
        plausible: Callable[[CardRead], bool],
        repeats: Repeats,
        deliver: Callable[[ReaderEvent], None],
    ) -> None:
        self._plausible = plausible
        self._repeats = repeats
        self._deliver = deliver
        self._told: CardRead | None = None

    def look(self, partial: bytes) -> None:
        """Tell the card once its text is there, if it is a new one."""
        if self._told is not None or partial[2:_STATUS_BYTES] != bytes((protocol.SUCCESS,)):
            return
        block = text_ahead(partial[_STATUS_BYTES:])
        if block is None:
            return
        text = read_text(block)
        now_s = asyncio.get_running_loop().time()
        card = text.card
        if not text.well_formed or not self._plausible(card):
            return
        if not self._repeats.was_seen(card.kind, card.number, now_s):
            self._told = card
            self._deliver(CardProvisional(card))

    def settle(self, answer: Answer | NoAnswer) -> None:
        """The answer is whole, or will not be: take back what it does not confirm."""
        if self._told is None:
            return
        whole = isinstance(answer, Answer) and answer.sw3 == protocol.SUCCESS
        block = text_of_payload(answer.data) if whole and isinstance(answer, Answer) else None
        if block is None or read_text(block).card != self._told:
            self._deliver(CardWithdrawn())
