"""The simulated platform as a server of its own."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from menpiao.simulation.payment import api, steer, wallet
from menpiao.simulation.payment.platform import Platform, make_platform


async def _health(request: Request) -> Response:
    del request
    return JSONResponse({"ok": True})


async def _root(request: Request) -> Response:
    del request
    return RedirectResponse("/wallet", 303)


def make_app(platform: Platform) -> Starlette:
    """The application: /v3 for the merchant, /wallet for people, /_sim for tests and the demo."""
    own = [Route("/", _root), Route("/healthz", _health)]
    app = Starlette(routes=[*api.routes, *wallet.routes, *steer.routes, *own])
    app.state.platform = platform
    return app


class _Server(uvicorn.Server):
    """A server inside somebody else's process: signals are not its business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class Running:
    """A running platform and where it is, without a trailing slash."""

    platform: Platform
    base_url: str


@contextlib.asynccontextmanager
async def running(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    time_scale: float = 1.0,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Running]:
    """The platform, listening while the block runs; port 0 takes a free one."""
    platform = make_platform(folder, time_scale=time_scale, clock=clock)
    listener = socket.create_server((host, port))
    config = uvicorn.Config(
        make_app(platform), log_level="critical", access_log=False, lifespan="off"
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110 - its only sign
            await asyncio.sleep(0.01)
        yield Running(platform, f"http://{host}:{listener.getsockname()[1]}")
    finally:
        server.should_exit = True
        await serving
        listener.close()
        await platform.close()


async def serve(folder: Path, *, host: str, port: int, time_scale: float = 1.0) -> None:
    """Serve until cancelled."""
    async with running(folder, host=host, port=port, time_scale=time_scale):
        await asyncio.Event().wait()
