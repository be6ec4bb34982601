"""A server that sells on what it left itself: others' changes are met, and answered rightly."""

import asyncio
import secrets

import httpx
import pytest
from tests.support_db import FreshDatabase, person, plant_park, run

from menpiao.compose.centre import CentreApp
from menpiao.storage.database import sales


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


@pytest.fixture
def looks(monkeypatch):
    """How often a batch looked before it was decided."""
    counted = []

    async def look(*args):
        counted.append(args)
        return await real(*args)

    real = sales.lock_and_look
    monkeypatch.setattr(sales, "lock_and_look", look)
    return counted


class Window:
    """A buyer's end of one server."""

    def __init__(self, client, park):
        self.client, self.park = client, park

    async def buy(self, *who, slot=0, token=None):
        visitors = [
            {"document_type": "resident_card", "number": person(i), "name": "李样例", "people": 1}
            for i in who
        ]
        return await self.client.post(
            "/booking/v1/orders",
            json={
                "token": token or secrets.token_hex(12),
                "product_id": self.park.product,
                "slot_id": self.park.slots[slot],
                "visitors": visitors,
                "phone": "13800000000",
            },
        )


def with_window(database, walk, capacity=50):
    async def main():
        app = CentreApp(database.settings)
        async with app.app.router.lifespan_context(app.app):
            pool = app.centre.pool
            park = await plant_park(pool, capacity=capacity)
            transport = httpx.ASGITransport(app.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://centre") as client:
                await walk(Window(client, park), pool)

    run(main())


def test_only_the_first_sale_looks(database, looks):
    async def walk(window, pool):
        for i in range(8):
            assert (await window.buy(i)).status_code == 201
        assert len(looks) == 1
        assert await pool.fetchval("SELECT sold FROM slot WHERE id = 1") == 8

    with_window(database, walk)


def test_a_slot_made_smaller_meanwhile_is_met(database, looks):
    async def walk(window, pool):
        for i in range(3):
            assert (await window.buy(i)).status_code == 201
        await pool.execute("UPDATE slot SET capacity = 3")
        refused = await window.buy(4)
        assert refused.status_code == 409
        assert refused.json()["code"] == "slot_full"
        assert len(looks) == 2
        assert await pool.fetchval("SELECT count(*) FROM orders") == 3

    with_window(database, walk)


def test_places_given_back_meanwhile_are_sold(database):
    async def walk(window, pool):
        assert (await window.buy(1)).status_code == 201
        assert (await window.buy(2)).status_code == 201
        assert (await window.buy(3)).status_code == 409
        await pool.execute("UPDATE slot SET sold = sold - 1 WHERE id = 1")
        await pool.execute("UPDATE day_capacity SET sold = sold - 1 WHERE sold > 0")
        assert (await window.buy(4)).status_code == 201
        assert (await window.buy(5)).status_code == 409

    with_window(database, walk, capacity=2)


def test_a_token_and_a_document_that_came_before_are_known(database, looks):
    async def walk(window, pool):
        first = await window.buy(1, token="a" * 24)
        assert (await window.buy(2)).status_code == 201
        again = await window.buy(1, token="a" * 24)
        assert again.status_code == 201
        assert again.json()["order_no"] == first.json()["order_no"]
        twice = await window.buy(3, 1)
        assert twice.status_code == 409
        assert twice.json()["code"] == "duplicate_document"
        assert len(looks) >= 3
        assert await pool.fetchval("SELECT count(*) FROM ticket") == 2
        assert await pool.fetchval("SELECT sold FROM slot WHERE id = 1") == 2

    with_window(database, walk)


def test_others_in_between_make_it_look_more_often(database, looks):
    async def walk(window, pool):
        for i in range(40):
            assert (await window.buy(i)).status_code == 201
            await pool.execute("UPDATE slot SET sold = sold + 1 WHERE id = 1")
        assert await pool.fetchval("SELECT sold FROM slot WHERE id = 1") == 80
        # Of 40 in a row that all find it moved, few are done twice: 1, 2, 4, 8, 16 look between.
        assert len(looks) >= 35

    with_window(database, walk, capacity=500)


async def somebody_waits(pool):
    """Until a session of this database waits for another's lock."""
    waits = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(10):
        while not await pool.fetchval(waits):  # noqa: ASYNC110 - the data store tells nobody
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("taken", [0, 1])
@pytest.mark.parametrize("table", ["day_capacity", "slot"])
def test_a_sale_that_had_to_wait_sees_what_was_left_for_it(database, looks, table, taken):
    async def walk(window, pool):
        assert (await window.buy(1)).status_code == 201
        async with pool.acquire() as other, other.transaction():
            await other.execute(f"UPDATE {table} SET sold = sold + $1 WHERE sold > 0", taken)
            buying = asyncio.create_task(window.buy(2))
            await somebody_waits(pool)
        assert (await buying).status_code == 201
        # It was decided on what stood before; only where that has moved it is decided again.
        assert len(looks) == 1 + taken
        assert await pool.fetchval(f"SELECT sum(sold) FROM {table}") == 2 + taken

    with_window(database, walk)


def test_a_batch_of_several_slots_is_sold_without_a_look(database, looks):
    async def walk(window, pool):
        for slot in (0, 1):
            assert (await window.buy(slot, slot=slot)).status_code == 201
        before = len(looks)
        who = range(10, 50)
        answers = await asyncio.gather(*(window.buy(i, slot=i % 2) for i in who))
        assert {answer.status_code for answer in answers} == {201}
        assert len(looks) == before
        assert await pool.fetchval("SELECT array_agg(sold ORDER BY id) FROM slot") == [21, 21]

    with_window(database, walk)
