"""Never more tickets than the slot, never more people than the ticket: over HTTP, with controls."""

import asyncio
import secrets

import httpx
import pytest
from tests.support_db import FreshDatabase, person, plant_park, run

from menpiao.centre.check.identity import Identity
from menpiao.compose.centre import CentreApp, utc_now


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


@pytest.fixture(autouse=True)
def dawdle(monkeypatch):
    """Widen the window between reading and recording, with the locks and without them."""
    from menpiao.storage.database import admissions, sales

    def slowed(function):
        async def slow(*args):
            found = await function(*args)
            await asyncio.sleep(0.03)
            return found

        return slow

    monkeypatch.setattr(sales, "lock_and_look", slowed(sales.lock_and_look))
    monkeypatch.setattr(admissions, "lock_tickets", slowed(admissions.lock_tickets))


def client_of(app):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app.app), base_url="http://centre")


def booking(park, index, slot=None, token=None, people=1):
    return {
        "token": token or secrets.token_hex(12),
        "product_id": park.product,
        "slot_id": slot or park.slots[0],
        "visitors": [
            {
                "document_type": "resident_card",
                "number": person(index),
                "name": "李样例",
                "people": people,
            }
        ],
        "phone": "13800000000",
    }


async def two_centres(database):
    """Two servers beside each other on one database, as in production."""
    one, two = CentreApp(database.settings), CentreApp(database.settings)
    return one, two


def unchecked(monkeypatch):
    """Let capacity be written over whatever others left of it."""
    from menpiao.storage.database import sales

    bare = sales.CLOSING.prepare
    for check in (sales._UNMOVED_DAY, sales._UNMOVED_SLOT):
        assert check in bare
        bare = bare.replace(check, "")
    monkeypatch.setattr(sales.CLOSING, "prepare", bare)


async def rush(database, *, capacity, buyers):
    one, two = await two_centres(database)
    async with one.app.router.lifespan_context(one.app), two.app.router.lifespan_context(two.app):
        park = await plant_park(one.centre.pool, capacity=capacity)
        async with client_of(one) as left, client_of(two) as right:
            answers = await asyncio.gather(
                *(
                    (left, right)[i % 2].post("/booking/v1/orders", json=booking(park, i))
                    for i in range(buyers)
                )
            )
        sold = await one.centre.pool.fetchval("SELECT sum(people) FROM ticket")
        counted = await one.centre.pool.fetchval("SELECT sold FROM slot WHERE id = 1")
    return answers, sold, counted


def test_a_slot_is_never_oversold(database):
    answers, sold, counted = run(rush(database, capacity=40, buyers=150))
    codes = sorted(a.status_code for a in answers)
    assert codes.count(201) == 40
    assert codes.count(409) == 110
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"slot_full"}
    assert sold == counted == 40


def test_without_the_lock_the_race_oversells(database, monkeypatch):
    """The control: the same rush, with the lock and the check as it is written off."""
    from menpiao.storage.database import sales

    monkeypatch.setattr(sales, "_LOOK", sales._LOOK.replace("FOR NO KEY UPDATE", ""))
    unchecked(monkeypatch)
    answers, sold, _ = run(rush(database, capacity=40, buyers=150))
    assert sold > 40
    assert sum(a.status_code == 201 for a in answers) == sold


async def in_turn(database, *, capacity, buyers):
    """Two servers that sell one slot by turns: what each left is never what it finds."""
    one, two = await two_centres(database)
    async with one.app.router.lifespan_context(one.app), two.app.router.lifespan_context(two.app):
        park = await plant_park(one.centre.pool, capacity=capacity)
        async with client_of(one) as left, client_of(two) as right:
            answers = [
                await (left, left, right)[i % 3].post(
                    "/booking/v1/orders", json=booking(park, i, park.slots[0])
                )
                for i in range(buyers)
            ]
        sold = await one.centre.pool.fetchval("SELECT sum(people) FROM ticket")
        counted = await one.centre.pool.fetchval("SELECT sold FROM slot WHERE id = 1")
    return [a.status_code for a in answers], sold, counted


def test_servers_that_take_turns_sell_what_there_is(database):
    codes, sold, counted = run(in_turn(database, capacity=20, buyers=30))
    assert codes == [201] * 20 + [409] * 10
    assert sold == counted == 20


def test_without_the_check_what_was_left_is_sold_again(database, monkeypatch):
    """The control: the locks stand, and a batch is decided on what this process left."""
    unchecked(monkeypatch)
    _, sold, counted = run(in_turn(database, capacity=20, buyers=30))
    assert sold > 20
    assert counted < sold


def test_the_same_token_gives_the_same_order(database):
    async def main():
        one, two = await two_centres(database)
        async with (
            one.app.router.lifespan_context(one.app),
            two.app.router.lifespan_context(two.app),
        ):
            park = await plant_park(one.centre.pool)
            body = booking(park, 1)
            async with client_of(one) as left, client_of(two) as right:
                answers = await asyncio.gather(
                    *((left, right)[i % 2].post("/booking/v1/orders", json=body) for i in range(20))
                )
                other = booking(park, 2, token=body["token"])
                reused = await left.post("/booking/v1/orders", json=other)
            count = await one.centre.pool.fetchval("SELECT count(*) FROM orders")
        return answers, reused, count

    answers, reused, count = run(main())
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["order_no"] for a in answers}) == 1
    assert reused.status_code == 409
    assert reused.json()["code"] == "token_reused"
    assert count == 1


def test_one_document_buys_once_a_day(database):
    async def main():
        one, two = await two_centres(database)
        async with (
            one.app.router.lifespan_context(one.app),
            two.app.router.lifespan_context(two.app),
        ):
            park = await plant_park(one.centre.pool)
            async with client_of(one) as left, client_of(two) as right:
                return await asyncio.gather(
                    *(
                        (left, right)[i % 2].post(
                            "/booking/v1/orders", json=booking(park, 7, slot=park.slots[i % 2])
                        )
                        for i in range(20)
                    )
                )

    answers = run(main())
    assert sorted(a.status_code for a in answers) == [201] + [409] * 19
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"duplicate_document"}


async def crowd_at_gates(database, *, people, asks):
    one, two = await two_centres(database)
    async with one.app.router.lifespan_context(one.app), two.app.router.lifespan_context(two.app):
        pool = one.centre.pool
        park = await plant_park(pool, people_per_document=people)
        async with client_of(one) as left, client_of(two) as right:
            made = await left.post("/booking/v1/orders", json=booking(park, 3, people=people))
            assert made.status_code == 201, made.text
            await pool.execute("UPDATE ticket SET state = 'valid'")
            token, _ = Identity(one.centre.keys.get("device_tokens")).token(park.device, utc_now())
            head = {"Authorization": f"Bearer {token}"}
            body = {
                "type": "ask",
                "gate_id": park.gate,
                "people": 1,
                "credential": {"kind": "resident_card", "number": person(3)},
            }
            answers = await asyncio.gather(
                *(
                    (left, right)[i % 2].post(
                        "/check/v1/admissions",
                        headers=head,
                        json=body | {"nonce": f"nonce-{i:04d}"},
                    )
                    for i in range(asks)
                )
            )
            again = await right.post(
                "/check/v1/admissions", headers=head, json=body | {"nonce": "nonce-0000"}
            )
        used = await pool.fetchval("SELECT used FROM ticket")
        scans = await pool.fetchval("SELECT count(*) FROM admission")
    return answers, again, used, scans


def test_never_more_people_than_the_ticket(database):
    answers, again, used, scans = run(crowd_at_gates(database, people=5, asks=60))
    assert {a.status_code for a in answers} == {200}
    admitted = [a.json() for a in answers if a.json()["admitted"]]
    assert len(admitted) == 5
    assert sorted(a["remaining"] for a in admitted) == [0, 1, 2, 3, 4]
    assert {a.json()["reason"] for a in answers if not a.json()["admitted"]} == {"already_used"}
    assert used == 5
    assert scans == 60
    assert again.json() == answers[0].json()


def test_without_the_lock_too_many_enter(database, monkeypatch):
    """The control: with the row lock off, two servers let in more people than the ticket has."""
    from menpiao.storage.database import admissions

    monkeypatch.setattr(admissions, "_LOCK", admissions._LOCK.replace("FOR NO KEY UPDATE", ""))
    answers, _, _, _ = run(crowd_at_gates(database, people=5, asks=60))
    assert sum(a.json()["admitted"] for a in answers) > 5
