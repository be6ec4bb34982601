"""Doors that are asked thousands of times a second, answered ahead of the router.

A request that is as plain as nearly all are is read, asked and answered here. Every other one (no
session, a strange header, a body that does not fit, a fault) takes the usual way with its body
replayed, so that what is refused and how is written once.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from menpiao.centre.doors.answers import problem
from menpiao.centre.doors.serve import Asked
from menpiao.centre.doors.table import JSON, Door
from menpiao.domain.reasons import Refusal

_encoder = msgspec.json.Encoder()
_TYPE = (b"content-type", JSON.encode())

AtHand = Callable[[bytes], Any]
"""Who asks, by the ``Authorization`` header; None: not known without looking further."""


class HotDoor:
    """One such door. ``handler`` is the door's own; it may not look at the request itself."""

    def __init__(
        self,
        door: Door,
        handler: Callable[[Asked], Awaitable[Any]],
        at_hand: AtHand | None = None,
    ) -> None:
        """Stand before ``door``, which reads a JSON body."""
        self.path = door.path
        self._door = door
        self._handler = handler
        self._at_hand = at_hand
        self._decode = msgspec.json.Decoder(door.body).decode

    async def serve(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        otherwise: ASGIApp,
        name_of: Callable[[bytes], str],
    ) -> None:
        """Answer, or let ``otherwise`` answer; ``name_of`` names the request."""
        given = b""
        who, plain = None, scope["method"] == self._door.method
        length = -1
        for name, value in scope["headers"]:
            if name == b"content-length":
                length = int(value) if value.isdigit() and len(value) < 9 else -1
            elif name == b"authorization" and self._at_hand is not None:
                who = self._at_hand(value)
            elif name == b"x-request-id":
                given = value
            elif name == b"content-type":
                plain = plain and value == _TYPE[1]
        plain = plain and 0 <= length <= self._door.longest
        if not plain or (who is None and self._at_hand is not None):
            await otherwise(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            return  # nobody is left to be answered
        request_id = name_of(given)
        bind_contextvars(request_id=request_id)
        try:
            found = await self._handler(Asked(_NO_REQUEST, who, body=self._decode(body)))
        except Exception:  # noqa: BLE001 - whatever it was, the usual way says so; keys hold
            if not given:  # what was logged of it already has this name
                scope["headers"] = [*scope["headers"], (b"x-request-id", request_id.encode())]
            await otherwise(scope, _replayed(body, receive), send)
            return
        if isinstance(found, Refusal):
            named = {"X-Request-ID": request_id}
            await problem(found, headers=named)(scope, receive, send)
            return
        content = found if isinstance(found, bytes) else _encoder.encode(found)
        headers = [(b"content-length", b"%d" % len(content)), _TYPE]
        headers.append((b"x-request-id", request_id.encode()))
        start = {"type": "http.response.start", "status": self._door.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": content})


_NO_REQUEST: Any = None


async def _body(receive: Receive) -> bytes | None:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message["type"] == "http.request" and message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return body if message["type"] == "http.request" else None


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


class HotStarlette(Starlette):
    """An application whose hot doors are asked before its router."""

    def __init__(self, name_of: Callable[[bytes], str], **options: Any) -> None:
        """Begin without any. ``name_of``: a request's name; ``options`` are Starlette's."""
        super().__init__(**options)
        self._name_of = name_of
        self._hot: dict[str, HotDoor] = {}

    def stand_before(self, doors: Iterable[HotDoor]) -> None:
        """Put these doors before the router."""
        self._hot |= {door.path: door for door in doors}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, a link or the application's life."""
        door = self._hot.get(scope["path"]) if scope["type"] == "http" else None
        if door is None:
            await super().__call__(scope, receive, send)
        else:
            scope["app"] = self
            await door.serve(scope, receive, send, super().__call__, self._name_of)
