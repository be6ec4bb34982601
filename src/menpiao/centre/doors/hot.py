"""Doors that are asked thousands of times a second, answered by the HTTP protocol itself.

A request that is as plain as nearly all are is read, asked and answered here: no scope, no task, no
router. Every other one (no session, a strange header, a body that does not fit, something to be
looked up first) takes the usual way, so that what is refused and how is written once.
"""

import asyncio
import contextvars
import functools
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, cast

import msgspec
import structlog
from starlette.applications import Starlette
from structlog.contextvars import bind_contextvars
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from menpiao.centre.doors.answers import problem
from menpiao.centre.doors.table import JSON, Door
from menpiao.domain.reasons import Reason, Refusal

log = structlog.get_logger(__name__)
_encoder = msgspec.json.Encoder()
_JSON = JSON.encode()
_JSON_OF = b"content-length: %d\r\ncontent-type: " + _JSON + b"\r\n"
_NAMED = b"x-request-id: %b\r\n"

AtHand = Callable[[bytes], Any]
"""Who asks, by the ``Authorization`` header; None: not known without looking further."""
Post = Callable[[Any, Any], "asyncio.Future[Any] | Refusal | None"]
"""Who asks and the body: the answer to come, a refusal, or None where more must be looked up."""


class HotDoor:
    """One such door: a POST with a JSON body."""

    def __init__(
        self,
        door: Door,
        post: Post,
        answer: Callable[["asyncio.Future[Any]"], Any],
        at_hand: AtHand | None = None,
    ) -> None:
        """Stand before ``door``.

        ``answer`` turns what came of an ask into a struct, JSON octets or a `Refusal`, and raises
        what went wrong; ``at_hand``: where only some may ask.
        """
        self.path = door.path.encode()
        self.status = door.status
        self.longest = door.longest
        self.at_hand = at_hand
        self.post = post
        self.answer = answer
        self.decode = msgspec.json.Decoder(door.body).decode


class HotDoors:
    """The hot doors of an application, which carries them as ``app.state.hot``."""

    def __init__(self, name_of: Callable[[bytes], str]) -> None:
        """Begin without any; ``name_of``: a request's name, by what its asker calls it."""
        self.name_of = name_of
        self._by_path: dict[bytes, HotDoor] = {}

    def stand_before(self, doors: Iterable[HotDoor]) -> None:
        """Put these doors before the router."""
        self._by_path |= {door.path: door for door in doors}

    def turn(self, protocol: "HotProtocol") -> "_Turn | None":
        """The turn of a request whose headers have come; None: it takes the usual way."""
        door = self._by_path.get(protocol.url)
        parser = protocol.parser
        if (
            door is None
            or parser.get_method() != b"POST"
            or parser.get_http_version() != "1.1"
            or not parser.should_keep_alive()
            or parser.should_upgrade()
            or protocol.expect_100_continue
        ):
            return None
        who, given, length = None, b"", -1
        for name, value in protocol.headers:
            if name == b"content-length":
                length = int(value) if value.isdigit() and len(value) < 9 else -1
            elif name == b"authorization" and door.at_hand is not None:
                who = door.at_hand(value)
            elif name == b"x-request-id":
                given = value
            elif name == b"content-type" and value != _JSON:
                return None
        if not 0 <= length <= door.longest or (who is None and door.at_hand is not None):
            return None
        return _Turn(protocol, door, who, self.name_of(given))


class _NoEvent:
    """What nobody waits for."""

    def set(self) -> None:
        """Nothing."""


class _Turn:
    """One request at a hot door. To the protocol it is what a request's cycle is."""

    __slots__ = (
        "before",
        "body",
        "disconnected",
        "door",
        "keep_alive",
        "name",
        "protocol",
        "response_complete",
        "who",
    )
    message_event: ClassVar = _NoEvent()

    def __init__(self, protocol: "HotProtocol", door: HotDoor, who: object, name: str) -> None:
        self.protocol = protocol
        self.door = door
        self.who = who
        self.name = name
        self.before = protocol.cycle
        self.body = b""
        self.disconnected = False
        self.keep_alive = True
        self.response_complete = False

    def ask(self) -> "asyncio.Future[Any] | Refusal | None":
        """Ask; what is logged on the way is logged under the request's name."""
        return contextvars.Context().run(self._ask)

    def _ask(self) -> "asyncio.Future[Any] | Refusal | None":
        bind_contextvars(request_id=self.name)
        try:
            asked = self.door.decode(self.body)
        except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None  # the usual way says what does not fit
        return self.door.post(self.who, asked)

    def decided(self, posted: "asyncio.Future[Any]") -> None:
        """Answer with what came of it."""
        try:
            found = self.door.answer(posted)
        except Exception as error:  # whatever it was, its asker is answered
            path = self.door.path.decode()
            log.exception("hot_door_failed", path=path, request_id=self.name, exc_info=error)
            found = Refusal(Reason.FAULT)
        self.answer(found)

    def answer(self, found: object) -> None:
        """Write the answer, and let the connection's next request come."""
        if self.disconnected:
            return
        if isinstance(found, Refusal):
            response = problem(found)
            status, content = response.status_code, bytes(response.body)
            headers = _lines(tuple(response.raw_headers)) + _NAMED % self.name.encode()
            self._write(status, headers, content)
        else:
            content = found if isinstance(found, bytes) else _encoder.encode(found)
            headers = _JSON_OF % len(content) + _NAMED % self.name.encode()
            self._write(self.door.status, headers, content)

    def _write(self, status: int, headers: bytes, content: bytes) -> None:
        protocol = self.protocol
        everyones = _lines(tuple(protocol.server_state.default_headers))
        ends = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        protocol.transport.write(b"".join((STATUS_LINE[status], everyones, headers, ends, content)))
        self.response_complete = True
        if not self.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()


class HotProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with hot doors before the application."""

    _turn: _Turn | None = None

    def on_headers_complete(self) -> None:
        """Take a turn at a hot door, or begin the usual way."""
        self._turn = None
        hot = _hot_doors(self.config.app)
        under_way: RequestResponseCycle | None = self.cycle
        free = under_way is None or under_way.response_complete
        turn = hot.turn(self) if hot is not None and free and not self.root_path else None
        if turn is None:
            super().on_headers_complete()
            return
        self._turn = turn
        self.cycle = cast("RequestResponseCycle", turn)

    def on_body(self, body: bytes) -> None:
        """A part of the body, which is as long as its header said."""
        if self._turn is None:
            super().on_body(body)
        else:
            self._turn.body += body

    def on_message_complete(self) -> None:
        """Ask at the hot door, or go the usual way with all that has come."""
        turn, self._turn = self._turn, None
        if turn is None:
            super().on_message_complete()
            return
        posted = turn.ask()
        if posted is None:
            self.cycle = turn.before
            super().on_headers_complete()
            super().on_body(turn.body)
            super().on_message_complete()
        elif isinstance(posted, Refusal):
            turn.answer(posted)
        else:
            posted.add_done_callback(turn.decided)


@functools.lru_cache(16)
def _lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def _hot_doors(app: object) -> HotDoors | None:
    found = getattr(app.state, "hot", None) if isinstance(app, Starlette) else None
    return found if isinstance(found, HotDoors) else None
