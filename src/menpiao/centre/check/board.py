"""The stream behind the board of lanes: says that something has changed, and no more than that."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from menpiao.centre.check.service.states import StateService
from menpiao.centre.doors.passes import read_pass
from menpiao.centre.doors.serve import Asked
from menpiao.centre.doors.table import EVENTS
from menpiao.domain.reasons import Reason, Refusal

EVERY_S = 1.0
BEAT_S = 10.0
"""Silence longer than this is a broken line; proxies cut silent ones."""
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class BoardApi:
    """Speaks to browsers that watch a board."""

    def __init__(self, states: StateService, key: bytes, clock: Callable[[], datetime]) -> None:
        """Look at these states; ``key`` seals the passes, ``clock`` gives the time in UTC."""
        self._states = states
        self._key = key
        self._clock = clock

    async def watcher(self, request: Request) -> tuple[int, float] | Refusal:
        """Site, and for how many seconds it may be watched."""
        shown = request.query_params.get("ticket", "")
        found = read_pass(self._key, shown, self._clock())
        if found is None:
            return Refusal(Reason.NOT_PERMITTED, "no valid ticket", "ticket")
        [site_id], left_s = found
        return site_id, left_s

    async def stream(self, asked: Asked) -> Response | Refusal:
        """An event at once and then whenever the board has changed; ends when the pass does."""
        site_id, left_s = asked.who
        if await self._states.watched(site_id) is None:
            return Refusal(Reason.SITE_UNKNOWN)
        return StreamingResponse(self._events(site_id, left_s), media_type=EVENTS, headers=_HEADERS)

    async def _events(self, site_id: int, left_s: float) -> AsyncIterator[bytes]:
        ends, spoke, last = time.monotonic() + left_s, time.monotonic(), ""
        while time.monotonic() < ends:
            board = await self._states.watched(site_id)
            mark = board.mark if board is not None else ""
            if mark != last:
                yield f'event: changed\ndata: "{mark}"\n\n'.encode()
                last, spoke = mark, time.monotonic()
            elif time.monotonic() - spoke >= BEAT_S:
                yield b": alive\n\n"
                spoke = time.monotonic()
            await asyncio.sleep(EVERY_S)
        yield b"event: end\ndata: {}\n\n"
