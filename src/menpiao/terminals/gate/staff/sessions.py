"""Who is signed in at a lane's staff panel: short sessions, and few guesses from one address.

PINs are verified by the centre alone. A session keeps its proof in memory, because every act brings
it again: who acted is written down by the centre, and who has lost the right can do nothing more.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from menpiao.wire.check import StaffKnown, StaffProof

_LONGEST_S: Final = 8 * 3600.0
"""A watch: then they sign in anew however busy they are."""
_GUESSES: Final = 10
_WINDOW_S: Final = 300.0
_ADDRESSES_MOST: Final = 1000


@dataclass(slots=True)
class Session:
    """Somebody who has signed in."""

    key: str = field(repr=False)
    proof: StaffProof
    known: StaffKnown
    begun_s: float
    used_s: float


class Sessions:
    """The sessions of one panel."""

    def __init__(self, lock_after_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """A session that nobody uses for ``lock_after_s`` ends."""
        self._lock_after_s = lock_after_s
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._wrong: dict[str, list[float]] = {}

    def begin(self, proof: StaffProof, known: StaffKnown) -> Session:
        """Somebody has shown who they are."""
        now_s = self._clock()
        session = Session(secrets.token_urlsafe(24), proof, known, now_s, now_s)
        self._sessions[session.key] = session
        return session

    def find(self, key: str) -> Session | None:
        """The session of this key, while it lasts."""
        session = self._sessions.get(key)
        if session is None:
            return None
        now_s = self._clock()
        idle = now_s - session.used_s > self._lock_after_s
        if idle or now_s - session.begun_s > _LONGEST_S:
            del self._sessions[key]
            return None
        return session

    def use(self, session: Session) -> None:
        """Somebody is there: it does not lock itself."""
        session.used_s = self._clock()

    def end(self, session: Session) -> None:
        """It is over."""
        self._sessions.pop(session.key, None)

    def may_guess(self, address: str) -> bool:
        """Whether another proof may be tried from there; it counts until it was `right`."""
        now_s = self._clock()
        recent = [at for at in self._wrong.get(address, []) if now_s - at < _WINDOW_S]
        if len(recent) >= _GUESSES:
            self._wrong[address] = recent
            return False
        if address not in self._wrong and len(self._wrong) >= _ADDRESSES_MOST:
            del self._wrong[next(iter(self._wrong))]
        # Counted before it is tried: many at once do not buy more guesses.
        self._wrong[address] = [*recent, now_s]
        return True

    def right(self, address: str) -> None:
        """The last proof from there was right, or was not verified: it is no guess."""
        tries = self._wrong.get(address)
        if tries:
            tries.pop()
