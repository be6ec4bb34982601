"""One request, one answer: deadlines, damaged answers, late answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum, auto

from menpiao.terminals.parts.reader.frame import FrameParser
from menpiao.terminals.parts.reader.protocol import Answer, Command, Meaning, meaning
from menpiao.terminals.parts.reader.timings import Timings
from menpiao.terminals.ports.base import Connection


class NoAnswer(Enum):
    """Why a request has no answer."""

    SILENCE = auto()
    """Nothing that looks like a frame came."""
    DAMAGED = auto()
    """A frame came, twice, and was broken each time."""


class Session:
    """The requests over one connection, one at a time."""

    def __init__(self, connection: Connection, timings: Timings) -> None:
        self._connection = connection
        self._timings = timings
        self._parser = FrameParser()

    async def ask(
        self,
        command: Command,
        first_s: float,
        whole_s: float | None = None,
        look_ahead: Callable[[bytes], None] | None = None,
    ) -> Answer | NoAnswer:
        """Send a request and wait for its answer.

        The first byte within `first_s`, all within `whole_s`.

        A damaged answer, or a module that found our request damaged, makes the request go out
        once more. `look_ahead` is shown what has arrived of an answer. Raises PortError when the
        connection is gone.
        """
        outcome = await self._once(command, first_s, whole_s or first_s, look_ahead)
        damaged = outcome is NoAnswer.DAMAGED or (
            isinstance(outcome, Answer) and meaning(outcome.sw3) is Meaning.LINK
        )
        if not damaged:
            return outcome
        return await self._once(command, first_s, whole_s or first_s, look_ahead)

    async def _once(
        self,
        command: Command,
        first_s: float,
        whole_s: float,
        look_ahead: Callable[[bytes], None] | None,
    ) -> Answer | NoAnswer:
        # Whatever has arrived by now belongs to a request that was given up.
        self._connection.pending()
        self._parser.discard()
        rejected_before = self._parser.rejected
        clock = asyncio.get_running_loop().time
        started = latest = clock()
        self._connection.write(command.frame)
        while True:
            damaged = self._parser.rejected > rejected_before
            if damaged and not self._parser.inside:
                limit = latest + self._timings.damaged_s
            elif damaged or self._parser.inside:
                limit = min(started + whole_s, latest + self._timings.stalled_s)
            else:
                limit = started + first_s
            try:
                async with asyncio.timeout_at(limit):
                    data = await self._connection.read()
            except TimeoutError:
                damaged = damaged or self._parser.inside
                bodies = self._parser.expire()
                answer = _matching(command, bodies)
                if answer is not None:
                    return answer
                return NoAnswer.DAMAGED if damaged else NoAnswer.SILENCE
            latest = clock()
            answer = _matching(command, self._parser.feed(data))
            if answer is not None:
                return answer
            if look_ahead is not None and self._parser.inside:
                look_ahead(self._parser.partial)


def _matching(command: Command, bodies: list[bytes]) -> Answer | None:
    answers = map(Answer.of, bodies)
    return next((answer for answer in answers if command.accepts(answer)), None)
