"""The visitor's payment code, charged at the till: every outcome, on the simulated platform."""

import secrets

import pytest
from tests.support_db import person

from menpiao.centre.counter.service import Clerk, CounterService
from menpiao.centre.selling.service import SellingService
from menpiao.domain.reasons import Refusal
from menpiao.storage.database.ids import IdBlocks
from menpiao.wire.counter import CounterVisitor, SaleAsked


class Till:
    """A clerk with the counter's service, on a shop."""

    def __init__(self, shop):
        self.shop = shop
        self.clerk = Clerk(shop.park.site, 7)
        ids, centre = IdBlocks(shop.pool), shop.centre
        selling = SellingService(shop.pool, centre.vault, centre.catalogue, ids, shop.now)
        self.counter = CounterService(
            shop.pool, centre.catalogue, selling, ids, {"wechat"}, shop.now
        )

    async def sell(self, behaviour, index=1, token=None):
        issued = await self.shop.steer("auth-codes", {"behaviour": behaviour})
        self.code = issued["auth_code"]
        number = person(index)
        asked = SaleAsked(
            token=token or secrets.token_hex(12),
            product_id=self.shop.park.product,
            slot_id=self.shop.park.slots[0],
            visitors=[CounterVisitor(document_type="resident_card", number=number, name="李样例")],
            means="code",
            auth_code=self.code,
            expected_fen=8000,
        )
        sold = await self.counter.sell(self.clerk, asked)
        assert not isinstance(sold, Refusal), sold
        assert (sold.state, sold.means) == ("awaiting_payment", "code")
        await self.shop.service.send_due()
        return sold.order_no

    async def state(self, number):
        return (await self.counter.order(self.clerk, number)).state

    async def trades(self):
        return [t["trade_state"] for t in await self.shop.steer("trades", method="GET")]

    async def pays(self):
        (trade,) = await self.shop.steer("trades", method="GET")
        await self.shop.steer(f"trades/{trade['out_trade_no']}/pay", {"copies": "none"})


def test_a_code_is_charged_and_kept_nowhere(shop):
    async def scenario(shop):
        till = Till(shop)
        number = await till.sell("pay")
        assert await till.state(number) == "paid"
        for table in ("outbox", "payment", "orders"):
            kept = await shop.pool.fetchval(f"SELECT string_agg(t::text, '') FROM {table} t")
            assert till.code not in (kept or "")
        assert await till.trades() == ["SUCCESS"]
        slip = await till.counter.slip(till.clerk, number)
        assert slip.price_fen == 8000

    shop(scenario)


def test_a_visitor_who_must_type_a_password_is_waited_for(shop):
    async def scenario(shop):
        till = Till(shop)
        number = await till.sell("ask")
        shop.later(seconds=6)
        await shop.service.query_due()
        assert await till.state(number) == "awaiting_payment"
        await till.pays()
        shop.later(seconds=6)
        await shop.service.query_due()
        assert await till.state(number) == "paid"
        assert await shop.tickets(await shop.pool.fetchval("SELECT id FROM orders")) == ["valid"]

    shop(scenario)


@pytest.mark.parametrize("fault", [None, "drop_after", "error_after"])
def test_an_answer_that_is_lost_is_asked_for_and_never_charged_again(shop, fault):
    async def scenario(shop):
        till = Till(shop)
        if fault:
            await shop.fault("codepay", fault)
        number = await till.sell("pay" if fault else "lost")
        assert await till.state(number) == "awaiting_payment"
        shop.later(seconds=6)
        await shop.service.send_due()
        await shop.service.query_due()
        assert await till.state(number) == "paid"
        assert await till.trades() == ["SUCCESS"]

    shop(scenario)


def test_a_refused_code_frees_the_places_and_another_means_sells(shop):
    async def scenario(shop):
        till = Till(shop)
        number = await till.sell("poor")
        ended = await till.counter.order(till.clerk, number)
        assert ended.state == "expired"
        assert ended.trouble
        assert await shop.sold() == 0
        assert await till.state(await till.sell("pay")) == "paid"
        assert await shop.sold() == 1

    shop(scenario)


def test_what_nobody_confirms_is_reversed(shop):
    async def scenario(shop):
        till = Till(shop)
        number = await till.sell("ask")
        shop.later(seconds=46)
        await shop.service.query_due()
        assert await till.trades() == ["REVOKED"]
        assert await till.state(number) == "expired"
        assert await shop.sold() == 0

    shop(scenario)


def test_a_reversal_that_is_not_answered_keeps_the_places(shop):
    async def scenario(shop):
        till = Till(shop)
        number = await till.sell("ask")
        await shop.fault("reverse", "drop_before", times=3)
        shop.later(seconds=46)
        await shop.service.query_due()
        assert await till.state(number) == "awaiting_payment"
        assert await shop.sold() == 1
        await shop.outside.delete("/_sim/faults")
        shop.later(seconds=60)
        await shop.service.query_due()
        assert await till.state(number) == "expired"
        assert await till.trades() == ["REVOKED"]

    shop(scenario)


def test_giving_up_waits_for_the_platforms_fifteen_seconds(shop):
    async def scenario(shop):
        till = Till(shop)
        number = await till.sell("ask")
        shop.later(seconds=3)
        for _ in range(2):
            await till.counter.give_up(till.clerk, number)
        await shop.service.send_due()
        assert await till.trades() == ["USERPAYING"]
        shop.later(seconds=14)
        await shop.service.query_due()
        assert await till.trades() == ["REVOKED"]
        assert await till.state(number) == "expired"

    shop(scenario)


def test_giving_up_what_was_paid_meanwhile_sells(shop):
    async def scenario(shop):
        till = Till(shop)
        number = await till.sell("ask")
        await till.pays()
        shop.later(seconds=20)
        await till.counter.give_up(till.clerk, number)
        await shop.service.send_due()
        assert await till.state(number) == "paid"
        assert await till.trades() == ["SUCCESS"]

    shop(scenario)


def test_a_worker_that_dies_leaves_a_charge_that_is_not_repeated(shop):
    async def scenario(shop):
        till = Till(shop)
        await shop.fault("codepay", "drop_before", times=1)
        number = await till.sell("pay")
        await shop.pool.execute(
            "UPDATE outbox SET state = 'sending', lease_until = $1, done_at = NULL"
            " WHERE kind = 'charge'",
            shop.now(),
        )
        shop.later(seconds=10)
        await shop.service.send_due()
        assert await till.trades() == []
        shop.later(seconds=40)
        await shop.service.query_due()
        assert await till.state(number) == "expired"
        assert await shop.sold() == 0

    shop(scenario)


def test_a_code_nobody_came_to_charge_is_never_charged(shop):
    async def scenario(shop):
        till = Till(shop)
        sent = shop.service.send_due

        async def nothing():
            return 0

        shop.service.send_due = nothing
        number = await till.sell("pay")
        shop.later(seconds=50)
        await shop.service.query_due()
        assert await till.state(number) == "expired"
        await sent()
        assert await till.trades() == []

    shop(scenario)
