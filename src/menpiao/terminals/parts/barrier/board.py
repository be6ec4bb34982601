"""What a barrier's board can be told and asked, in its own words: one class for each make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from menpiao.terminals.parts.barrier.base import Abilities, Acknowledged, Direction, Totals


class BoardRefused(Exception):
    """The board answered that it does not do what it was told or asked."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a board told since it was last asked.

    `passed` are passages it reported one by one, in order; `totals` its counters, for boards that
    count; `alarm` its alarm, None if it did not say.
    """

    passed: tuple[Direction, ...] = ()
    totals: Totals | None = None
    alarm: bool | None = None


NOTHING_SEEN = Observation()


class Board(Protocol):
    """One make of board. Every method may raise PortError, and BoardRefused for a refusal."""

    @property
    def abilities(self) -> Abilities:
        """What it can do."""
        ...

    async def connect(self) -> None:
        """Reach the board and put it at rest: whatever was switched on before is switched off."""
        ...

    async def open_for(self, direction: Direction, people: int) -> Acknowledged:
        """Open for so many, at most `Abilities.count_max`."""
        ...

    async def hold_open(self, direction: Direction) -> Acknowledged:
        """Open until `close`."""
        ...

    async def close(self) -> Acknowledged:
        """Go back to rest."""
        ...

    async def observe(self) -> Observation:
        """What happened since the last call; also ends a pulse that is over."""
        ...

    def disconnect(self) -> None:
        """Give the port free. Never raises."""
        ...
