"""The statistics server's doors: figures as JSON, and as a stream of server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from menpiao.centre.doors.answers import json_answer
from menpiao.centre.doors.serve import Asked, routes
from menpiao.centre.doors.table import EVENTS
from menpiao.centre.statistics.doors import LIVE, LOOK, STREAM, TABLE
from menpiao.centre.statistics.service import StatisticsService, UnknownSiteError, read_ticket
from menpiao.domain.reasons import Reason, Refusal

_encoder = msgspec.json.Encoder()
EVERY_S = 1.0
BEAT_S = 10.0
"""Silence longer than this is a broken line; proxies cut silent ones."""
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class StatisticsApi:
    """Routes of the statistics server. Each asks for a ticket (``?ticket=``) of a short life."""

    def __init__(self, service: StatisticsService, key: bytes) -> None:
        """Speak for a service; ``key`` seals the tickets."""
        self._service = service
        self._key = key

    def routes(self) -> list[BaseRoute]:
        """The routes to mount."""
        handlers = {LIVE: self.live, STREAM: self.stream}
        return routes(TABLE, handlers, {LOOK: self._looker})

    async def live(self, asked: Asked) -> Response | Refusal:
        """The figures now."""
        site_id, _ = asked.who
        try:
            figures = await self._service.live(site_id)
        except UnknownSiteError:
            return Refusal(Reason.SITE_UNKNOWN)
        return json_answer(figures, headers=_HEADERS)

    async def stream(self, asked: Asked) -> Response | Refusal:
        """The figures at once and then whenever they change; ends when the ticket does."""
        site_id, left_s = asked.who
        try:
            await self._service.live(site_id)
        except UnknownSiteError:
            return Refusal(Reason.SITE_UNKNOWN)
        return StreamingResponse(self._events(site_id, left_s), media_type=EVENTS, headers=_HEADERS)

    async def _looker(self, request: Request) -> tuple[int, float] | Refusal:
        """Site, and for how many seconds it may be looked at."""
        ticket = request.query_params.get("ticket", "")
        allowed = read_ticket(self._key, ticket, self._service.now())
        return allowed or Refusal(Reason.NOT_PERMITTED, "no valid ticket", "ticket")

    async def _events(self, site_id: int, left_s: float) -> AsyncIterator[bytes]:
        ends, spoke, last = time.monotonic() + left_s, time.monotonic(), b""
        while time.monotonic() < ends:
            body = _encoder.encode(await self._service.live(site_id))
            if body != last:
                yield b"event: figures\ndata: " + body + b"\n\n"
                last, spoke = body, time.monotonic()
            elif time.monotonic() - spoke >= BEAT_S:
                yield b": alive\n\n"
                spoke = time.monotonic()
            await asyncio.sleep(EVERY_S)
        yield b"event: end\ndata: {}\n\n"
