"""Unpaid orders end, and their places are free again exactly once, whatever else happens."""

import asyncio

from tests.centre.commerce.shop import until

from menpiao.centre.commerce.service import CommerceService
from menpiao.centre.selling.service import PaymentCore
from menpiao.storage.database import payment_work, payments


async def ended(s, order_id):
    return await s.state(order_id) == "expired" and await s.tickets(order_id) == ["cancelled"]


def without_account(s):
    """A payment server of a centre that has no account at any platform (any more)."""
    core, repayments = PaymentCore(s.pool, s.centre.vault, None, s.now), s.repayments
    return CommerceService(s.pool, core, repayments, s.centre.catalogue, {}, s.now)


def test_without_any_account_an_order_still_ends(shop):
    async def scenario(s):
        order_id = await s.book()
        service = without_account(s)
        assert await service.send_due() == 0, "the row is left to a worker that has an account"
        assert await s.pool.fetchval("SELECT state FROM outbox") == "pending"
        s.later(minutes=14)
        await service.query_due()
        assert await s.sold() == 1
        s.later(minutes=2)
        await service.query_due()
        assert await ended(s, order_id)
        assert await s.sold() == 0

    shop(scenario)


def test_a_code_that_was_shown_is_kept_until_somebody_can_close_it(shop):
    async def scenario(s):
        order_id = await s.offered()
        s.later(minutes=16)
        await without_account(s).query_due()
        assert await s.state(order_id) == "awaiting_payment"
        assert await s.sold() == 1
        s.later(minutes=2)
        await s.service.query_due()
        assert await ended(s, order_id)

    shop(scenario)


def test_places_are_free_while_the_platform_is_away_when_no_code_was_shown(shop):
    async def scenario(s):
        order_id = await s.book()
        await s.fault("native", "drop_after")  # it knows the number, we got no answer
        await s.service.send_due()
        s.later(minutes=16)
        for _ in range(4):
            await s.fault("close", "drop_before")
            await s.fault("query", "drop_before")
        await s.service.query_due()
        assert await ended(s, order_id)
        assert await s.sold() == 0

    shop(scenario)


def test_a_code_that_comes_after_the_end_is_never_shown(shop):
    async def scenario(s):
        order_id = await s.book()
        await s.fault("native", "delay", seconds=1)
        creating = asyncio.create_task(s.service.send_due())
        await asyncio.sleep(0.3)
        s.later(minutes=16)
        await without_account(s).query_due()
        assert await ended(s, order_id)
        await creating
        payment = await s.payment(order_id)
        assert (payment["state"], payment["code_url"]) == ("closed", None)
        assert await s.sold() == 0

    shop(scenario)


def test_many_workers_give_places_back_once(shop):
    async def scenario(s):
        orders = [await s.offered(index) for index in range(1, 9)]
        never = [await s.book(index) for index in range(9, 13)]
        assert await s.sold() == 12
        s.later(minutes=16)
        services = [s.another_service() for _ in range(4)]
        for _ in range(3):
            await asyncio.gather(*(service.query_due() for service in services))
        assert [await ended(s, order_id) for order_id in orders + never] == [True] * 12
        assert await s.sold() == 0

    shop(scenario)


async def close_at_once(s, order_id, count):
    number = (await s.payment(order_id))["out_trade_no"]
    site_id = s.park.site
    closing = [s.payments.close(site_id, number) for _ in range(count)]
    return await asyncio.gather(*closing, return_exceptions=True)


def test_ending_one_order_many_times_at_once_frees_its_places_once(shop):
    async def scenario(s):
        await s.book(1)
        order_id = await s.book(2, visitors=2)
        done = await close_at_once(s, order_id, 6)
        assert sorted(map(bool, done)) == [False] * 5 + [True]
        assert await s.sold() == 1

    shop(scenario)


def test_without_the_lock_places_would_be_freed_twice(shop, monkeypatch):
    """The negative control: with the lock taken out the same race gives more back than was sold."""

    async def unlocked(connection, site_id, out_trade_no):
        row = await connection.fetchrow(
            "SELECT * FROM payment WHERE site_id = $1 AND out_trade_no = $2", site_id, out_trade_no
        )
        await asyncio.sleep(0.2)
        return row

    async def unlocked_order(connection, site_id, order_id):
        row = await connection.fetchrow(
            "SELECT * FROM orders WHERE site_id = $1 AND id = $2", site_id, order_id
        )
        await asyncio.sleep(0.2)
        return row

    async def scenario(s):
        for index in range(1, 11):
            await s.book(index)
        order_id = await s.book(11)
        monkeypatch.setattr(payments, "lock", unlocked)
        monkeypatch.setattr(payments, "lock_order", unlocked_order)
        await close_at_once(s, order_id, 3)
        assert await s.sold() < 10

    shop(scenario)


def test_money_and_the_end_at_the_same_moment_leave_one_of_them(shop):
    async def scenario(s):
        for index in range(1, 7):
            order_id = await s.offered(index)
            payment = await s.payment(order_id)
            number, fen = payment["out_trade_no"], payment["amount_fen"]
            await asyncio.gather(
                s.payments.succeed(s.park.site, number, fen, f"ref{index}"),
                s.payments.close(s.park.site, number),
            )
            # Paid in time, or ended and then revived by the late money: the visitor has the ticket.
            assert await s.state(order_id) == "paid"
            assert await s.tickets(order_id) == ["valid"]
            assert await s.sold() == index

    shop(scenario)


def test_a_free_order_never_ends(shop):
    async def scenario(s):
        await s.pool.execute("UPDATE product SET price_fen = 0")
        await s.centre.catalogue.current(fresh=True)
        order_id = await s.book()
        assert await s.state(order_id) == "paid"
        s.later(days=1)
        await s.service.query_due()
        assert await s.state(order_id) == "paid"
        assert await s.tickets(order_id) == ["valid"]
        assert await s.sold() == 1
        assert await s.messages() == 1

    shop(scenario)


def test_an_order_without_a_payment_is_not_forgotten(shop):
    async def scenario(s):
        order_id = await s.book()
        await s.pool.execute("UPDATE payment SET state = 'failed'")
        await s.service.query_due()
        assert await s.state(order_id) == "awaiting_payment"
        s.later(minutes=16)
        services = [s.another_service() for _ in range(4)]
        await asyncio.gather(*(service.query_due() for service in services))
        assert await ended(s, order_id)
        assert await s.sold() == 0

    shop(scenario)


def test_looking_for_due_payments_does_not_read_the_ended_ones(shop):
    async def scenario(s):
        await s.pool.execute(
            "INSERT INTO payment (site_id, id, order_id, provider, state, amount_fen,"
            " out_trade_no, created_at) SELECT 1, n, n, 'wechat', 'paid', 1, 'P' || n, now()"
            " FROM generate_series(1000000, 1050000) n"
        )
        await s.pool.execute("ANALYZE payment")
        query = payment_work._TAKE.replace("$3", "16")
        plan = await s.pool.fetch("EXPLAIN " + query, s.now(), s.now())
        text = "\n".join(row[0] for row in plan)
        assert "Seq Scan on payment" not in text, text

    shop(scenario)


def test_the_place_of_an_ended_order_is_sold_again_to_the_same_person(shop):
    async def scenario(s):
        await s.offered(1)
        s.later(minutes=16)
        await s.service.query_due()
        again = await s.offered(1)
        await s.pay(again)
        await until(lambda: s.state_is(again, "paid"))
        assert await s.sold() == 1

    shop(scenario, capacity=1)
