"""The agent on the clerk's computer (patent part 101): reader, scanner, printer for the page.

It listens on this computer alone, and talks to pages of the sites that it was told. What is read
goes to the page that connected last: the one in front of the clerk.
"""

from __future__ import annotations

import asyncio
import http
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from menpiao.terminals.counter.messages import (
    Card,
    Code,
    Fault,
    Print,
    Printed,
    State,
    Unreadable,
    slip_of,
)
from menpiao.terminals.parts.printer.base import Printer
from menpiao.terminals.parts.reader.base import (
    CardPresented,
    CardUnreadable,
    Reader,
    ReaderEvent,
    ReaderFault,
    ReaderReady,
)
from menpiao.terminals.parts.scanner.base import CodeScanned, Scanner, ScannerEvent
from menpiao.wire.unreadable import UNREADABLE

log = structlog.get_logger(__name__)

_LONGEST: Final = 65_536
HEALTH_PATH: Final = "/health.json"
"""Asked on this computer by whoever looks after it, not by pages: how the devices are."""
_encoder = msgspec.json.Encoder()
_print = msgspec.json.Decoder(Print)


@dataclass(frozen=True, slots=True)
class CounterParts:
    """What a counter is made of."""

    reader: Reader
    printer: Printer | None = None
    scanner: Scanner | None = None


class CounterAgent:
    """Serves pages of ``origins`` on ``ws://127.0.0.1:{port}/``; port 0: any, see `port`."""

    def __init__(self, port: int, origins: Sequence[str], parts: CounterParts) -> None:
        self._wanted = port
        self._origins = {origin.rstrip("/") for origin in origins}
        self._parts = parts
        self._pages: list[ServerConnection] = []
        self.port = port
        """The port that is served once `ready` is set."""
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled; raises OSError (in a group) when the port is taken."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(), name="pages")
            tasks.create_task(self._parts.reader.run(self._read), name="reader")
            if self._parts.scanner is not None:
                tasks.create_task(self._parts.scanner.run(self._scanned), name="scanner")

    async def _listen(self) -> None:
        async with serve(
            self._page,
            "127.0.0.1",
            self._wanted,
            process_request=self._admit,
            max_size=_LONGEST,
            compression=None,
            server_header=None,
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self.ready.set()
            log.info("counter_ready", port=self.port)
            await asyncio.get_running_loop().create_future()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Pages of the named sites alone: whoever connects sees documents."""
        origins = request.headers.get_all("Origin")
        hosts = {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}
        here = request.headers.get("Host") in hosts
        if here and set(origins) & self._origins:
            return None
        if here and not origins and request.path == HEALTH_PATH:
            # Says nothing of people; no page of another site can read it.
            told = connection.respond(http.HTTPStatus.OK, _text(self._state()))
            del told.headers["Content-Type"]
            told.headers["Content-Type"] = "application/json"
            return told
        log.warning("page_refused")
        return connection.respond(http.HTTPStatus.FORBIDDEN, "not this page\n")

    async def _page(self, page: ServerConnection) -> None:
        self._pages.append(page)
        try:
            await page.send(_text(self._state()))
            async for frame in page:
                await self._take(page, frame)
        except ConnectionClosed:
            pass
        finally:
            self._pages.remove(page)

    async def _take(self, page: ServerConnection, frame: str | bytes) -> None:
        try:
            asked = _print.decode(frame)
        except UNREADABLE as error:
            # The decoder's message names the field and the rule, never the value.
            await page.send(_text(Fault(text=str(error))))
            return
        if self._parts.printer is None:
            await page.send(_text(Printed(id=asked.id, status="failed", reason="no_printer")))
            return
        outcome = await self._parts.printer.print_slip(slip_of(asked.slip))
        answer = Printed(id=asked.id, status=outcome.status.value, reason=outcome.reason)
        await page.send(_text(answer))

    def _read(self, event: ReaderEvent) -> None:
        match event:
            case CardPresented(card):
                self._tell(Card(kind=card.document_type, number=card.number, name=card.name))
            case CardUnreadable(reason):
                self._tell(Unreadable(reason=reason.value))
            case ReaderFault() | ReaderReady():
                broadcast(self._pages, _text(self._state()))

    def _scanned(self, event: ScannerEvent) -> None:
        if isinstance(event, CodeScanned):
            self._tell(Code(text=event.text))
        else:
            broadcast(self._pages, _text(self._state()))

    def _tell(self, message: msgspec.Struct) -> None:
        broadcast(self._pages[-1:], _text(message))

    def _state(self) -> State:
        scanner = self._parts.scanner
        return State(
            reader=self._parts.reader.state.value, scanner=scanner.state.value if scanner else ""
        )


def _text(message: msgspec.Struct) -> str:
    return _encoder.encode(message).decode()
