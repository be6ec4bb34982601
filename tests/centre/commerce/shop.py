"""A centre on a real database, its payment server, and the simulated platform, over real HTTP."""

import asyncio
import contextlib
import secrets
from datetime import UTC, datetime, timedelta

import httpx
from starlette.applications import Starlette
from tests.support_db import person, plant_park

from menpiao.centre.booking.service import BookingService
from menpiao.centre.commerce.api import CommerceApi
from menpiao.centre.commerce.service import CommerceService
from menpiao.centre.commerce.wechat.client import WechatPay
from menpiao.centre.selling.service import PaymentCore, RefundCore, SellingService
from menpiao.simulation.payment import make_merchant, running
from menpiao.storage.database.ids import IdBlocks
from menpiao.wire.booking import BookingRequest, Visitor


async def until(check, within_s=10.0):
    """Wait for something that happens elsewhere."""
    async with asyncio.timeout(within_s):
        while not await check():  # noqa: ASYNC110 - it happens in a database or another server
            await asyncio.sleep(0.02)


class Shop:
    """Everything a scenario of money needs; ``later`` moves the clock of both worlds."""

    def __init__(self, database, folder, serving, time_scale=1.0):
        self.database = database
        self.folder = folder
        self.serving = serving
        self.time_scale = time_scale
        self.ahead = timedelta()

    def now(self):
        return datetime.now(UTC) + self.ahead

    def later(self, **span):
        self.ahead += timedelta(**span)

    @contextlib.asynccontextmanager
    async def open(self, **park):
        async with contextlib.AsyncExitStack() as stack:
            self.centre = await stack.enter_async_context(self.database.centre())
            self.pool = self.centre.pool
            self.park = await plant_park(self.pool, **park)
            self.sim = await stack.enter_async_context(
                running(
                    self.folder,
                    time_scale=self.time_scale,
                    clock=lambda: self.now().timestamp(),
                )
            )
            app = Starlette()
            self.url = await stack.enter_async_context(self.serving(app))
            self.notify_url = self.url + "/commerce/v1/notifications/wechat"
            self.account = make_merchant(
                self.folder, base_url=self.sim.base_url, notify_url=self.notify_url
            )
            self.http = await stack.enter_async_context(WechatPay.http_client())
            self.service = self.another_service()
            app.router.routes.extend(CommerceApi(self.service).routes())
            self.outside = await stack.enter_async_context(
                httpx.AsyncClient(base_url=self.sim.base_url, trust_env=False)
            )
            yield self

    def another_service(self):
        """One more payment server beside the others."""
        ids = IdBlocks(self.pool)
        centre = self.centre
        selling = SellingService(self.pool, centre.vault, centre.catalogue, ids, self.now)
        self.booking = BookingService(
            self.pool, centre.vault, centre.catalogue, selling, b"links", self.now
        )
        self.repayments = RefundCore(self.pool, centre.vault, ids, self.now)
        self.payments = PaymentCore(self.pool, self.centre.vault, ids, self.now)
        return CommerceService(
            self.pool,
            self.payments,
            self.repayments,
            self.centre.catalogue,
            {"wechat": WechatPay(self.account, self.http, self.now)},
            self.now,
        )

    async def steer(self, path, body=None, method="POST"):
        reply = await self.outside.request(method, f"/_sim/{path}", json=body or {})
        assert reply.status_code < 300, reply.text
        return reply.json() if reply.content else None

    async def fault(self, operation, kind, **more):
        await self.steer("faults", {"operation": operation, "kind": kind, **more})

    async def book(self, index=1, visitors=1):
        """A sold, unpaid order of so many visitors."""
        request = BookingRequest(
            token=secrets.token_hex(12),
            product_id=self.park.product,
            slot_id=self.park.slots[0],
            visitors=[
                Visitor(document_type="resident_card", number=person(index + n), name="李样例")
                for n in range(visitors)
            ],
            phone="13800000000",
        )
        booked = await self.booking.book(request)
        return booked.order_id

    async def offered(self, index=1, visitors=1):
        """An order whose code is shown to the visitor."""
        order_id = await self.book(index, visitors)
        assert await self.service.send_due() >= 1
        payment = await self.payment(order_id)
        assert payment["state"] == "pending"
        return order_id

    async def paid(self, index=1, visitors=1):
        order_id = await self.offered(index, visitors)
        await self.pay(order_id, copies="none")
        self.later(seconds=6)
        await self.service.query_due()
        assert await self.state(order_id) == "paid"
        return order_id

    async def pay(self, order_id, **how):
        number = (await self.payment(order_id))["out_trade_no"]
        await self.steer(f"trades/{number}/pay", how)

    async def payment(self, order_id):
        return await self.pool.fetchrow("SELECT * FROM payment WHERE order_id = $1", order_id)

    async def refund_row(self, order_id):
        return await self.pool.fetchrow("SELECT * FROM refund WHERE order_id = $1", order_id)

    async def state(self, order_id):
        return await self.pool.fetchval("SELECT state FROM orders WHERE id = $1", order_id)

    async def tickets(self, order_id):
        rows = await self.pool.fetch(
            "SELECT state FROM ticket WHERE order_id = $1 ORDER BY id", order_id
        )
        return [row["state"] for row in rows]

    async def sold(self):
        """Places taken, by slot and by day; they are always equal in this park."""
        slot = await self.pool.fetchval("SELECT sum(sold) FROM slot")
        day = await self.pool.fetchval("SELECT sum(sold) FROM day_capacity")
        assert slot == day
        return slot

    async def messages(self):
        return await self.pool.fetchval("SELECT count(*) FROM outbox WHERE channel = 'sms'")

    async def state_is(self, order_id, state):
        return await self.state(order_id) == state

    async def refund_is(self, order_id, state):
        row = await self.refund_row(order_id)
        return row is not None and row["state"] == state

    async def answers(self):
        """What the first notification has been answered so far."""
        return (await self.steer("notices", method="GET"))[0]["answers"]
