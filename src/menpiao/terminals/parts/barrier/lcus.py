"""USB relay boards of the LCUS family (CH340, 9600 baud): ``A0 channel state sum8``.

They say nothing back. A relay that is left on is a gate left open, so every channel is switched
off on connecting, and a guard outside the event loop switches it off after the pulse should the
program hang in between. Facts: the frames of two programs; no board tried yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from menpiao.terminals.parts.barrier.base import Abilities, Acknowledged, Direction
from menpiao.terminals.parts.barrier.board import NOTHING_SEEN, Observation
from menpiao.terminals.ports.base import Connection, PortError, Transport

BAUD: Final = 9600
CHANNELS_IN: Final[Mapping[Direction, int]] = MappingProxyType({Direction.IN: 1})


def relay_frame(channel: int, *, on: bool) -> bytes:
    """The four bytes that switch a channel (1 to 255)."""
    body = bytes((0xA0, channel, on))
    return body + bytes((sum(body) & 0xFF,))


class LcusBoard:
    """One channel for each direction; the pulse is what the gate's "open" terminal wants."""

    def __init__(
        self,
        transport: Transport,
        channels: Mapping[Direction, int] = CHANNELS_IN,
        *,
        pulse_s: float = 0.5,
        gap_s: float = 0.1,
        guard_s: float = 1.0,
    ) -> None:
        """A gate opens when the contact closes, so pulses are `gap_s` apart.

        `guard_s` after the end of a pulse the guard switches off what is still on.
        """
        self._transport = transport
        self._channels = dict(channels)
        self._pulse_s = pulse_s
        self._gap_s = gap_s
        self._guard_s = guard_s
        self._connection: Connection | None = None
        self._off_at: float | None = None
        self._guard: threading.Timer | None = None
        self.abilities = Abilities(
            acknowledges=False,
            counts=False,
            directions=frozenset(self._channels),
            hold_open=frozenset(self._channels),
        )

    async def connect(self) -> None:
        """Open the port and switch every channel off."""
        self._connection = await self._transport.connect()
        await self.close()

    async def open_for(self, direction: Direction, people: int) -> Acknowledged:
        """Begin a pulse."""
        assert people == 1
        if self._off_at is not None:
            await self.close()
            await asyncio.sleep(self._gap_s)
        self._switch(self._channels[direction], on=True)
        self._off_at = asyncio.get_running_loop().time() + self._pulse_s
        self._guard = threading.Timer(self._pulse_s + self._guard_s, self._switch_all_off)
        self._guard.daemon = True
        self._guard.start()
        return Acknowledged.UNKNOWN

    async def hold_open(self, direction: Direction) -> Acknowledged:
        """Switch on and leave on."""
        self._end_guard()
        self._switch(self._channels[direction], on=True)
        return Acknowledged.UNKNOWN

    async def close(self) -> Acknowledged:
        """Switch every channel off."""
        self._end_guard()
        for channel in sorted(set(self._channels.values())):
            self._switch(channel, on=False)
        return Acknowledged.UNKNOWN

    async def observe(self) -> Observation:
        """End a pulse that is over; notice a board that was pulled out."""
        connection = self._opened
        connection.pending()
        if self._off_at is not None and asyncio.get_running_loop().time() >= self._off_at:
            await self.close()
        # Nothing is ever said, so being gone shows in reading alone.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.001):
                await connection.read()
        return NOTHING_SEEN

    def disconnect(self) -> None:
        """Switch off what can be reached and give the port free."""
        connection = self._connection
        if connection is None:
            return
        self._end_guard()
        self._switch_all_off()
        connection.close()
        self._connection = None

    @property
    def _opened(self) -> Connection:
        assert self._connection is not None, "connect comes first"
        return self._connection

    def _switch(self, channel: int, *, on: bool) -> None:
        self._opened.write(relay_frame(channel, on=on))

    def _switch_all_off(self) -> None:
        """Also called by the guard's thread: an unshared write of four bytes."""
        for channel in sorted(set(self._channels.values())):
            with contextlib.suppress(PortError, AssertionError):
                self._switch(channel, on=False)

    def _end_guard(self) -> None:
        self._off_at = None
        if self._guard is not None:
            self._guard.cancel()
            self._guard = None
