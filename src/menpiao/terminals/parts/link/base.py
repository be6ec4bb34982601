"""What every link to the centre promises, over whatever network (patent part 303).

The gate knows a link by this file alone. Trouble on the way is a value: a link never raises for
it, and it never invents a decision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from menpiao.domain.reasons import Reason
from menpiao.terminals.parts.link.identity import Identity
from menpiao.wire.check import (
    Acknowledged,
    Answer,
    Ask,
    Change,
    Changes,
    Command,
    Follow,
    Heard,
    Welcome,
)
from menpiao.wire.fleet import Configure, Configured, KeyRoll


class LinkState(StrEnum):
    """What a health page shows for the link."""

    DOWN = "down"
    """Not connected; another attempt is made by itself."""
    UP = "up"
    """The centre has welcomed this terminal."""
    REFUSED = "refused"
    """The centre answers and does not let this terminal in; asked again from time to time."""


class LinkTrouble(StrEnum):
    """Why an ask has no answer."""

    DOWN = "down"
    """It was never sent: nothing has been decided."""
    TIMED_OUT = "timed_out"
    """It was sent and not answered in time: whether it was decided is not known."""
    REFUSED = "refused"
    """The centre does not talk to this terminal."""
    FAULT = "fault"
    """The centre could not use this ask."""


@dataclass(frozen=True, slots=True)
class LinkFailure:
    """No answer: nobody may pass for it. ``reason`` is what the lane shows."""

    trouble: LinkTrouble
    reason: Reason = Reason.MANUAL_LANE
    code: str = ""
    """The centre's own word where it could not use the ask: for staff, not for visitors."""

    @property
    def may_repeat(self) -> bool:
        """Whether the same document should be asked for again under the same nonce."""
        return self.trouble is not LinkTrouble.FAULT or self.reason is Reason.BUSY


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The state of the link; ``reason`` says why a terminal is refused."""

    state: LinkState
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Greeted:
    """The link stands: what the centre told of itself and of this terminal."""

    welcome: Welcome


@dataclass(frozen=True, slots=True)
class LateAnswer:
    """An answer that came after its ask had been given up: to be recorded, never acted on."""

    answer: Answer


LinkEvent = LinkChanged | Greeted | LateAnswer | Command | Change | Changes | Configure


@dataclass(frozen=True, slots=True)
class Vitals:
    """What heart-beats say of a lane; see ``wire.check.Heartbeat``."""

    mode: str = ""
    data_at: datetime | None = None
    tickets: int | None = None
    queue: int | None = None
    rules: str = ""
    rules_why: str = ""


class Link(Protocol):
    """A way to ask the centre."""

    @property
    def state(self) -> LinkState:
        """The present state, for health."""
        ...

    def watch(self, state: Callable[[], str], paper: Callable[[], str] = str) -> None:
        """Tell the centre with each heart-beat how the lane and its paper are.

        ``state`` and ``paper`` say it at once; see ``wire.check.Heartbeat``.
        """
        ...

    def acknowledge(self, said: Acknowledged | Configured) -> None:
        """Tell the centre what was done about what it sent; lost when the link is not up."""
        ...

    async def run(self, deliver: Callable[[LinkEvent], None]) -> None:
        """Keep the link up until cancelled.

        Never returns by itself and never raises for trouble of the network. `deliver` is called
        in the event loop's thread and must not block.
        """
        ...

    async def ask(self, ask: Ask, timeout_s: float) -> Answer | LinkFailure:
        """The centre's answer to this very ask, or why there is none after ``timeout_s``.

        After a cut the ask is sent once more, under the same nonce, if the link comes back within
        the time.
        """
        ...

    async def send(self, message: Follow | Heard) -> bool:
        """Send what needs no answer; False: there is no link now, and it is not kept."""
        ...

    def tell(self, vitals: Vitals) -> None:
        """What the next heart-beats say."""
        ...


class ErrandRefusedError(OSError):
    """The centre does not let this terminal in; ``code`` is one of the reason table."""

    def __init__(self, code: str) -> None:
        super().__init__(f"refused: {code}")
        self.code = code


class Keys(Protocol):
    """What a terminal proves itself with; there may be two while a key is being changed."""

    def attempt(self) -> Identity:
        """The key to prove with now."""
        ...

    def welcomed(self, tried: Identity) -> None:
        """The centre has believed this one; raises OSError."""
        ...

    def refused(self, tried: Identity) -> bool:
        """The centre has not believed this one; whether another one is worth trying."""
        ...


class RollingKeys(Keys, Protocol):
    """Keys that can be changed: the new one is kept before anybody hears of it."""

    def begin(self) -> Identity:
        """The key that is to follow, on disk when this returns; raises OSError."""
        ...

    def roll(self, after: Identity, challenge: str) -> KeyRoll:
        """What asks the centre to put ``after`` in the place of the present key."""
        ...


class Errands(Protocol):
    """Requests to the centre beside the link, with a session of this terminal; they block.

    Every one raises OSError for trouble on the way, ErrandRefusedError where it is the terminal.
    """

    def call(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body of the answer; ``path`` begins behind ``/check/v1``."""
        ...

    def fetch(self, path: str, begin: int, write: Callable[[int, bytes], None]) -> int:
        """Fetch octets from ``begin`` on and hand them over piece by piece; gives the status.

        ``write`` gets the place of each piece: a centre may begin from 0 all the same. Nothing is
        written unless the status is 200 or 206.
        """
        ...
