"""Doors in one process, work in others: an order is paid and told, or ended, whoever dies."""

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
from datetime import timedelta

import asyncpg
import httpx
import msgspec
import pytest
from tests.support_db import FreshDatabase, person, plant_park, run
from tests.support_ports import free_port

from menpiao.centre.commerce.doors import NOTIFICATIONS
from menpiao.simulation import sms
from menpiao.simulation.payment import make_merchant, running, wallet_path

PHONE = "13800001234"
WITHIN_S = 25.0


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


async def until(check, within_s=WITHIN_S):
    async with asyncio.timeout(within_s):
        while not (seen := await check()):  # noqa: ASYNC110 - it happens in other processes
            await asyncio.sleep(0.05)
        return seen


class House:
    """A centre as processes of its own, with the platform and the operator it has accounts at."""

    def __init__(self, database, platform, operator, folder, **settings):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes = []
        account = make_merchant(
            folder, base_url=platform.base_url, notify_url=self.url + NOTIFICATIONS
        )
        accounts = {"WECHAT": account, "SMS": operator.account()}
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("MENPIAO_")}
        self.environment |= {
            f"MENPIAO_{section}_{key.upper()}": str(value)
            for section, account in accounts.items()
            for key, value in msgspec.to_builtins(account).items()
        }
        self.environment |= {
            "MENPIAO_DATABASE_URL": database.url,
            "MENPIAO_DATA_DIR": str(folder / "data"),
            "MENPIAO_HTTP_PORT": str(self.port),
        } | settings

    async def start(self, *arguments):
        """A command of menpiao, ready to be asked at the port that is given back."""
        port = self.port if arguments[0] == "serve" else free_port()
        process = subprocess.Popen(  # noqa: ASYNC220 - started at once, waited for elsewhere
            [sys.executable, "-m", "menpiao", *arguments],
            env=self.environment | {"MENPIAO_WORK_PORT": str(port)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.processes.append(process)
        async with httpx.AsyncClient() as http:

            async def ready():
                assert process.poll() is None, "it ended"
                with contextlib.suppress(httpx.TransportError):
                    return (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200

            await until(ready)
        return process

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


@contextlib.asynccontextmanager
async def house(database, folder, **settings):
    async with running(folder) as platform, sms.running() as operator:
        home = House(database, platform, operator, folder, **settings)
        home.operator, home.platform = operator.operator, platform
        home.pool = await asyncpg.create_pool(database.url, min_size=1, max_size=2)
        try:
            async with httpx.AsyncClient(base_url=home.url, timeout=15) as home.http:
                yield home
        finally:
            home.stop()
            await home.pool.close()


async def book(home, park, index):
    visitor = {"document_type": "resident_card", "number": person(index), "name": "李样例"}
    order = {
        "token": secrets.token_hex(12),
        "product_id": park.product,
        "slot_id": park.slots[0],
        "visitors": [visitor],
        "phone": PHONE,
    }
    return await home.http.post("/booking/v1/orders", json=order)


async def view(home, booked):
    head = {"X-Order-Secret": booked["secret"]}
    answer = await home.http.get(f"/booking/v1/orders/{booked['order_no']}", headers=head)
    return answer.raise_for_status().json()


async def places(home, park):
    path = f"/booking/v1/products/{park.product}/slots?date={park.today}"
    slots = (await home.http.get(path)).raise_for_status().json()
    return next(slot["remaining"] for slot in slots if slot["id"] == park.slots[0])


async def pay(home, code_url):
    wallet = home.platform.base_url + wallet_path(code_url)
    async with httpx.AsyncClient(follow_redirects=True) as visitor:
        page = str((await visitor.get(wallet)).url)
        (await visitor.post(page, data={"action": "pay"})).raise_for_status()


def test_an_unpaid_order_ends_and_its_place_is_sold_to_the_next(database, tmp_path):
    async def main():
        settings = {"MENPIAO_SELLING_PAY_WITHIN_S": "6"}
        async with house(database, tmp_path, **settings) as home:
            park = await plant_park(home.pool, capacity=1)
            await home.start("serve", "booking", "commerce")
            never_offered = (await book(home, park, 1)).raise_for_status().json()
            assert await places(home, park) == 0
            refused = await book(home, park, 2)
            assert (refused.status_code, refused.json()["code"]) == (409, "slot_full")
            await asyncio.sleep(1.5)
            seen = await view(home, never_offered)
            assert seen["code_url"] is None, "a process with doors alone does no work"

            workers = [await home.start("work") for _ in range(2)]
            await until(lambda: is_in(home, never_offered, "expired"))
            assert await places(home, park) == 1

            offered = (await book(home, park, 2)).raise_for_status().json()
            assert (await until(lambda: code(home, offered))).startswith("weixin://")
            workers[0].kill()
            await until(lambda: is_in(home, offered, "expired"))
            assert await places(home, park) == 1

            paid = (await book(home, park, 1)).raise_for_status().json()
            await pay(home, await until(lambda: code(home, paid)))
            await until(lambda: is_in(home, paid, "paid"))
            await until(lambda: told(home, paid))
            await asyncio.sleep(7)
            assert (await view(home, paid))["state"] == "paid"
            assert await places(home, park) == 0
            sold = await home.pool.fetchval("SELECT sum(sold) FROM slot")
            assert sold == await home.pool.fetchval("SELECT sum(sold) FROM day_capacity") == 1
            assert len(home.operator.inbox(PHONE)) == 1

            workers[1].send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(workers[1].wait, 20) == 0

    run(main())


async def is_in(home, booked, state):
    return (await view(home, booked))["state"] == state


async def code(home, booked):
    return (await view(home, booked))["code_url"]


async def told(home, booked):
    return any(booked["order_no"] in text for text in home.operator.inbox(PHONE))


def test_a_message_is_sent_by_the_messaging_server_alone(database, tmp_path):
    async def main():
        async with house(database, tmp_path) as home:
            park = await plant_park(home.pool)
            await home.pool.execute("UPDATE product SET price_fen = 0")
            await home.start("serve", "booking")
            free = (await book(home, park, 1)).raise_for_status().json()
            assert free["state"] == "paid"
            await home.start("work", "payments", "figures", "slots")
            await asyncio.sleep(1.5)
            assert not home.operator.inbox(PHONE)
            home.port = free_port()
            home.environment |= {"MENPIAO_HTTP_PORT": str(home.port)}
            await home.start("serve", "messaging")
            await until(lambda: told(home, free))

    run(main())


def test_slots_are_laid_out_as_far_as_something_is_sold(database, tmp_path):
    async def main():
        async with house(database, tmp_path) as home:
            park = await plant_park(home.pool)
            await home.pool.execute("UPDATE product SET sale_days = 3")
            await home.pool.execute(
                "INSERT INTO slot_plan (product_id, starts_at, ends_at, capacity)"
                " VALUES ($1, '08:00', '12:00', 40), ($1, '12:00', '17:00', 60)",
                park.product,
            )
            await asyncio.gather(*(home.start("work", "slots") for _ in range(2)))
            planned = (
                "SELECT visit_date - $1::date AS ahead, count(*) AS slots, sum(capacity) AS places"
                " FROM slot WHERE id > 2 GROUP BY 1 ORDER BY 1"
            )

            async def laid():
                return len(await home.pool.fetch(planned, park.today)) == 5

            await until(laid)
            await asyncio.sleep(0.5)
            rows = [tuple(row) for row in await home.pool.fetch(planned, park.today)]
            assert rows == [(n, 2, 100) for n in range(5)]
            assert await home.pool.fetchval("SELECT count(*) FROM day_capacity") == 5
            starts = await home.pool.fetchval(
                "SELECT min(starts_at AT TIME ZONE 'Asia/Shanghai')::time::text FROM slot"
                " WHERE id > 2"
            )
            assert starts == "08:00:00"

    run(main())


def test_a_barred_number_is_forgotten_when_its_last_day_has_passed(database, tmp_path):
    async def main():
        async with house(database, tmp_path) as home:
            park = await plant_park(home.pool)

            async def bar(identifier, ends):
                await home.pool.execute(
                    "INSERT INTO barred (site_id, id, holder_hash, document_sealed, reason,"
                    " barred_at, until) VALUES ($1, $2, $3, 'sealed', '',"
                    " now() - interval '9 days', now() + $4::interval)",
                    *(park.site, identifier, bytes([identifier] * 16), ends),
                )

            async def kept():
                query = "SELECT id FROM barred WHERE document_sealed IS NOT NULL ORDER BY id"
                return [r["id"] for r in await home.pool.fetch(query)]

            await bar(1, timedelta(seconds=-1))
            await bar(2, timedelta(hours=1))
            await bar(3, None)
            await bar(4, timedelta(days=-8))
            await home.start("work", "payments")
            assert await kept() == [1, 2, 3, 4]
            await home.start("work", "retention")

            async def done():
                return await kept() == [2, 3]

            await until(done)
            hashes = "SELECT count(DISTINCT holder_hash) FROM barred"
            assert await home.pool.fetchval(hashes) == 4

    run(main())


def test_a_job_that_does_not_exist_is_named(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "menpiao", "work", "payment"],
        env=os.environ | {"MENPIAO_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert (
        "no such job: payment; there are payments, messages, figures, slots, retention"
        in done.stderr
    )
