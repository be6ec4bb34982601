"""What a lane remembers for its staff: the last scans and orders, and whether a dry run is next.

Documents are kept in memory alone, for minutes, so that a guard need not ask for the card again.
After a start the scans are there again without them (``staff.recall``), the orders are not.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from menpiao.terminals.parts.link.base import LinkFailure
from menpiao.wire.check import Answer, Ask, Command

UNDO_WITHIN: Final = timedelta(minutes=15)
"""As ``domain.undo`` has it: here it only says whether to offer it."""
_SCANS_MOST: Final = 20
_ORDERS_MOST: Final = 10
_DRY_RUN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class StaffAct:
    """Staff ask for somebody: the lane asks, shows and opens as for a card laid."""

    ask: Ask
    done: asyncio.Future[Answer | LinkFailure]


@dataclass(frozen=True, slots=True)
class SeenScan:
    """One scan; ``ask`` is None when its document has been forgotten."""

    nonce: str
    at_s: float
    outcome: Answer | LinkFailure
    ask: Ask | None = field(repr=False)
    dry_run: bool = False
    undone: bool = False


@dataclass(frozen=True, slots=True)
class SeenOrder:
    """What the centre had this lane do; ``done`` False: the lane could not."""

    at_s: float
    command: Command
    done: bool


class Desk:
    """The memory between a lane's controller and its staff panel."""

    def __init__(self, keep_s: float = 180.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Forget the document of a scan after ``keep_s``."""
        self._keep_s = keep_s
        self._clock = clock
        self._scans: OrderedDict[str, SeenScan] = OrderedDict()
        self._orders: OrderedDict[str, SeenOrder] = OrderedDict()
        self._dry_until = 0.0
        self.changed: Callable[[], None] = lambda: None
        """Called when there is something new to see."""

    @property
    def dry_run_next(self) -> bool:
        """Whether the next card is tried and lets nobody in."""
        return self._clock() < self._dry_until

    def try_next(self, *, on: bool) -> None:
        """Let the next card, if it is laid soon, be a dry run."""
        self._dry_until = self._clock() + _DRY_RUN_S if on else 0.0
        self.changed()

    def takes_dry_run(self) -> bool:
        """Whether the card at hand is a dry run; asked once a card."""
        armed, self._dry_until = self.dry_run_next, 0.0
        return armed

    def note(self, ask: Ask, outcome: Answer | LinkFailure) -> None:
        """Remember a scan and how it ended: what went before it of that document is settled."""
        if ask.staff is not None and isinstance(outcome, LinkFailure):
            return  # a wrong PIN, most likely: nothing has been settled
        for nonce, before in self._scans.items():
            if before.ask is not None and before.ask.credential == ask.credential:
                self._scans[nonce] = replace(before, ask=None)
        scan = SeenScan(ask.nonce, self._clock(), outcome, ask, ask.dry_run)
        self._scans[ask.nonce] = scan
        self._scans.move_to_end(ask.nonce)
        while len(self._scans) > _SCANS_MOST:
            self._scans.popitem(last=False)
        self.changed()

    def ordered(self, command: Command, *, done: bool) -> None:
        """Remember what the centre had the lane do; told again it is the same order."""
        before = self._orders.get(command.id)
        at_s = before.at_s if before else self._clock()
        self._orders[command.id] = SeenOrder(at_s, command, done)
        while len(self._orders) > _ORDERS_MOST:
            self._orders.popitem(last=False)
        self.changed()

    @property
    def most(self) -> int:
        """How many scans are remembered."""
        return _SCANS_MOST

    def recall(self, earlier: Sequence[tuple[timedelta, Answer]]) -> None:
        """Answers from before the start and how old they are, newest first: before what was seen.

        One that is said to come from later (a clock was set back) is of now.
        """
        for age, answer in earlier:
            if len(self._scans) < _SCANS_MOST and answer.nonce not in self._scans:
                at_s = self._clock() - max(0.0, age.total_seconds())
                self._scans[answer.nonce] = SeenScan(answer.nonce, at_s, answer, None)
                self._scans.move_to_end(answer.nonce, last=False)
        self.changed()

    def undone(self, nonce: str) -> None:
        """The admission of this scan has been taken back."""
        if nonce in self._scans:
            self._scans[nonce] = replace(self._scans[nonce], undone=True)
            self.changed()

    def scans(self) -> list[SeenScan]:
        """The last scans, newest first."""
        self._forget()
        return list(reversed(self._scans.values()))

    def scan(self, nonce: str) -> SeenScan | None:
        """The scan of this nonce."""
        self._forget()
        return self._scans.get(nonce)

    def orders(self) -> list[SeenOrder]:
        """The last orders of the centre, newest first."""
        return list(reversed(self._orders.values()))

    def age(self, seen: SeenScan | SeenOrder) -> timedelta:
        """How long ago a scan ended, or an order was carried out."""
        return timedelta(seconds=self._clock() - seen.at_s)

    def _forget(self) -> None:
        for nonce, scan in self._scans.items():
            if scan.ask is not None and self._clock() - scan.at_s > self._keep_s:
                self._scans[nonce] = replace(scan, ask=None)
