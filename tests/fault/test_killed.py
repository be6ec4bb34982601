"""Killed under load: the database, a server. What was answered is there, once; the rest is asked
again with the same key."""

import asyncio
import secrets
import shutil
import tempfile
import threading
import time
from collections import Counter
from http.client import HTTPException
from pathlib import Path

import asyncpg
import psycopg
import pytest
from tests.storage.database.test_embedded import kill_server
from tests.support_db import person, plant_park
from tests.support_postgres import cluster
from tests.support_serve import serving, until

from menpiao.storage.database.postgres import postmaster

BUYERS, ORDERS = 6, 8


@pytest.fixture
def folder():
    place = Path(tempfile.mkdtemp(prefix="menpiao-fault-"))
    place.chmod(0o755)
    yield place
    if (place / "postgres").exists():
        kill_server(place)
    shutil.rmtree(place, ignore_errors=True)


def planted(url):
    async def main():
        pool = await asyncpg.create_pool(url, min_size=1, max_size=1)
        park = await plant_park(pool, capacity=1000)
        await pool.close()
        return park

    return asyncio.run(main())


class Buyers:
    """People who buy one after the other, and ask again with the same key until it is answered."""

    def __init__(self, park, *servers):
        self._park, self._servers = park, servers
        self.answered, self.said = {}, Counter()
        self._threads = [
            threading.Thread(target=self._buy, args=(n,), daemon=True) for n in range(BUYERS)
        ]
        for thread in self._threads:
            thread.start()

    def _order(self, index):
        visitor = {"document_type": "resident_card", "number": person(index), "name": "李样例"}
        return {
            "token": f"{index:024d}",
            "product_id": self._park.product,
            "slot_id": self._park.slots[0],
            "visitors": [visitor],
            "phone": "13800000000",
        }

    def _buy(self, buyer):
        for index in range(buyer * ORDERS, (buyer + 1) * ORDERS):
            self.answered[index] = self.ask(index)

    def ask(self, index):
        for attempt in range(300):
            server = self._servers[(index + attempt) % len(self._servers)]
            try:
                status, body = server.post("/booking/v1/orders", self._order(index))
            except (OSError, HTTPException):  # cut before or within the answer
                status, body = "no answer", {}
            self.said[status, body.get("code")] += 1
            if status == 201:
                return body["order_no"]
            time.sleep(0.1)
        raise AssertionError(f"never answered: {self.said}")

    def wait_for(self, count):
        until(lambda: len(self.answered) >= count, f"{count} answers: {self.said}")

    def finish(self, *also):
        for thread in self._threads:
            thread.join(90)
        assert len(self.answered) == BUYERS * ORDERS, self.said
        assert {status for status, _ in self.said} <= {201, 503, "no answer", *also}, (
            self.said,
            [server.said() for server in self._servers],
        )


def nothing_lost_nothing_doubled(buyers, url):
    total = BUYERS * ORDERS
    assert len(set(buyers.answered.values())) == total
    for index in (0, total // 2, total - 1):
        assert buyers.ask(index) == buyers.answered[index], "another order for the same key"
    with psycopg.connect(url) as connection:
        figures = connection.execute(
            "SELECT (SELECT count(*) FROM orders), (SELECT count(DISTINCT token) FROM orders),"
            " (SELECT sum(people) FROM ticket), (SELECT sold FROM slot WHERE id = 1)"
        ).fetchone()
    assert figures == (total, total, total, total)


def embedded_url(folder):
    return f"postgresql://postgres@/menpiao?host={postmaster(folder / 'postgres').socket_folder}"


def test_the_embedded_database_killed_under_load_comes_back_by_itself(folder):
    with serving(folder, "booking") as server:
        url = embedded_url(folder)
        buyers = Buyers(planted(url), server)
        buyers.wait_for(10)
        kill_server(folder)
        # A request that meets the very moment of the death may be told a fault instead of 503:
        # it asks again with its key all the same.
        buyers.finish(500)
        nothing_lost_nothing_doubled(buyers, url)
        assert server.process.poll() is None
        assert "database_started_again" in server.said()


@pytest.mark.needs("postgres")
def test_a_database_that_stays_away_is_said_and_met_again(folder):
    with cluster() as store:
        with psycopg.connect(store.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE menpiao")
        url = store.database("menpiao")
        with serving(folder, "booking", MENPIAO_DATABASE_URL=url) as server:
            park = planted(url)
            buyers = Buyers(park, server)
            buyers.wait_for(10)
            store.kill()
            until(lambda: buyers.said[503, "busy"], f"503 with a reason: {buyers.said}")
            assert server.status() == 503
            assert server.status("/healthz") == 200
            slots = f"/booking/v1/products/{park.product}/slots?date={park.today}"
            assert server.status(slots) == 503
            store.start()
            buyers.finish()
            nothing_lost_nothing_doubled(buyers, url)
            until(lambda: server.status() == 200, "ready again")
            assert server.status(slots) == 200


def test_a_server_killed_under_load_is_stood_in_for_by_another(folder):
    with serving(folder, "booking") as one, serving(folder, "booking") as two:
        url = embedded_url(folder)
        buyers = Buyers(planted(url), one, two)
        buyers.wait_for(10)
        one.kill()
        buyers.finish()
        assert buyers.said["no answer", None] > 0
        nothing_lost_nothing_doubled(buyers, url)
        # Both are asked for one new key at once, by turns: one order.
        key = secrets.randbelow(40)
        assert buyers.ask(key) == buyers.answered[key]
