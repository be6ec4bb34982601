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
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.centre.check.stage import b64, raw_key
from tests.storage.database.test_embedded import kill_server
from tests.support_db import person, plant_park
from tests.support_postgres import cluster
from tests.support_serve import serving, until

from menpiao.storage.database.postgres import postmaster
from menpiao.wire.check import proof_text

ASKERS, EACH = 6, 8
TOTAL = ASKERS * EACH


@pytest.fixture
def folder():
    place = Path(tempfile.mkdtemp(prefix="menpiao-fault-"))
    place.chmod(0o755)
    yield place
    if (place / "postgres").exists():
        kill_server(place)
    shutil.rmtree(place, ignore_errors=True)


def planted(url, **more):
    async def main():
        pool = await asyncpg.create_pool(url, min_size=1, max_size=1)
        park = await plant_park(pool, capacity=1000, **more)
        await pool.close()
        return park

    return asyncio.run(main())


class Askers:
    """People who ask one thing after the other, each again with its key until it is answered."""

    done = 201

    def __init__(self, park, *servers):
        self.park, self.servers = park, servers
        self.answered, self.said, self.unanswered = {}, Counter(), []
        self._threads = [
            threading.Thread(target=self._go, args=(n,), daemon=True) for n in range(ASKERS)
        ]
        for thread in self._threads:
            thread.start()

    def _go(self, asker):
        # What fails here is told by finish(): raised in a thread, it would fail another test.
        for index in range(asker * EACH, (asker + 1) * EACH):
            try:
                self.answered[index] = self.ask(index)
            except AssertionError as error:
                self.unanswered.append(error)
                return

    def ask(self, index):
        for attempt in range(300):
            server = self.servers[(index + attempt) % len(self.servers)]
            try:
                status, body = self.request(server, index)
            except (OSError, HTTPException):  # cut before or within the answer
                status, body = "no answer", {}
            self.said[status, body.get("code")] += 1
            if status == self.done:
                return self.answer(body)
            time.sleep(0.1)
        raise AssertionError(f"never answered: {self.said}")

    def wait_for(self, count):
        until(lambda: len(self.answered) >= count, f"{count} answers: {self.said}")

    def finish(self):
        for thread in self._threads:
            thread.join(90)
        assert not self.unanswered, self.unanswered
        assert len(self.answered) == TOTAL, self.said
        assert {status for status, _ in self.said} <= {self.done, 503, "no answer"}, (
            self.said,
            [server.said() for server in self.servers],
        )


class Buyers(Askers):
    """They buy."""

    def request(self, server, index):
        visitor = {"document_type": "resident_card", "number": person(index), "name": "李样例"}
        order = {
            "token": f"{index:024d}",
            "product_id": self.park.product,
            "slot_id": self.park.slots[0],
            "visitors": [visitor],
            "phone": "13800000000",
        }
        return server.post("/booking/v1/orders", order)

    def answer(self, body):
        return body["order_no"]


class Lanes(Askers):
    """They lay cards: each with a ticket for one, each scan with its own nonce."""

    done = 200

    def __init__(self, park, key, *servers):
        self._head = session(servers[0], park.device, key)
        super().__init__(park, *servers)

    def request(self, server, index):
        ask = {
            "type": "ask",
            "nonce": f"nonce-{index:08d}",
            "gate_id": self.park.gate,
            "credential": {"kind": "resident_card", "number": person(index)},
        }
        return server.post("/check/v1/admissions", ask, **self._head)

    def answer(self, body):
        assert body["admitted"], body
        return body["ticket_no"], body["at"]


def session(server, device, key):
    _, told = server.post("/check/v1/challenges", {})
    proof = {
        "type": "proof",
        "device_id": device,
        "challenge": told["challenge"],
        "signature": b64(key.sign(proof_text(device, told["challenge"]))),
    }
    status, told = server.post("/check/v1/sessions", proof)
    assert status == 200, told
    return {"Authorization": f"Bearer {told['token']}"}


def nothing_lost_nothing_doubled(buyers, url):
    assert len(set(buyers.answered.values())) == TOTAL
    for index in (0, TOTAL // 2, TOTAL - 1):
        assert buyers.ask(index) == buyers.answered[index], "another order for the same key"
    with psycopg.connect(url) as connection:
        figures = connection.execute(
            "SELECT (SELECT count(*) FROM orders), (SELECT count(DISTINCT token) FROM orders),"
            " (SELECT sum(people) FROM ticket), (SELECT sold FROM slot WHERE id = 1)"
        ).fetchone()
    assert figures == (TOTAL, TOTAL, TOTAL, TOTAL)


def embedded_url(folder):
    return f"postgresql://postgres@/menpiao?host={postmaster(folder / 'postgres').socket_folder}"


def test_the_embedded_database_killed_under_load_comes_back_by_itself(folder):
    with serving(folder, "booking") as server:
        url = embedded_url(folder)
        buyers = Buyers(planted(url), server)
        buyers.wait_for(10)
        kill_server(folder)
        buyers.finish()
        nothing_lost_nothing_doubled(buyers, url)
        assert server.process.poll() is None
        until(lambda: "database_started_again" in server.said(), "the start is told")


def test_scans_under_way_when_the_embedded_database_dies_are_answered_once(folder):
    key = Ed25519PrivateKey.generate()
    with serving(folder, "booking", "check") as server:
        url = embedded_url(folder)
        park = planted(url, public_key=raw_key(key))
        Buyers(park, server).finish()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE ticket SET state = 'valid'")
        lanes = Lanes(park, key, server)
        lanes.wait_for(10)
        kill_server(folder)
        lanes.finish()
        assert len({ticket for ticket, _ in lanes.answered.values()}) == TOTAL
        for index in (0, TOTAL - 1):
            assert lanes.ask(index) == lanes.answered[index], "another answer for the same nonce"
        with psycopg.connect(url) as connection:
            figures = connection.execute(
                "SELECT (SELECT count(*) FROM admission), (SELECT sum(used) FROM ticket)"
            ).fetchone()
        assert figures == (TOTAL, TOTAL)


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
            until(lambda: server.status() == 503, "not ready, when its facts are old enough")
            assert server.status("/healthz") == 200
            slots = f"/booking/v1/products/{park.product}/slots?date={park.today}"
            until(lambda: server.status(slots) == 503, "no places without a database")
            store.start()
            buyers.finish()
            nothing_lost_nothing_doubled(buyers, url)
            until(lambda: server.status() == 200, "ready again")
            until(lambda: server.status(slots) == 200, "places again")


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
