"""What every way of sending short messages promises: the smallest face that they share."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Fate(StrEnum):
    """What became of a message that was handed to a channel."""

    ACCEPTED = "accepted"
    """All parts are with the operator, each under a reference."""
    LATER = "later"
    """Surely not accepted, and another try may succeed."""
    REFUSED = "refused"
    """Refused for good, wholly or in one part."""
    UNKNOWN = "unknown"
    """Octets may have left and no answer came: never send again by itself."""


class Delivery(StrEnum):
    """What a final report says; the codes are stored."""

    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Message:
    """A text for a telephone; ``key`` is the row that it stands in: site and number."""

    key: tuple[int, int]
    number: str
    text: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The outcome of :meth:`Channel.send`: references in the order of the parts."""

    fate: Fate
    refs: tuple[str, ...] = ()
    error: str = ""
    """Code and text as the operator gave them."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A final report on one part."""

    ref: str
    number: str
    """The telephone, as :func:`plain_number` writes it."""
    delivery: Delivery
    code: str
    submitted_at: datetime | None
    """When the operator had it, to the minute."""


class Listener(Protocol):
    """Who wants to know what channels learn later."""

    async def receipt(self, receipt: Receipt) -> bool:
        """Keep a report; False when it could not be kept and must come again."""

    async def late(self, key: tuple[int, int], sent: Sent) -> None:
        """The answer on a part whose sending had been given up as unknown."""


@dataclass(frozen=True, slots=True)
class ChannelState:
    """A channel's health, for people and probes."""

    connected: bool
    room: int
    """How many messages it would take at once."""
    rate: float
    """Messages per second at the moment."""
    last_error: str


class Channel(Protocol):
    """An account at an operator."""

    async def run(self, listener: Listener) -> None:
        """Stay connected and report to ``listener`` until cancelled."""

    async def send(self, message: Message) -> Sent:
        """Send once; never raises for what the operator does."""

    def parts(self, text: str) -> int:
        """How many messages a text is billed as."""

    @property
    def state(self) -> ChannelState:
        """How it is at the moment."""


def plain_number(number: str) -> str:
    """A mainland number without +86, 0086 or 86; others keep their digits."""
    digits = "".join(c for c in number if c in "0123456789")
    for prefix in ("0086", "86"):
        if digits.startswith(prefix) and len(digits) == len(prefix) + 11:
            return digits.removeprefix(prefix)
    return digits
