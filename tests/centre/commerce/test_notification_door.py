"""The door for notifications: what it answers to friends, probes, strangers and trouble."""

import httpx
import pytest
from tests.centre.commerce.shop import until

from menpiao.centre.commerce.doors import NOTIFICATIONS


async def send(s, **how):
    notice = (await s.steer("notices", method="GET"))[0]["id"]
    return (await s.steer(f"notices/{notice}/send", how))["status"]


@pytest.mark.parametrize(
    "how",
    [
        {"flaw": "probe"},
        {"flaw": "stale"},
        {"flaw": "unknown_serial"},
        {"flaw": "bad_signature"},
        {"flaw": "unsigned"},
        {"tampered": True},
    ],
)
def test_what_is_not_proved_is_refused_and_leaves_no_trace(shop, how):
    async def scenario(s):
        order_id = await s.offered()
        await s.pay(order_id, copies="none")
        assert await send(s, **how) == 401
        assert await s.state(order_id) == "awaiting_payment"
        assert await s.pool.fetchval("SELECT count(*) FROM provider_event") == 0
        assert await send(s) == 204
        assert await s.state(order_id) == "paid"

    shop(scenario)


def test_a_number_not_in_the_database_is_to_be_repeated(shop):
    async def scenario(s):
        order_id = await s.offered()
        await s.pay(order_id, copies="none")
        await s.pool.execute("UPDATE payment SET out_trade_no = 'MP1P1'")
        assert await send(s) == 503

    shop(scenario)


def test_without_the_database_the_platform_is_told_to_repeat(shop):
    async def scenario(s):
        order_id = await s.offered()
        await s.pay(order_id, copies="none")
        locker = await s.pool.acquire()
        transaction = locker.transaction()
        await transaction.start()
        await locker.execute("SELECT 1 FROM payment FOR UPDATE")
        assert await send(s) == 503  # within the platform's patience
        await transaction.rollback()
        await s.pool.release(locker)
        assert await send(s) == 204
        assert await s.state(order_id) == "paid"

    shop(scenario)


def test_strangers_at_the_door(shop):
    async def scenario(s):
        async with httpx.AsyncClient(base_url=s.url, trust_env=False) as stranger:
            assert (await stranger.post(NOTIFICATIONS, content=b"")).status_code == 401
            assert (await stranger.post(NOTIFICATIONS, content=b"x" * 70_000)).status_code == 413
            assert (await stranger.get(NOTIFICATIONS)).status_code == 405
            refused = await stranger.post(NOTIFICATIONS, json={"id": "1"})
            assert refused.json() == {"code": "SIGN_ERROR", "message": "not proved"}

    shop(scenario)


def test_the_platform_repeats_until_the_centre_is_back(shop):
    async def scenario(s):
        order_id = await s.offered()
        number = (await s.payment(order_id))["out_trade_no"]
        await s.pool.execute("UPDATE payment SET out_trade_no = 'MP1P1'")  # not to be found
        await s.steer(f"trades/{number}/pay")
        await until(s.answers)
        await s.pool.execute("UPDATE payment SET out_trade_no = $1", number)
        await until(lambda: s.state_is(order_id, "paid"))
        assert (await s.answers())[0] == 503

    shop(scenario, time_scale=50.0)
