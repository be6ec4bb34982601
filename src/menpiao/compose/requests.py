"""A name for every request, in its answer and in every line that is logged on its behalf."""

import itertools
import re
import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

_GIVEN = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_HEADER = b"x-request-id"


class Names:
    """Gives names that no other request has."""

    def __init__(self) -> None:
        """Begin to count."""
        self._head = secrets.token_hex(3)
        self._count = itertools.count(1)

    def of(self, given: bytes) -> str:
        """The asker's own ``X-Request-ID`` where it gave a good one, or a new name."""
        known = given and _GIVEN.fullmatch(given)
        return given.decode() if known else f"{self._head}-{next(self._count):x}"


class RequestNames:
    """Middleware: takes the asker's ``X-Request-ID``, or gives one; says it in the answer."""

    def __init__(self, app: ASGIApp, names: Names) -> None:
        """Wrap an application."""
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, named."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for key, value in scope["headers"] if key == _HEADER), b"")
        name = self._names.of(given)
        bind_contextvars(request_id=name)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = name
            await send(message)

        await self._app(scope, receive, named)
