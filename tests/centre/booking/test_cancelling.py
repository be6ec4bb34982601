"""Giving up and giving back, through the machine doors."""

import asyncio
import secrets

import httpx
import pytest
from tests.support_db import FreshDatabase, person, plant_park, run

from menpiao.compose.centre import CentreApp
from menpiao.domain.ticket import parse_serial


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


class Booth:
    """A centre, a park in it, and a buyer's browser."""

    def __init__(self, centre, park, client):
        self.centre, self.park, self.client = centre, park, client
        self.pool = centre.pool

    async def book(self, *people):
        """An unpaid order: its number, and the header that opens it."""
        body = {
            "token": secrets.token_hex(12),
            "product_id": self.park.product,
            "slot_id": self.park.slots[0],
            "visitors": [
                {"document_type": "resident_card", "number": number, "name": "李样例"}
                for number in people
            ],
            "phone": "13800000000",
        }
        made = (await self.client.post("/booking/v1/orders", json=body)).json()
        return made["order_no"], {"X-Order-Secret": made["secret"]}

    async def pay(self, order_no):
        number, amount_fen = await self.pool.fetchrow(
            "SELECT out_trade_no, amount_fen FROM payment WHERE order_id = $1",
            parse_serial(order_no),
        )
        await self.centre.payments.succeed(self.park.site, number, amount_fen, "there")

    async def paid(self, *people):
        order_no, proof = await self.book(*people)
        await self.pay(order_no)
        return order_no, proof

    async def cancel(self, order, body=None):
        order_no, proof = order
        address = f"/booking/v1/orders/{order_no}/cancellation"
        return await self.client.post(address, headers=proof, json=body or {})

    async def quote(self, order, body=None):
        order_no, proof = order
        address = f"/booking/v1/orders/{order_no}/refund-quotes"
        return await self.client.post(address, headers=proof, json=body or {})

    async def view(self, order):
        order_no, proof = order
        return (await self.client.get(f"/booking/v1/orders/{order_no}", headers=proof)).json()

    async def sold(self):
        return await self.pool.fetchval("SELECT sum(sold) FROM slot")

    async def returned(self):
        return await self.pool.fetchval("SELECT coalesce(sum(amount_fen), 0) FROM refund")

    async def rule(self, *steps):
        """A ladder of the product: (seconds before the end, percent)."""
        for before_end_s, percent in steps:
            await self.pool.execute(
                "INSERT INTO refund_step (product_id, before_end_s, percent) VALUES ($1, $2, $3)",
                self.park.product,
                before_end_s,
                percent,
            )
        await self.centre.catalogue.current(fresh=True)


@pytest.fixture
def booth(database):
    """``play(scenario)``: a scenario at a booth, on a database of its own."""

    def play(scenario, **park):
        async def main():
            app = CentreApp(database.settings, jobs=())
            async with app.app.router.lifespan_context(app.app):
                planted = await plant_park(app.centre.pool, **park)
                transport = httpx.ASGITransport(app.app)
                async with httpx.AsyncClient(
                    transport=transport, base_url="http://centre"
                ) as client:
                    return await scenario(Booth(app.centre, planted, client))

        return run(main())

    return play


def test_an_unpaid_order_gives_its_places_back_at_once(booth):
    async def scenario(b):
        order = await b.book(person(1), person(2))
        assert await b.sold() == 2
        assert (await b.view(order))["cancellable"]
        answer = await b.cancel(order)
        assert answer.status_code == 200
        assert answer.json()["state"] == "cancelled"
        assert {t["state"] for t in answer.json()["tickets"]} == {"cancelled"}
        assert not answer.json()["cancellable"]
        assert await b.sold() == 0
        # No code was ever shown: nothing has to be closed at the platform.
        assert await b.pool.fetchval("SELECT state FROM payment") == "closed"
        again = await b.book(person(1), person(2))
        assert (await b.view(again))["state"] == "awaiting_payment"

    booth(scenario)


def test_a_code_that_was_shown_is_closed_at_the_platform(booth):
    async def scenario(b):
        order = await b.book(person(1))
        await b.pool.execute("UPDATE payment SET state = 'pending', code_url = 'weixin://x'")
        view = (await b.cancel(order)).json()
        assert (view["state"], view["code_url"]) == ("cancelled", None)
        assert await b.sold() == 0
        rows = await b.pool.fetch("SELECT kind FROM outbox WHERE kind = 'close'")
        assert len(rows) == 1

    booth(scenario)


def test_money_for_a_given_up_order_goes_back(booth):
    async def scenario(b):
        order = await b.book(person(1))
        await b.pool.execute("UPDATE payment SET state = 'pending', code_url = 'weixin://x'")
        await b.cancel(order)
        await b.pay(order[0])
        view = await b.view(order)
        assert view["state"] == "cancelled"
        assert [(r["amount_fen"], r["state"]) for r in view["refunds"]] == [(8000, "requested")]
        assert await b.sold() == 0

    booth(scenario)


def test_a_paid_order_is_given_back_by_the_rule_of_its_product(booth):
    async def scenario(b):
        await b.rule((24 * 3600, 100), (0, 80))
        order = await b.paid(person(1), person(2))
        view = await b.view(order)
        assert [t["refund_fen"] for t in view["tickets"]] == [6400, 6400]
        assert (await b.quote(order)).json() == {"refund_fen": 12800}
        assert await b.returned() == 0
        wrong = await b.cancel(order, {"expected_fen": 16000})
        assert (wrong.status_code, wrong.json()["code"]) == (409, "refund_changed")
        done = await b.cancel(order, {"expected_fen": 12800})
        assert done.status_code == 200
        assert done.json()["state"] == "refunding"
        assert await b.returned() == 12800
        again = await b.cancel(order, {"expected_fen": 12800})
        assert again.json() == done.json()
        assert await b.returned() == 12800

    booth(scenario)


def test_one_ticket_of_several_is_given_back(booth):
    async def scenario(b):
        order = await b.paid(person(1), person(2), person(3))
        numbers = [t["ticket_no"] for t in (await b.view(order))["tickets"]]
        part = {"tickets": numbers[:1]}
        assert (await b.quote(order, part)).json() == {"refund_fen": 8000}
        view = (await b.cancel(order, part)).json()
        assert [t["state"] for t in view["tickets"]] == ["refunding", "valid", "valid"]
        busy = await b.cancel(order, {"tickets": numbers[1:2]})
        assert (busy.status_code, busy.json()["code"]) == (422, "refunding")
        assert (await b.cancel(order, part)).json() == view
        assert await b.returned() == 8000

    booth(scenario)


def test_what_cannot_be_given_back_is_said(booth):
    async def scenario(b):
        used = await b.paid(person(1))
        await b.pool.execute("UPDATE ticket SET used = 1")
        answer = await b.cancel(used)
        assert (answer.status_code, answer.json()["code"]) == (422, "ticket_in_use")
        assert not (await b.view(used))["cancellable"]
        other = await b.paid(person(2), person(3))
        foreign = (await b.view(used))["tickets"][0]["ticket_no"]
        answer = await b.cancel(other, {"tickets": [foreign]})
        assert (answer.json()["code"], answer.json()["field"]) == ("not_refundable", "tickets")
        await b.rule((0, 0))
        assert (await b.cancel(other)).json()["code"] == "not_refundable"
        unpaid = await b.book(person(4), person(5))
        one = (await b.view(unpaid))["tickets"][0]["ticket_no"]
        assert (await b.cancel(unpaid, {"tickets": [one]})).json()["code"] == "unpaid"
        await b.pool.execute("UPDATE orders SET channel = 'counter' WHERE state = 'paid'")
        view = await b.view(other)
        assert not view["cancellable"]
        assert (await b.cancel(other)).json()["code"] == "not_refundable"
        assert await b.returned() == 0

    booth(scenario)


def test_children_are_not_left_alone(booth):
    async def scenario(b):
        await b.pool.execute("UPDATE product SET minor_age = 16")
        await b.centre.catalogue.current(fresh=True)
        child = person(9, born=b.park.today.replace(year=b.park.today.year - 8, day=1))
        order = await b.paid(person(1), child)
        grown, small = [t["ticket_no"] for t in (await b.view(order))["tickets"]]
        refused = await b.cancel(order, {"tickets": [grown]})
        assert (refused.status_code, refused.json()["code"]) == (422, "minor_alone")
        assert (await b.cancel(order, {"tickets": [small]})).status_code == 200

    booth(scenario)


def test_a_free_order_gives_its_places_back_at_once(booth):
    async def scenario(b):
        old = b.park.today.replace(year=b.park.today.year - 80, day=1)
        order = await b.book(person(1, born=old))
        assert (await b.view(order))["state"] == "paid"
        assert (await b.cancel(order, {"expected_fen": 0})).json()["state"] == "refunded"
        assert await b.sold() == 0

    booth(scenario)


def test_many_askings_at_once_give_back_once(booth):
    async def scenario(b):
        order = await b.paid(person(1), person(2))
        answers = await asyncio.gather(*(b.cancel(order) for _ in range(12)))
        assert {a.status_code for a in answers} == {200}
        assert {a.json()["state"] for a in answers} == {"refunding"}
        assert await b.returned() == 16000
        unpaid = await b.book(person(3))
        answers = await asyncio.gather(*(b.cancel(unpaid) for _ in range(12)))
        assert {a.json()["state"] for a in answers} == {"cancelled"}
        assert await b.sold() == 2

    booth(scenario)


def test_whoever_tries_secrets_is_stopped(booth):
    async def scenario(b):
        order_no, _ = await b.paid(person(1))
        stranger = (order_no, {"X-Order-Secret": "0" * 24})
        assert (await b.cancel(stranger)).json()["code"] == "order_unknown"
        codes = [(await b.quote(stranger)).status_code for _ in range(110)]
        assert codes[0] == 404
        assert codes[-1] == 429
        assert (await b.cancel(stranger)).status_code == 429
        assert await b.returned() == 0

    booth(scenario)
