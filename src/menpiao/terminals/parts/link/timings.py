"""Every delay of a link, in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Timings:
    """Defaults fit a mobile network."""

    connect_s: float = 4.0
    """For TCP, TLS and the web-socket opening."""
    greet_s: float = 4.0
    """For each step of the proof."""
    back_off_first_s: float = 0.2
    back_off_most_s: float = 5.0
    refused_s: float = 15.0
    """Between two attempts of a terminal that the centre refuses."""
    silence_beats: float = 2.5
    """Heart-beats without a frame after which the link is taken for dead."""
    close_s: float = 0.5

    def back_off_s(self, attempt: int, chance: Random) -> float:
        """The pause before a further attempt: doubling, with half of it left to chance.

        After a cut all gates of a centre come back at once; chance spreads them.
        """
        whole = min(self.back_off_most_s, self.back_off_first_s * 2.0 ** min(attempt, 16))
        return whole * (0.5 + chance.random() / 2)
