"""The lane screen as a page: a browser in kiosk mode on the lane's own computer shows it.

The page, its style and its script are separate files, so that a strict content policy holds.
Views are pushed over a web socket; ``/state.json`` tells the present one, ``/health.json`` how the
lane's parts are.
"""

from __future__ import annotations

import asyncio
import http
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec
import structlog
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from menpiao.terminals.parts.display.base import Data, Signal, View
from menpiao.terminals.parts.display.clips import Clips

log = structlog.get_logger(__name__)

LIVE_PATH: Final = "/live"
_CLIPS: Final = "/clips/"
_STATIC: Final = {
    "/": ("lane.html", "text/html; charset=utf-8"),
    "/lane.css": ("lane.css", "text/css; charset=utf-8"),
    "/lane.js": ("lane.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_STARTING: Final = View(signal=Signal.CAUTION, state="starting", zh="正在启动", en="Starting")
_LOCAL: Final = ("127.0.0.1", "localhost")


class KioskDisplay:
    """A `Display` on ``http://127.0.0.1:{port}/``; port 0: any free one, see `port`.

    ``clips``: the folder of recorded voices, see `clips.Clips`.
    """

    def __init__(self, port: int, host: str = "127.0.0.1", clips: Path | None = None) -> None:
        self._wanted = port
        self._host = host
        self._view = _STARTING
        self._number = 0
        self._data = Data("")
        self._clips = Clips(clips)
        self._screens: set[ServerConnection] = set()
        self._pages = {
            path: (files(__package__).joinpath("static", name).read_bytes(), kind)
            for path, (name, kind) in _STATIC.items()
        }
        self.port = port
        """The port that is served once `ready` is set."""
        self.ready = asyncio.Event()
        self.health: Callable[[], Mapping[str, object]] = dict
        """How the parts are, each by its name: asked when somebody asks."""

    async def run(self) -> None:
        """Serve the page until cancelled; see `base.Display.run`."""
        async with serve(
            self._screen,
            self._host,
            self._wanted,
            process_request=self._page,
            compression=None,
            max_size=1024,
            server_header=None,
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self.ready.set()
            log.info("display_ready", port=self.port)
            await asyncio.get_running_loop().create_future()

    def show(self, view: View) -> None:
        """Push a view to every screen; see `base.Display.show`."""
        self._view = view
        self._number += 1
        broadcast(self._screens, self._text())

    def data(self, data: Data) -> None:
        """Push the data's age to every screen; see `base.Display.data`."""
        if data != self._data:
            self._data = data
            broadcast(self._screens, self._text())

    def _text(self) -> str:
        state = {
            "number": self._number,
            "view": self._view,
            "data": self._data,
            "clips": self._clips.by_key,
        }
        return msgspec.json.encode(state).decode()

    async def _screen(self, screen: ServerConnection) -> None:
        try:
            await screen.send(self._text())
            self._screens.add(screen)
            # A view may have been shown while the first one was being sent.
            await screen.send(self._text())
            async for _ in screen:
                pass  # a screen has nothing to say
        except ConnectionClosed:
            pass
        finally:
            self._screens.discard(screen)

    def _page(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a plain request; None lets a web socket open."""
        path = request.path.partition("?")[0]
        host = request.headers.get("Host", "")
        # Another site's page in a browser here may neither read the lane nor stand in for it.
        if host not in {f"{name}:{self.port}" for name in (*_LOCAL, self._host)}:
            return connection.respond(http.HTTPStatus.FORBIDDEN, "not this host\n")
        if path == LIVE_PATH:
            origin = request.headers.get("Origin")
            if origin is not None and origin != f"http://{host}":
                return connection.respond(http.HTTPStatus.FORBIDDEN, "not this page\n")
            return None
        if path == "/state.json":
            return _response(self._text().encode(), "application/json")
        if path == "/health.json":
            return _response(msgspec.json.encode(self.health()), "application/json")
        if path.startswith(_CLIPS) and (clip := self._clips.read(path.removeprefix(_CLIPS))):
            return _response(*clip, kept_s=3600)
        if path not in self._pages:
            return connection.respond(http.HTTPStatus.NOT_FOUND, "no such page\n")
        return _response(*self._pages[path])


def _response(body: bytes, kind: str, kept_s: int = 0) -> Response:
    headers = Headers()
    headers["Content-Type"] = kind
    headers["Content-Length"] = str(len(body))
    headers["Content-Security-Policy"] = _POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cache-Control"] = f"max-age={kept_s}" if kept_s else "no-store"
    headers["Connection"] = "close"
    return Response(http.HTTPStatus.OK.value, http.HTTPStatus.OK.phrase, headers, body)
