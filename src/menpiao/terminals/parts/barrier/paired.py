"""Two boards that are one barrier: one opens, another sees who passes.

A dry contact opens any turnstile; what counts its passages may be another board altogether.
"""

from __future__ import annotations

from menpiao.terminals.parts.barrier.base import Abilities, Acknowledged, Direction
from menpiao.terminals.parts.barrier.board import Board, Observation


class PairedBoard:
    """Orders go to `opener`; passages, counters and alarms come from `watcher`."""

    def __init__(self, opener: Board, watcher: Board) -> None:
        self._opener = opener
        self._watcher = watcher
        orders, sights = opener.abilities, watcher.abilities
        self.abilities = Abilities(
            acknowledges=orders.acknowledges,
            counts=sights.counts,
            totals=sights.totals,
            alarms=orders.alarms or sights.alarms,
            directions=orders.directions,
            hold_open=orders.hold_open,
            count_max=orders.count_max,
        )

    async def connect(self) -> None:
        """Reach both: a barrier that sees half is out of service."""
        await self._opener.connect()
        await self._watcher.connect()

    async def open_for(self, direction: Direction, people: int) -> Acknowledged:
        """Order it from the opener."""
        return await self._opener.open_for(direction, people)

    async def hold_open(self, direction: Direction) -> Acknowledged:
        """Order it from the opener."""
        return await self._opener.hold_open(direction)

    async def close(self) -> Acknowledged:
        """Order it from the opener."""
        return await self._opener.close()

    async def observe(self) -> Observation:
        """Let the opener end its pulse, and see what the watcher sees."""
        own = await self._opener.observe()
        seen = await self._watcher.observe()
        alarms = [alarm for alarm in (own.alarm, seen.alarm) if alarm is not None]
        return Observation(seen.passed, seen.totals, any(alarms) if alarms else None)

    def disconnect(self) -> None:
        """Give both ports free."""
        self._opener.disconnect()
        self._watcher.disconnect()
