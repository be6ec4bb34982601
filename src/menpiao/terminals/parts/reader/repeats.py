"""One presentation of a card is reported once."""

from __future__ import annotations


class Repeats:
    """Remembers for a while which cards were seen.

    A card left lying is seen again and again; it counts as new when it was not seen for the
    window. The window is per number, so the next person's card is never swallowed.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._seen: dict[tuple[str, str], float] = {}

    def was_seen(self, kind: str, number: str, now_s: float) -> bool:
        """Whether the card was seen within the window; notes nothing."""
        at = self._seen.get((kind, number))
        return at is not None and now_s - at <= self._window_s

    def is_new(self, kind: str, number: str, now_s: float) -> bool:
        """Note that the card is seen now; whether this is a new presentation."""
        self._seen = {key: at for key, at in self._seen.items() if now_s - at <= self._window_s}
        key = (kind, number)
        new = key not in self._seen
        self._seen[key] = now_s
        return new
