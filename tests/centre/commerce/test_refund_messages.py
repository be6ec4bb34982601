"""What a buyer is told about money that goes back: from the cancellation to the telephone."""

import asyncio
import contextlib

import httpx
import pytest
from starlette.applications import Starlette
from tests.centre.commerce.shop import until
from tests.centre.messaging.cmpp_lane import account, operator

from menpiao.centre.booking.api import BookingApi
from menpiao.centre.booking.service import CancelService
from menpiao.centre.design.service import AttemptService
from menpiao.centre.messaging.cmpp.channel import CmppChannel
from menpiao.centre.messaging.jobs import work
from menpiao.centre.messaging.service import MessagingService
from menpiao.domain.ticket import serial_number
from menpiao.storage.database.ids import IdBlocks

PHONE = "13800000000"


@contextlib.asynccontextmanager
async def telephone(s):
    """A worker and a simulated operator; what came to the buyer's telephone."""
    centre = s.centre
    async with operator() as (simulated, port):
        channel = CmppChannel(account(port))
        service = MessagingService(
            s.pool, centre.vault, centre.catalogue, IdBlocks(s.pool), channel, s.now
        )
        worker = asyncio.create_task(work(service, poll_s=0.02, tidy_s=0.1, patience_s=2))
        try:
            yield lambda: [m for m in simulated.inbox(PHONE) if "退" in m or "refund" in m]
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)


async def settled(s):
    """Wait until no message is on its way, so that a second one would have come."""

    async def quiet():
        return not await s.pool.fetchval(
            "SELECT count(*) FROM outbox WHERE channel = 'sms'"
            " AND state IN ('pending', 'sending', 'sent')"
        )

    await until(quiet)


async def cancel(s, order_id):
    """The buyer cancels through the booking door."""

    cancelling = CancelService(s.booking, s.payments, s.repayments, s.centre.vault, s.now)
    api = BookingApi(s.booking, cancelling, AttemptService(s.pool, b"links", s.now))
    transport = httpx.ASGITransport(Starlette(routes=api.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://centre") as client:
        answer = await client.post(
            f"/booking/v1/orders/{serial_number(order_id)}/cancellation",
            headers={"X-Order-Secret": s.booking.secret(s.park.site, order_id)},
            json={},
        )
    assert answer.status_code == 200, answer.text


def test_a_refund_told_twice_by_the_platform_is_one_message(shop):
    async def scenario(s):
        order_id = await s.paid(visitors=2)
        await s.steer("mode", {"copies": "two"})
        async with telephone(s) as inbox:
            await cancel(s, order_id)
            await s.service.send_due()
            assert not inbox()
            await until(lambda: s.refund_is(order_id, "done"))

            async def both():
                notices = await s.steer("notices", method="GET")
                told = [n for n in notices if n["event_type"] == "REFUND.SUCCESS"]
                return [n["answers"] for n in told] == [[204, 204]]

            await until(both)
            await settled(s)
            assert inbox() == [
                f"【测试山】订单{serial_number(order_id)}退款160.00元，已退回原付款账户。"
            ]

    shop(scenario, time_scale=20.0)


def test_each_of_two_refunds_of_an_order_is_told_in_the_order_s_language(shop):
    async def scenario(s):
        order_id = await s.paid(visitors=2)
        await s.pool.execute("UPDATE orders SET language = 'en'")
        one, two = await s.pool.fetch("SELECT id FROM ticket ORDER BY id")
        async with telephone(s) as inbox:
            await s.repayments.request(s.park.site, order_id, [one["id"]])
            await s.service.send_due()
            await until(lambda: s.state_is(order_id, "paid"))
            await s.pool.execute("UPDATE payment SET provider = 'cash'")
            await settled(s)
            await s.repayments.request(s.park.site, order_id, [two["id"]])
            await settled(s)
            order = serial_number(order_id)
            account_text, cash_text = inbox()
            assert cash_text == f"【Test Hill】Order {order}: CNY 80.00 refunded in cash."
            assert f"Order {order}: CNY 80.00 refunded" in account_text

    shop(scenario, time_scale=20.0)


@pytest.mark.parametrize("result", ["ABNORMAL", "CLOSED"])
def test_money_that_cannot_be_delivered_sends_the_buyer_to_the_desk_once(shop, result):
    async def scenario(s):
        order_id = await s.paid()
        await s.steer("mode", {"refund_result": result, "copies": "two"})
        async with telephone(s) as inbox:
            await cancel(s, order_id)
            await s.service.send_due()
            await until(lambda: s.refund_is(order_id, result.lower()))
            await settled(s)
            (text,) = inbox()
            assert text == (
                f"【测试山】订单{serial_number(order_id)}退款80.00元未能退回原付款账户，"
                "请携购票所用证件到售票窗口办理。"
            )

    shop(scenario, time_scale=20.0)


def test_a_failure_that_was_mended_before_it_left_is_not_told(shop):
    async def scenario(s):
        order_id = await s.paid()
        await s.steer("mode", {"refund_result": "ABNORMAL"})
        await cancel(s, order_id)
        await s.service.send_due()
        await until(lambda: s.refund_is(order_id, "abnormal"))
        number = (await s.refund_row(order_id))["out_refund_no"]
        assert await s.repayments.done(s.park.site, number, 8000) is True
        assert await s.repayments.done(s.park.site, number, 8000) is False
        async with telephone(s) as inbox:
            await settled(s)
            (text,) = inbox()
            assert "已退回原付款账户" in text
        failed = await s.pool.fetchrow("SELECT * FROM outbox WHERE kind = 'refund.failed'")
        assert (failed["state"], failed["last_error"]) == ("dead", "the refund is done")

    shop(scenario, time_scale=20.0)


def test_an_order_without_a_telephone_is_refunded_in_silence(shop):
    async def scenario(s):
        order_id = await s.paid()
        await s.pool.execute("UPDATE orders SET phone_sealed = NULL, phone_hash = NULL")
        before = await s.messages()
        await s.repayments.request(s.park.site, order_id)
        await s.service.send_due()
        await until(lambda: s.refund_is(order_id, "done"))
        assert await s.messages() == before

    shop(scenario, time_scale=20.0)


def test_no_message_about_money_holds_the_visitor_s_number(shop):
    async def scenario(s):
        order_id = await s.paid()
        await cancel(s, order_id)
        await s.service.send_due()
        await until(lambda: s.refund_is(order_id, "done"))
        row = await s.pool.fetchrow("SELECT * FROM outbox WHERE kind = 'refund.done'")
        refund = await s.refund_row(order_id)
        assert row["payload"] == f'{{"refund_id": {refund["id"]}}}'
        assert PHONE.encode() not in row["recipient_sealed"]

    shop(scenario, time_scale=20.0)
