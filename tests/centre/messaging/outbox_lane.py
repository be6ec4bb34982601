"""A park with paid orders, a simulated operator and messaging workers, on a real PostgreSQL."""

import asyncio
import contextlib
from datetime import UTC, datetime

from tests.centre.messaging.cmpp_lane import NUMBER, account, operator, until
from tests.support_db import plant_park

from menpiao.centre.messaging.cmpp.channel import CmppChannel
from menpiao.centre.messaging.jobs import work
from menpiao.centre.messaging.service import Limits, MessagingService
from menpiao.storage.crypto import Vault
from menpiao.storage.database.catalogue import Catalogue
from menpiao.storage.database.connect import open_pool
from menpiao.storage.database.ids import IdBlocks
from menpiao.storage.database.payments import queue_confirmation
from menpiao.storage.keys import load_keys

FINAL = {"delivered", "failed", "dead"}
QUICK = Limits(backoff_first_s=0.2, answer_wait_s=0.6, lease_s=20)


def utc_now():
    return datetime.now(UTC)


class Lane:
    """What a test holds on to."""

    def __init__(self, database, pool, simulated, port):
        self.pool, self.operator, self.port = pool, simulated, port
        self.vault = Vault(load_keys(database.settings.key_file))
        self.park = None
        self.orders = 0

    def service(self, limits=QUICK, clock=utc_now, **changes):
        channel = CmppChannel(account(self.port, **changes))
        return MessagingService(
            self.pool, self.vault, Catalogue(self.pool), IdBlocks(self.pool), channel, clock,
            limits=limits,
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def working(self, service=None, **changes):
        """A worker at work; it is asked to stop at the end."""
        service = service or self.service(**changes)
        task = asyncio.create_task(work(service, poll_s=0.02, tidy_s=0.1, patience_s=2))
        try:
            yield service
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def order(self, phone=NUMBER, language="zh-hans", state="paid", people=2):
        """An order of ``people`` for the first slot; its number."""
        self.orders += 1
        order_id = 500_000 + self.orders
        await self.pool.execute(
            "INSERT INTO orders (site_id, id, token, token_digest, channel, state, product_id,"
            " slot_id, visit_date, people, total_fen, phone_sealed, language, created_at)"
            " VALUES ($1, $2, $3, '', 'booking', $4, $5, $6, $7, $8, 0, $9, $10, $11)",
            self.park.site,
            order_id,
            f"token{order_id}",
            state,
            self.park.product,
            self.park.slots[0],
            self.park.today,
            people,
            self.vault.seal(phone, f"orders.phone:{order_id}"),
            language,
            utc_now(),
        )
        return order_id

    async def queue(self, order_id, row_id=None, now=None):
        """The confirmation of an order, as a payment queues it; the row's number."""
        row_id = row_id or order_id + 100_000
        async with self.pool.acquire() as connection:
            order = await connection.fetchrow("SELECT * FROM orders WHERE id = $1", order_id)
            await queue_confirmation(connection, self.vault, order, row_id, now or utc_now())
        return row_id

    async def confirm(self, **order):
        return await self.queue(await self.order(**order))

    async def row(self, row_id):
        return await self.pool.fetchrow("SELECT * FROM outbox WHERE id = $1", row_id)

    async def becomes(self, row_id, *states, timeout_s=10.0):
        """The row, once it is in one of these states."""
        async with asyncio.timeout(timeout_s):
            while True:
                row = await self.row(row_id)
                if row["state"] in states:
                    return row
                assert row["state"] not in FINAL, dict(row)
                await asyncio.sleep(0.02)

    async def receipts(self):
        return await self.pool.fetch("SELECT * FROM outbox_receipt ORDER BY received_at, id")


@contextlib.asynccontextmanager
async def lane(database, **plan):
    """A park, an operator that behaves by ``plan``, and an open pool."""
    pool = await open_pool(database.url, 8)
    try:
        async with operator(**plan) as (simulated, port):
            found = Lane(database, pool, simulated, port)
            found.park = await plant_park(pool)
            yield found
    finally:
        await pool.close()


__all__ = ["NUMBER", "QUICK", "Lane", "lane", "until", "utc_now"]
