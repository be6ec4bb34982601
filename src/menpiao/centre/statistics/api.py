"""The statistics server's doors: figures as JSON, and as a stream of server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from menpiao.centre.statistics.service import StatisticsService, UnknownSiteError, read_ticket

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
        return [
            Route("/statistics/v1/live", self.live),
            Route("/statistics/v1/stream", self.stream),
        ]

    async def live(self, request: Request) -> Response:
        """The figures now."""
        allowed = self._allowed(request)
        if allowed is None:
            return _refused()
        try:
            figures = await self._service.live(allowed[0])
        except UnknownSiteError:
            return JSONResponse({"code": "site_unknown"}, 404)
        return Response(_encoder.encode(figures), media_type="application/json", headers=_HEADERS)

    async def stream(self, request: Request) -> Response:
        """The figures at once and then whenever they change; ends when the ticket does."""
        allowed = self._allowed(request)
        if allowed is None:
            return _refused()
        site_id, left_s = allowed
        try:
            await self._service.live(site_id)
        except UnknownSiteError:
            return JSONResponse({"code": "site_unknown"}, 404)
        return StreamingResponse(
            self._events(site_id, left_s), media_type="text/event-stream", headers=_HEADERS
        )

    def _allowed(self, request: Request) -> tuple[int, float] | None:
        ticket = request.query_params.get("ticket", "")
        return read_ticket(self._key, ticket, self._service.now())

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


def _refused() -> Response:
    return JSONResponse({"code": "ticket_invalid"}, 403, headers=_HEADERS)
