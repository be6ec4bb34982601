"""Money in: created, paid, lost, doubled, late; on a real database, against a real server."""

import asyncio

import pytest
from tests.centre.commerce.shop import until

from menpiao.centre.commerce import jobs
from menpiao.domain.reasons import Refusal


def test_a_notification_settles_the_order(shop):
    async def scenario(s):
        order_id = await s.offered(visitors=2)
        payment = await s.payment(order_id)
        assert payment["code_url"].startswith("weixin://")
        assert (await s.tickets(order_id)) == ["held", "held"]
        await s.pay(order_id)
        await until(lambda: s.state_is(order_id, "paid"))
        assert await s.tickets(order_id) == ["valid", "valid"]
        assert await s.messages() == 1
        kept = await s.pool.fetchrow("SELECT * FROM provider_event")
        assert kept["kind"] == "TRANSACTION.SUCCESS"
        assert b"ciphertext" in kept["body"]
        await until(s.answers)
        assert await s.answers() == [204]

    shop(scenario)


def test_copies_of_a_notification_settle_once(shop):
    async def scenario(s):
        order_id = await s.offered()
        await s.pay(order_id, copies="none")
        notice = (await s.steer("notices", method="GET"))[0]["id"]
        answers = await asyncio.gather(*(s.steer(f"notices/{notice}/send") for _ in range(12)))
        assert {a["status"] for a in answers} == {204}
        assert await s.state(order_id) == "paid"
        assert await s.messages() == 1
        assert await s.pool.fetchval("SELECT count(*) FROM provider_event") == 1

    shop(scenario)


def test_notifications_and_queries_at_once_settle_once(shop):
    async def scenario(s):
        order_id = await s.offered()
        await s.pay(order_id, copies="none")
        notice = (await s.steer("notices", method="GET"))[0]["id"]
        s.later(seconds=6)
        other = s.another_service()
        await asyncio.gather(
            s.service.query_due(),
            other.query_due(),
            *(s.steer(f"notices/{notice}/send") for _ in range(6)),
        )
        assert (await s.payment(order_id))["state"] == "paid"
        assert await s.messages() == 1

    shop(scenario)


def test_a_lost_notification_is_made_good_by_the_query(shop):
    async def scenario(s):
        order_id = await s.offered()
        await s.pay(order_id, copies="none")
        assert await s.service.query_due() == 0  # not due before its time
        s.later(seconds=5.5)
        assert await s.service.query_due() == 1
        assert await s.state(order_id) == "paid"
        assert await s.tickets(order_id) == ["valid"]

    shop(scenario)


def test_questions_come_at_their_times_and_end_at_the_expiry(shop):
    async def scenario(s):
        order_id = await s.offered()
        asked = []
        for second in range(1, 1100, 5):
            s.later(seconds=5)
            if await s.service.query_due():
                asked.append(second // 5 * 5 + 5)
            if await s.state(order_id) == "expired":
                break
        assert asked[:6] == pytest.approx([5, 15, 30, 60, 180, 600], abs=6)
        assert asked[6] == pytest.approx(900, abs=10)
        assert len(asked) == 7

    shop(scenario)


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "error_after", "bad_signature"])
def test_a_lost_answer_to_create_is_asked_again_with_the_same_words(shop, kind):
    async def scenario(s):
        order_id = await s.book()
        await s.fault("native", kind)
        await s.service.send_due()
        payment = await s.payment(order_id)
        assert (payment["state"], payment["unknown"]) == ("created", True)
        await s.pool.execute("UPDATE product SET name = '另一个名字'")
        await s.centre.catalogue.current(fresh=True)
        assert await s.service.send_due() == 0
        s.later(seconds=2)
        await s.service.send_due()
        assert (await s.payment(order_id))["state"] == "pending"
        trades = await s.steer("trades", method="GET")
        assert [t["amount"]["total"] for t in trades] == [8000]

    shop(scenario)


def test_a_worker_that_dies_while_creating_is_replaced(shop):
    async def scenario(s):
        order_id = await s.book()
        await s.fault("native", "delay", seconds=30)
        dying = asyncio.create_task(s.service.send_due())
        await asyncio.sleep(0.2)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        assert await s.another_service().send_due() == 0  # still leased
        s.later(seconds=61)
        await s.another_service().send_due()
        assert (await s.payment(order_id))["state"] == "pending"

    shop(scenario)


def test_many_workers_create_each_payment_once(shop):
    async def scenario(s):
        orders = [await s.book(index) for index in range(1, 9)]
        services = [s.another_service() for _ in range(4)]
        taken = await asyncio.gather(*(service.send_due() for service in services))
        assert sum(taken) == len(orders)
        assert {(await s.payment(o))["state"] for o in orders} == {"pending"}

    shop(scenario)


def test_a_refused_create_gives_the_places_back(shop):
    async def scenario(s):
        order_id = await s.book()
        assert await s.sold() == 1
        s.sim.platform.book.appid = "wx-moved-away"  # the account no longer fits
        await s.service.send_due()
        payment = await s.payment(order_id)
        assert payment["state"] == "failed"
        assert await s.state(order_id) == "expired"
        assert await s.sold() == 0

    shop(scenario)


def test_an_unpaid_order_is_closed_there_before_its_places_are_free(shop):
    async def scenario(s):
        order_id = await s.offered()
        s.later(minutes=16)
        await s.fault("close", "error")
        await s.service.query_due()
        assert await s.state(order_id) == "awaiting_payment"
        assert await s.sold() == 1  # the platform has not confirmed: nothing is given back
        s.later(minutes=1)
        await s.service.query_due()
        assert await s.state(order_id) == "expired"
        assert await s.tickets(order_id) == ["cancelled"]
        assert await s.sold() == 0
        trades = await s.steer("trades", method="GET")
        assert trades[0]["trade_state"] == "CLOSED"

    shop(scenario)


def test_an_order_paid_in_its_last_moment_is_paid(shop):
    async def scenario(s):
        order_id = await s.offered()
        await s.pay(order_id, copies="none")  # and no notification comes
        s.later(minutes=16)
        await s.service.query_due()  # close says: it is paid
        assert await s.state(order_id) == "paid"
        assert (await s.payment(order_id))["state"] == "paid"
        assert await s.sold() == 1

    shop(scenario)


def test_an_order_the_platform_never_heard_of_expires(shop):
    async def scenario(s):
        order_id = await s.book()
        s.later(minutes=16)
        await s.service.send_due()  # too late to be sent
        await s.service.query_due()
        assert await s.state(order_id) == "expired"
        assert await s.sold() == 0
        assert await s.steer("trades", method="GET") == []

    shop(scenario)


def test_late_money_gets_its_tickets_back_while_places_are_free(shop):
    async def scenario(s):
        order_id = await s.offered(visitors=2)
        s.later(minutes=16)
        await s.service.query_due()
        assert await s.state(order_id) == "expired"
        await s.pay(order_id, late=True)
        await until(lambda: s.state_is(order_id, "paid"))
        assert (await s.payment(order_id))["state"] == "paid_late"
        assert await s.tickets(order_id) == ["valid", "valid"]
        assert await s.sold() == 2
        assert await s.refund_row(order_id) is None

    shop(scenario)


def test_late_money_for_places_that_are_gone_goes_back(shop):
    async def scenario(s):
        order_id = await s.offered(index=1)
        s.later(minutes=16)
        await s.service.query_due()
        other = await s.offered(index=2)  # takes the last place
        await s.pay(order_id, late=True)
        await until(lambda: has_refund(s, order_id))
        assert await s.state(order_id) == "expired"
        assert await s.tickets(order_id) == ["cancelled"]
        assert await s.state(other) == "awaiting_payment"
        assert await s.sold() == 1
        await s.service.send_due()
        assert (await s.refund_row(order_id))["state"] == "submitted"
        await until(lambda: s.refund_is(order_id, "done"))
        assert await s.state(order_id) == "expired"
        assert await s.sold() == 1

    shop(scenario, time_scale=20.0, capacity=1)


def test_late_money_for_a_document_booked_anew_goes_back(shop):
    async def scenario(s):
        order_id = await s.offered(index=1)
        s.later(minutes=16)
        await s.service.query_due()
        await s.offered(index=1)  # the same visitor books again
        await s.pay(order_id, late=True)
        await until(lambda: has_refund(s, order_id))
        assert await s.state(order_id) == "expired"
        assert await s.sold() == 1

    shop(scenario)


async def has_refund(s, order_id):
    return await s.refund_row(order_id) is not None


def test_a_buyer_gives_an_order_up(shop):
    async def scenario(s):
        order_id = await s.offered()
        payment = await s.payment(order_id)
        await s.pool.execute(
            "INSERT INTO outbox (site_id, id, channel, kind, key, ref_id, payload, due_at,"
            " created_at) VALUES ($1, 1, 'payment', 'close', 'payment.close:1', $2, '{}', $3, $3)",
            payment["site_id"],
            payment["id"],
            s.now(),
        )
        await s.service.send_due()
        assert await s.state(order_id) == "expired"
        assert await s.sold() == 0

    shop(scenario)


def test_money_of_another_amount_is_refused_and_changes_nothing(shop):
    async def scenario(s):
        order_id = await s.offered()
        number = (await s.payment(order_id))["out_trade_no"]
        s.sim.platform.book.trades[number].total_fen = 1
        await s.pay(order_id, copies="none")
        notice = (await s.steer("notices", method="GET"))[0]["id"]
        assert (await s.steer(f"notices/{notice}/send"))["status"] == 403
        assert await s.state(order_id) == "awaiting_payment"
        outcome = await s.payments.succeed(s.park.site, number, 1, "x")
        assert isinstance(outcome, Refusal)

    shop(scenario)


def test_the_loops_do_all_of_it_by_themselves(shop, monkeypatch):
    monkeypatch.setattr(jobs, "SEND_EVERY_S", 0.02)
    monkeypatch.setattr(jobs, "QUERY_EVERY_S", 0.02)

    async def scenario(s):
        work = asyncio.create_task(jobs.work(s.service))
        try:
            order_id = await s.book()
            await until(lambda: payment_is(s, order_id, "pending"))
            await s.pay(order_id, copies="none")
            s.later(seconds=6)
            await until(lambda: s.state_is(order_id, "paid"))
            await s.repayments.request(s.park.site, order_id)
            await until(lambda: s.refund_is(order_id, "done"))
            assert await s.state(order_id) == "refunded"
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    shop(scenario, time_scale=50.0)


async def payment_is(s, order_id, state):
    return (await s.payment(order_id))["state"] == state
