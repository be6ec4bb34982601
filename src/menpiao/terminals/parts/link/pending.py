"""The asks that wait for an answer, by nonce."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from menpiao.domain.reasons import Reason
from menpiao.terminals.parts.link.base import LinkFailure, LinkTrouble
from menpiao.wire.check import Answer, Fault

_SENDS_MOST: Final = 2
_CODES: Final = {reason.value: reason for reason in Reason}
# Faults that a visitor or the staff can understand as they are; the rest means: see the staff.
_SHOWN: Final = {Reason.BUSY, Reason.DEVICE_UNKNOWN, Reason.DEVICE_REVOKED}


def reason_of(code: str) -> Reason:
    """What a lane shows for a fault."""
    reason = _CODES.get(code)
    return reason if reason in _SHOWN else Reason.NEEDS_STAFF


@dataclass(slots=True)
class Waiting:
    """One ask: its frame, its answer to come, how often and when it was sent."""

    frame: str = field(repr=False)
    outcome: asyncio.Future[Answer | LinkFailure]
    sends: int = 0
    sent_at: float = 0.0


class Pending:
    """Matches answers to asks: an answer settles the ask of its nonce and no other."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}

    def add(self, nonce: str, frame: str) -> Waiting:
        """A new ask. A nonce that is waiting already is a programming error."""
        if nonce in self._waiting:
            raise ValueError("this nonce is being asked already")
        waiting = Waiting(frame, asyncio.get_running_loop().create_future())
        self._waiting[nonce] = waiting
        return waiting

    def drop(self, nonce: str) -> None:
        """Give up waiting."""
        self._waiting.pop(nonce, None)

    async def send(self, waiting: Waiting, send: Callable[[str], Awaitable[None]]) -> None:
        """Send an ask unless it was sent twice before."""
        if waiting.sends >= _SENDS_MOST or waiting.outcome.done():
            return
        waiting.sends += 1
        waiting.sent_at = asyncio.get_running_loop().time()
        await send(waiting.frame)

    async def send_all(self, send: Callable[[str], Awaitable[None]]) -> None:
        """After a reconnect: everything that still waits."""
        for waiting in list(self._waiting.values()):
            await self.send(waiting, send)

    def settle(self, nonce: str, outcome: Answer | LinkFailure) -> bool:
        """Hand over an outcome; False when nobody waits for it (any more)."""
        waiting = self._waiting.get(nonce)
        if waiting is None or waiting.outcome.done():
            return False
        waiting.outcome.set_result(outcome)
        return True

    def settle_fault(self, fault: Fault) -> bool:
        """The centre could not use an ask."""
        failure = LinkFailure(LinkTrouble.FAULT, reason_of(fault.code), fault.code)
        return self.settle(fault.nonce, failure)

    def refuse_all(self, reason: Reason) -> None:
        """The centre refuses this terminal: nothing will be answered."""
        for nonce in list(self._waiting):
            self.settle(nonce, LinkFailure(LinkTrouble.REFUSED, reason))
