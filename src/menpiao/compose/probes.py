"""What a process says about itself: ``/healthz``, ``/readyz`` for all; ``/metrics`` for few."""

import hmac
import ipaddress
import time
from collections.abc import Callable
from datetime import datetime

import asyncpg
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from menpiao.centre.doors.answers import problem
from menpiao.domain.reasons import Reason, Refusal
from menpiao.storage.database import facts
from menpiao.storage.database.facts import Facts

METRICS = "/metrics"
FRESH_S = 1.0
"""Probes of several watchers share one look at the data store."""
_AWAY = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)

_up = Gauge("menpiao_database_up", "Whether this process reaches a primary")
_rows = Gauge("menpiao_outbox_rows", "Rows of the outbox that wait", ["channel", "state"])
_age = Gauge("menpiao_outbox_oldest_seconds", "Since the oldest was due", ["channel", "state"])
_payments = Gauge("menpiao_payments_open", "Payments whose end is not known yet", ["state"])


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """Keeps figures from whoever is not meant to see them.

    With a token it is asked for. Without one they are shown only where nobody but this machine can
    ask: ``alone`` says so. Everybody else is told that there is nothing here.
    """

    def __init__(self, token: str, *, alone: bool) -> None:
        """Watch doors of a process."""
        self._token = token.encode()
        self._alone = alone

    def refusal(self, authorization: str) -> Response | None:
        """Why an asker with this header is not answered; None: it is."""
        if not self._token:
            return None if self._alone else problem(Refusal(Reason.NO_SUCH_ADDRESS), 404)
        scheme, _, given = authorization.partition(" ")
        if scheme == "Bearer" and hmac.compare_digest(given.encode(), self._token):
            return None
        return problem(Refusal(Reason.NOT_PERMITTED), 401, {"WWW-Authenticate": "Bearer"})


class Private:
    """Middleware: the guard stands before ``/metrics`` and everything under ``/internal``."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        """Wrap an application."""
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        path = scope.get("path", "")
        if path == METRICS or path.startswith("/internal/"):
            head = Headers(scope=scope) if scope["type"] == "http" else {}
            refused = self._guard.refusal(head.get("authorization", ""))
            if refused is not None:
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Probes:
    """Answers probes from one look at the data store a second."""

    def __init__(self, pool: asyncpg.Pool, clock: Callable[[], datetime]) -> None:
        """Look at this data store."""
        self._pool = pool
        self._clock = clock
        self._seen: tuple[float, Facts | None] = (float("-inf"), None)

    def routes(self) -> list[Route]:
        """The routes to mount."""
        return [
            Route("/healthz", self._alive),
            Route("/readyz", self._ready),
            Route(METRICS, self._metrics),
        ]

    async def _look(self) -> Facts | None:
        """The facts, at most a second old; None while the data store does not answer."""
        if time.monotonic() - self._seen[0] > FRESH_S:
            try:
                found = await facts.read(self._pool, self._clock())
            except _AWAY:
                found = None
            self._seen = time.monotonic(), found
        return self._seen[1]

    async def _alive(self, request: Request) -> Response:  # noqa: ARG002 - a route's shape
        return JSONResponse({"alive": True})

    async def _ready(self, request: Request) -> Response:  # noqa: ARG002 - a route's shape
        """Ready: a primary with the schema of this program, or a newer one."""
        seen = await self._look()
        if seen is None:
            return JSONResponse({"ready": False, "database": "unreachable"}, 503)
        ready = not seen.standby and seen.migrations != "behind"
        oldest: dict[str, float] = {}
        for queue in seen.queues:
            oldest[queue.channel] = max(oldest.get(queue.channel, 0.0), round(queue.oldest_s, 1))
        body = {
            "ready": ready,
            "database": "standby" if seen.standby else "primary",
            "migrations": seen.migrations,
            "queue_oldest_s": oldest,
        }
        return JSONResponse(body, 200 if ready else 503)

    async def _metrics(self, request: Request) -> Response:  # noqa: ARG002 - a route's shape
        seen = await self._look()
        _up.set(0 if seen is None or seen.standby else 1)
        _rows.clear()
        _age.clear()
        _payments.clear()
        for queue in seen.queues if seen else ():
            _rows.labels(queue.channel, queue.state).set(queue.rows)
            _age.labels(queue.channel, queue.state).set(queue.oldest_s)
        for state, rows in seen.open_payments.items() if seen else ():
            _payments.labels(state).set(rows)
        return PlainTextResponse(generate_latest(), media_type=CONTENT_TYPE_LATEST)
