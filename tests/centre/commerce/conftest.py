"""A simulated platform on the loopback, and a client that is configured for it."""

import asyncio
import contextlib
import socket
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from menpiao.centre.commerce.provider import PaymentRequest
from menpiao.centre.commerce.wechat.client import WechatPay
from menpiao.simulation.payment import make_merchant, running


@pytest.fixture(scope="session")
def merchant_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("merchant")
    make_merchant(folder)
    return folder


class Stage:
    """A running platform, the client under test, and a receiver of notifications."""

    def __init__(self, folder, **options):
        self.folder = folder
        self.options = options
        self.received = []
        self.status = 204
        self.arrived = asyncio.Event()
        self.numbers = iter(range(1, 10_000))

    async def _receive(self, request):
        self.received.append((dict(request.headers), await request.body()))
        self.arrived.set()
        return Response(status_code=self.status)

    @contextlib.asynccontextmanager
    async def open(self):
        async with contextlib.AsyncExitStack() as stack:
            self.sim = await stack.enter_async_context(running(self.folder, **self.options))
            app = Starlette(routes=[Route("/notify", self._receive, methods=["POST"])])
            self.notify_url = await stack.enter_async_context(serving(app)) + "/notify"
            self.account = make_merchant(
                self.folder, base_url=self.sim.base_url, notify_url=self.notify_url
            )
            self.http = await stack.enter_async_context(WechatPay.http_client())
            self.client = WechatPay(self.account, self.http)
            self.raw = await stack.enter_async_context(
                httpx.AsyncClient(base_url=self.sim.base_url, trust_env=False)
            )
            yield self

    def request(self, **changes):
        wanted = {
            "payment_ref": f"P{next(self.numbers):012d}",
            "amount_fen": 8000,
            "description": "成人票 & 儿童票",
            "expires_at": datetime.now(UTC) + timedelta(minutes=15),
        }
        return PaymentRequest(**(wanted | changes))

    async def steer(self, path, body=None, method="POST"):
        reply = await self.raw.request(method, f"/_sim/{path}", json=body or {})
        assert reply.status_code < 300, reply.text
        return reply.json() if reply.content else None

    async def fault(self, operation, kind, **more):
        await self.steer("faults", {"operation": operation, "kind": kind, **more})

    async def paid_order(self, **changes):
        request = self.request(**changes)
        assert (await self.client.create_qr(request)).code_url
        await self.steer(f"trades/{request.payment_ref}/pay", {"copies": "none"})
        return request

    async def notifications(self, count, within_s=5.0):
        async with asyncio.timeout(within_s):
            while len(self.received) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return self.received


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):
        yield


@contextlib.asynccontextmanager
async def serving(app):
    listener = socket.create_server(("127.0.0.1", 0))
    server = _Quiet(uvicorn.Config(app, log_level="critical", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn gives no other sign
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


@pytest.fixture
def stage(merchant_folder):
    """``play(scenario, **options)`` runs an async scenario on an open stage."""

    def play(scenario, **options):
        async def main():
            async with Stage(merchant_folder, **options).open() as stage:
                return await scenario(stage)

        return asyncio.run(main())

    return play


@pytest.fixture
def shop(tmp_path, merchant_folder):
    """``play(scenario, **options)``: a scenario on a real database of its own."""
    from tests.centre.commerce.shop import Shop
    from tests.support_db import FreshDatabase

    database = FreshDatabase(tmp_path)

    def play(scenario, *, time_scale=1.0, **park):
        async def main():
            async with Shop(database, merchant_folder, serving, time_scale).open(
                **park
            ) as open_shop:
                return await scenario(open_shop)

        return asyncio.run(main())

    yield play
    database.drop()
