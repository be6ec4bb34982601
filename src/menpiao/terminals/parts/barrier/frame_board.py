"""Boards that speak frames of their own, by a profile in data: see `templates`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from menpiao.terminals.parts.barrier.base import Abilities, Acknowledged, Direction, Totals
from menpiao.terminals.parts.barrier.board import NOTHING_SEEN, BoardRefused, Observation
from menpiao.terminals.parts.barrier.templates import FrameParser, FrameProfile
from menpiao.terminals.ports.base import Connection, PortError, PortTrouble, Transport

_OPEN: Final = {Direction.IN: "open_in", Direction.OUT: "open_out"}
_HOLD: Final = {Direction.IN: "hold_in", Direction.OUT: "hold_out"}
_PASSED: Final = {"passed_in": Direction.IN, "passed_out": Direction.OUT}


class FrameBoard:
    """One board on a line of its own, or alone at its address."""

    def __init__(
        self,
        transport: Transport,
        profile: FrameProfile,
        *,
        answer_s: float = 0.3,
        query_every_s: float = 0.1,
        silences_max: int = 3,
    ) -> None:
        """`query_every_s` bounds how often the line is used; `silences_max` as in the reader."""
        self._transport = transport
        self._profile = profile
        self._answer_s = answer_s
        self._query_every_s = query_every_s
        self._silences_max = silences_max
        self._connection: Connection | None = None
        self._parser = FrameParser(profile.receive)
        self._silences = 0
        self._query_due = 0.0
        send, receive = profile.send, profile.receive
        counted = [way for way in Direction if "n" in _names(profile, _OPEN[way])]
        directions = frozenset(way for way in Direction if _OPEN[way] in send)
        self.abilities = Abilities(
            acknowledges="ack" in receive,
            counts=bool({"counters", "passed_in", "passed_out"} & receive.keys()),
            totals="counters" in receive,
            alarms="alarm_on" in receive,
            directions=directions,
            hold_open=frozenset(way for way in Direction if _HOLD[way] in send),
            count_max=0xFF if directions and len(counted) == len(directions) else 1,
        )

    async def connect(self) -> None:
        """Reach the board, close it, and see that it answers."""
        self._connection = await self._transport.connect()
        self._parser.discard()
        self._silences = 0
        self._query_due = 0.0
        if "close" in self._profile.send:
            await self.close()

    async def open_for(self, direction: Direction, people: int) -> Acknowledged:
        """Send "open", with the number where the board has a place for it."""
        return await self._order(_OPEN[direction], people)

    async def hold_open(self, direction: Direction) -> Acknowledged:
        """Send "hold open"."""
        return await self._order(_HOLD[direction])

    async def close(self) -> Acknowledged:
        """Send "close"; a board that closes by itself has no such frame."""
        if "close" not in self._profile.send:
            return Acknowledged.UNKNOWN
        return await self._order("close")

    async def observe(self) -> Observation:
        """Ask for the counters, where there are any, and hear what else was said."""
        now_s = asyncio.get_running_loop().time()
        if "query" not in self._profile.send:
            return await self._hear()
        if now_s < self._query_due:
            return self._seen(self._parser.feed(self._opened.pending()))
        self._query_due = now_s + self._query_every_s
        frames = await self._ask("query", "counters")
        if any(name == "counters" for name, _ in frames):
            self._silences = 0
        else:
            self._silences += 1
            if self._silences >= self._silences_max:
                raise PortError(PortTrouble.SILENT)
        return self._seen(frames)

    def disconnect(self) -> None:
        """Give the port free."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _opened(self) -> Connection:
        assert self._connection is not None, "connect comes first"
        return self._connection

    async def _hear(self) -> Observation:
        """What a board says unasked; a line that was cut shows in reading alone."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.001):
                return self._seen(self._parser.feed(await self._opened.read()))
        return NOTHING_SEEN

    async def _order(self, name: str, people: int = 1) -> Acknowledged:
        if not self.abilities.acknowledges:
            self._opened.write(self._frame(name, people))
            return Acknowledged.UNKNOWN
        frames = await self._ask(name, "ack", people)
        acknowledged = any(heard == "ack" for heard, _ in frames)
        return Acknowledged.OPENED if acknowledged else Acknowledged.UNKNOWN

    def _frame(self, name: str, people: int = 1) -> bytes:
        if name not in self._profile.send:
            raise BoardRefused(name)
        return self._profile.send[name].build(dict(self._profile.fields) | {"n": people})

    async def _ask(
        self, name: str, wanted: str, people: int = 1
    ) -> list[tuple[str, dict[str, int]]]:
        """Send, and take what comes until the wanted frame is there or the time is over."""
        frames = self._parser.feed(self._opened.pending())
        self._opened.write(self._frame(name, people))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._answer_s):
                while not any(heard == wanted for heard, _ in frames):
                    frames += self._parser.feed(await self._opened.read())
        return frames

    def _seen(self, frames: list[tuple[str, dict[str, int]]]) -> Observation:
        totals, alarm, passed = None, None, []
        for name, values in frames:
            if name == "counters":
                totals = Totals(values["in"], values.get("out", 0))
            elif name in _PASSED:
                passed.append(_PASSED[name])
            elif name in {"alarm_on", "alarm_off"}:
                alarm = name == "alarm_on"
        return Observation(tuple(passed), totals, alarm)


def _names(profile: FrameProfile, frame: str) -> frozenset[str]:
    template = profile.send.get(frame)
    return template.names if template is not None else frozenset()
