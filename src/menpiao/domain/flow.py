"""Visitor flow (客流): people inside, and the five-minute stretches in which they are counted."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from menpiao.domain.capacity import level

BUCKET: Final = timedelta(minutes=5)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Flow:
    """Passages counted at gates; ``correction`` is what staff add (or take away, negative)."""

    entries: int = 0
    exits: int = 0
    correction: int = 0

    def __add__(self, other: "Flow") -> "Flow":
        """Both together: gates of a site, or stretches of a day."""
        return Flow(
            self.entries + other.entries,
            self.exits + other.exits,
            self.correction + other.correction,
        )

    @property
    def inside(self) -> int:
        """People in the site; never negative, since people also leave by uncounted ways."""
        return inside(self.entries + self.correction, self.exits)


def inside(entries: int, exits: int) -> int:
    """People in the site after so many entries and exits; never negative."""
    return max(0, entries - exits)


def bucket_start(at: datetime) -> datetime:
    """The start, in UTC, of the five-minute stretch that an aware time lies in."""
    return at.astimezone(UTC) - (at - _EPOCH) % BUCKET


def instant_level(people: int, instant_capacity: int) -> str:
    """The warning level of the people inside against the instantaneous ceiling (LB/T 034)."""
    return level(people, instant_capacity)
