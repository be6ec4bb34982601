"""Which card was laid when: repeats are swallowed, unanswered cards keep their nonce.

Cards are remembered as digests under a key that lives as long as the process.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import Final

_MOST: Final = 1000


class Presentations:
    """The recent cards of one lane."""

    def __init__(
        self, same_card_s: float, repeat_nonce_s: float, new_nonce: Callable[[], str]
    ) -> None:
        self._same_card_s = same_card_s
        self._repeat_nonce_s = repeat_nonce_s
        self._new_nonce = new_nonce
        self._key = secrets.token_bytes(32)
        self._answered: tuple[bytes, float] = (b"", 0.0)
        self._unanswered: dict[bytes, tuple[str, float]] = {}

    def retime(self, same_card_s: float, repeat_nonce_s: float) -> None:
        """Other limits from now on."""
        self._same_card_s = same_card_s
        self._repeat_nonce_s = repeat_nonce_s

    def digest(self, kind: str, number: str) -> bytes:
        """What a card is remembered by."""
        text = f"{kind}\0{number}".encode()
        return hashlib.blake2b(text, key=self._key, digest_size=16).digest()

    def is_repeat(self, card: bytes, now_s: float) -> bool:
        """Whether the card was answered a moment ago and is still the same presentation."""
        last, at_s = self._answered
        if last == card and now_s - at_s <= self._same_card_s:
            self._answered = (card, now_s)
            return True
        return False

    def nonce(self, card: bytes, now_s: float) -> str:
        """A new nonce, or the one under which this card was asked for without an answer.

        The centre may have decided what this lane never heard: the same nonce gives the visitor
        that same answer instead of a refusal as used.
        """
        found = self._unanswered.get(card)
        if found is not None and now_s - found[1] <= self._repeat_nonce_s:
            return found[0]
        return self._new_nonce()

    def answered(self, card: bytes, now_s: float) -> None:
        """The card has its answer."""
        self._answered = (card, now_s)
        self._unanswered.pop(card, None)

    def unanswered(self, card: bytes, nonce: str, now_s: float) -> None:
        """The card has no answer, and may be asked for again under this nonce."""
        first = self._unanswered.pop(card, (nonce, now_s))
        self._unanswered[card] = first if first[0] == nonce else (nonce, now_s)
        if len(self._unanswered) > _MOST:
            del self._unanswered[next(iter(self._unanswered))]
