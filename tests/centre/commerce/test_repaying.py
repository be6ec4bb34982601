"""Money out: refunds once each, whatever is lost on the way; tickets void first."""

import asyncio

import asyncpg
import pytest
from tests.centre.commerce.shop import until

from menpiao.centre.selling.service import RefundAsked, RefundAsker
from menpiao.domain.reasons import Reason, Refusal
from menpiao.storage.database import payments, refunds


async def ticket_ids(s, order_id):
    rows = await s.pool.fetch("SELECT id FROM ticket WHERE order_id = $1 ORDER BY id", order_id)
    return [row["id"] for row in rows]


def test_a_refund_voids_first_and_frees_places_last(shop):
    async def scenario(s):
        order_id = await s.paid(visitors=2)
        asked = await s.repayments.request(s.park.site, order_id)
        assert asked == RefundAsked(asked.refund_id, 16000, done=False)
        assert await s.tickets(order_id) == ["refunding", "refunding"]
        assert await s.state(order_id) == "refunding"
        assert await s.sold() == 2
        await s.service.send_due()
        assert await s.refund_is(order_id, "submitted")
        await until(lambda: s.refund_is(order_id, "done"))  # told by a notification
        assert await s.tickets(order_id) == ["refunded", "refunded"]
        assert await s.state(order_id) == "refunded"
        assert await s.sold() == 0
        kinds = await s.pool.fetch("SELECT kind FROM provider_event")
        assert [k["kind"] for k in kinds] == ["REFUND.SUCCESS"]

    shop(scenario, time_scale=20.0)


def test_part_of_an_order_goes_back_and_the_rest_stays_valid(shop):
    async def scenario(s):
        order_id = await s.paid(visitors=3)
        first, *_ = await ticket_ids(s, order_id)
        asked = await s.repayments.request(s.park.site, order_id, [first])
        assert asked.amount_fen == 8000
        await s.service.send_due()
        await until(lambda: s.refund_is(order_id, "done"))
        assert await s.tickets(order_id) == ["refunded", "valid", "valid"]
        assert await s.state(order_id) == "paid"
        assert await s.sold() == 2
        again = await s.repayments.request(s.park.site, order_id, [first])
        assert again.reason is Reason.REFUNDED

    shop(scenario, time_scale=20.0)


async def rush_of_clerks(s):
    order_id = await s.paid(visitors=2)
    outcomes = await asyncio.gather(
        *(s.repayments.request(s.park.site, order_id) for _ in range(6)), return_exceptions=True
    )
    returned = await s.pool.fetchval("SELECT coalesce(sum(amount_fen), 0) FROM refund")
    return outcomes, returned


@pytest.fixture
def dawdle(monkeypatch):
    """Widen the window between the last look and the writing."""
    looking = refunds.lock_tickets

    async def slow(*args):
        found = await looking(*args)
        await asyncio.sleep(0.1)
        return found

    monkeypatch.setattr(refunds, "lock_tickets", slow)


def test_several_clerks_refund_the_same_order_once(shop, dawdle):
    outcomes, returned = shop(rush_of_clerks)
    assert len([o for o in outcomes if isinstance(o, RefundAsked)]) == 1
    assert {o.reason for o in outcomes if isinstance(o, Refusal)} == {Reason.REFUNDING}
    assert returned == 16000


def test_without_locks_the_money_would_go_back_twice(shop, dawdle, monkeypatch):
    """The control: the same rush with every lock off returns more than was paid."""

    def unlocked(function):
        async def read(connection, *args):
            return await function(NoLocks(connection), *args)

        return read

    for module, name in (
        (refunds, "lock_payment_of"),
        (refunds, "lock_tickets"),
        (payments, "lock_order"),
    ):
        monkeypatch.setattr(module, name, unlocked(getattr(module, name)))
    _, returned = shop(rush_of_clerks)
    assert returned > 16000


class NoLocks:
    """A connection whose readings lock nothing."""

    def __init__(self, connection):
        self.connection = connection

    async def fetchrow(self, sql, *args):
        return await self.connection.fetchrow(sql.replace("FOR UPDATE", ""), *args)

    async def fetch(self, sql, *args):
        return await self.connection.fetch(sql.replace("FOR UPDATE", ""), *args)


def test_a_used_ticket_and_an_unpaid_order_are_not_refunded(shop):
    async def scenario(s):
        order_id = await s.paid()
        await s.pool.execute("UPDATE ticket SET used = 1 WHERE order_id = $1", order_id)
        refused = await s.repayments.request(s.park.site, order_id)
        assert refused.reason is Reason.TICKET_IN_USE
        assert await s.state(order_id) == "paid"
        unpaid = await s.offered(index=5)
        assert (await s.repayments.request(s.park.site, unpaid)).reason is Reason.UNPAID
        strange = await s.repayments.request(s.park.site, order_id, [1])
        assert strange.reason is Reason.NOT_REFUNDABLE

    shop(scenario)


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "error", "bad_signature"])
def test_a_refund_whose_answer_is_lost_moves_money_once(shop, kind):
    async def scenario(s):
        order_id = await s.paid()
        await s.steer("mode", {"refund_s": 600})
        await s.repayments.request(s.park.site, order_id)
        await s.fault("refund", kind)
        await s.service.send_due()
        assert await s.refund_is(order_id, "requested")
        s.later(seconds=2)
        await s.service.send_due()
        assert await s.refund_is(order_id, "submitted")
        made = await s.steer("refunds", method="GET")
        assert [r["amount"]["refund"] for r in made] == [8000]

    shop(scenario)


def test_a_lost_refund_notification_is_made_good_by_the_query(shop):
    async def scenario(s):
        order_id = await s.paid()
        await s.steer("mode", {"copies": "none", "refund_s": 0})
        await s.repayments.request(s.park.site, order_id)
        await s.service.send_due()
        assert await s.service.query_due() == 0
        s.later(seconds=61)
        assert await s.service.query_due() == 1
        assert await s.refund_is(order_id, "done")
        assert await s.state(order_id) == "refunded"

    shop(scenario)


@pytest.mark.parametrize(("result", "state"), [("ABNORMAL", "abnormal"), ("CLOSED", "closed")])
def test_money_that_does_not_arrive_leaves_the_tickets_void(shop, result, state):
    async def scenario(s):
        order_id = await s.paid()
        await s.steer("mode", {"refund_result": result})
        await s.repayments.request(s.park.site, order_id)
        await s.service.send_due()
        await until(lambda: s.refund_is(order_id, state))
        assert await s.tickets(order_id) == ["refunding"]
        assert await s.sold() == 1

    shop(scenario, time_scale=20.0)


def test_a_closed_refund_goes_back_once_under_a_new_number(shop):
    async def scenario(s):
        order_id = await s.paid(visitors=2)
        first, _ = await ticket_ids(s, order_id)
        await s.steer("mode", {"refund_result": "CLOSED"})
        await s.repayments.request(s.park.site, order_id, [first])
        await s.service.send_due()
        await until(lambda: s.refund_is(order_id, "closed"))
        stopped = await s.refund_row(order_id)
        await s.steer("mode", {"refund_result": "SUCCESS"})
        s.later(seconds=61)
        both = (s.repayments.mend(s.park.site, stopped["id"]) for _ in range(2))
        assert sorted(await asyncio.gather(*both)) == [False, True]
        await s.service.send_due()
        await until(lambda: s.state_is(order_id, "paid"))
        assert await s.tickets(order_id) == ["refunded", "valid"]
        assert await s.sold() == 1
        made = await s.pool.fetch("SELECT * FROM refund ORDER BY id")
        assert [(r["state"], r["amount_fen"]) for r in made] == [("closed", 8000), ("done", 8000)]
        assert made[0]["out_refund_no"] != made[1]["out_refund_no"]
        assert await s.repayments.mend(s.park.site, stopped["id"]) is False

    shop(scenario, time_scale=20.0)


def test_an_abnormal_refund_dealt_with_over_there_is_found_when_asked_for(shop):
    async def scenario(s):
        order_id = await s.paid()
        await s.steer("mode", {"refund_result": "ABNORMAL"})
        await s.repayments.request(s.park.site, order_id)
        await s.service.send_due()
        await until(lambda: s.refund_is(order_id, "abnormal"))
        stopped = await s.refund_row(order_id)
        assert await s.repayments.mend(s.park.site, stopped["id"]) is True
        await s.service.send_due()
        assert await s.refund_is(order_id, "abnormal")  # nobody has dealt with it there
        await s.steer(f"refunds/{stopped['out_refund_no']}/deal-with")
        assert await s.repayments.mend(s.park.site, stopped["id"]) is True
        await s.service.send_due()
        assert await s.refund_is(order_id, "done")
        assert await s.tickets(order_id) == ["refunded"]
        assert await s.sold() == 0
        assert await s.repayments.mend(s.park.site, stopped["id"]) is False
        assert len(await s.steer("refunds", method="GET")) == 1

    shop(scenario, time_scale=20.0)


def test_a_low_balance_waits_and_then_goes_on_under_the_same_number(shop):
    async def scenario(s):
        order_id = await s.paid()
        await s.steer("mode", {"balance_low": True, "refund_s": 600})
        await s.repayments.request(s.park.site, order_id)
        await s.service.send_due()
        row = await s.refund_row(order_id)
        assert (row["state"], row["last_error"]) == ("requested", "NOT_ENOUGH")
        assert await s.tickets(order_id) == ["refunding"]
        await s.steer("mode", {"balance_low": False})
        s.later(minutes=61)
        await s.service.send_due()
        assert await s.refund_is(order_id, "submitted")

    shop(scenario)


def test_two_refunds_of_one_payment_keep_their_distance(shop):
    async def scenario(s):
        order_id = await s.paid(visitors=2)
        one, two = await ticket_ids(s, order_id)
        await s.steer("mode", {"refund_s": 0})
        await s.repayments.request(s.park.site, order_id, [one])
        await s.service.send_due()
        await until(lambda: s.refund_is(order_id, "done"))
        await s.repayments.request(s.park.site, order_id, [two])
        await s.service.send_due()  # the platform wants a minute between them
        count = "SELECT count(*) FROM refund WHERE state = 'requested'"
        assert await s.pool.fetchval(count) == 1
        s.later(seconds=61)
        await s.service.send_due()
        assert await s.pool.fetchval(count) == 0

    shop(scenario)


def test_a_refund_begun_outside_voids_the_tickets_once_all_is_back(shop):
    async def scenario(s):
        order_id = await s.paid()
        number = (await s.payment(order_id))["out_trade_no"]
        body = {"out_trade_no": number, "notify_url": s.notify_url}
        await s.steer("refunds", body | {"out_refund_no": "CONSOLE-1", "refund_fen": 3000})
        await until(lambda: s.refund_is(order_id, "external"))
        assert await s.tickets(order_id) == ["valid"]  # a part only: a person decides
        s.later(seconds=61)
        await s.steer("refunds", body | {"out_refund_no": "CONSOLE-2", "refund_fen": 5000})
        await until(lambda: s.state_is(order_id, "refunded"))
        assert await s.tickets(order_id) == ["refunded"]
        assert await s.sold() == 0
        assert await s.pool.fetchval("SELECT sum(amount_fen) FROM refund") == 8000

    shop(scenario, time_scale=20.0)


def test_after_money_went_back_outside_no_more_goes_back_than_was_paid(shop):
    async def scenario(s):
        order_id = await s.paid()
        number = (await s.payment(order_id))["out_trade_no"]
        await s.repayments.external(s.park.site, number, "CONSOLE-1", 1)
        refused = await s.repayments.request(s.park.site, order_id)
        assert refused.reason is Reason.NOT_REFUNDABLE

    shop(scenario)


def test_cash_goes_back_in_the_same_moment(shop):
    async def scenario(s):
        order_id = await s.paid()
        await s.pool.execute("UPDATE payment SET provider = 'cash'")
        asked = await s.repayments.request(s.park.site, order_id, asker=RefundAsker("clerk"))
        assert (asked.amount_fen, asked.done) == (8000, True)
        assert await s.state(order_id) == "refunded"
        assert await s.sold() == 0
        assert await s.refund_is(order_id, "done")

    shop(scenario)


def test_a_refund_and_a_sale_of_the_last_place_do_not_block_each_other(shop):
    async def scenario(s):
        order_id = await s.paid()
        await s.pool.execute("UPDATE payment SET provider = 'cash'")
        outcomes = await asyncio.gather(
            s.repayments.request(s.park.site, order_id),
            *(try_to_book(s, index) for index in range(1, 9)),
            return_exceptions=True,
        )
        assert not [o for o in outcomes if isinstance(o, asyncpg.PostgresError)]
        assert await s.sold() <= 1

    shop(scenario, capacity=1)


async def try_to_book(s, index):
    try:
        return await s.book(index)
    except AttributeError:  # a refusal has no order
        return None
