"""The demo at the end of a day: it goes on with new people, and its smoke test has one day."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from random import Random
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import httpx
import pytest

from menpiao.simulation.demo.dock import Dock
from menpiao.simulation.demo.run import left_of_day

SHANGHAI = ZoneInfo("Asia/Shanghai")
EVE = date(2028, 2, 29)


class Shop:
    """Notes what is booked, and for which day."""

    def __init__(self):
        self.booked = []

    async def book(self, travellers, day, phone):
        self.booked.append((day, [one.number for one in travellers]))
        if len(self.booked) % 3 == 0:
            raise httpx.ConnectError("nobody there")
        return "sold_out"


class Reader:
    def __init__(self):
        self.card = None

    def lay(self, card):
        self.card = card


def test_when_a_day_begins_new_people_have_booked_for_it():
    async def main():
        today, shop, reader = [EVE], Shop(), Reader()
        world = SimpleNamespace(
            today=lambda: today[0],
            shop=shop,
            terminals={"gate": SimpleNamespace(reader=reader, card="")},
        )
        dock = Dock(world, Random(7))
        await dock.welcome()
        work = asyncio.create_task(dock.run())
        origin = "http://127.0.0.1"
        door = httpx.AsyncClient(transport=httpx.ASGITransport(dock.app), base_url=origin)

        async def laid():
            asked = {"reader": "gate", "card": "elder"}
            answer = await door.post("/bench/lay", json=asked, headers={"Origin": origin})
            assert answer.status_code == 200
            return reader.card

        first = await laid()
        await asyncio.sleep(1.2)
        assert await laid() == first, "the same day, the same people"
        today[0] += timedelta(days=1)
        async with asyncio.timeout(10):
            while await laid() == first:  # noqa: ASYNC110 - what a visitor does has no other sign
                await asyncio.sleep(0.1)
        work.cancel()
        await door.aclose()
        assert [day for day, _ in shop.booked] == [EVE] * 3 + [date(2028, 3, 1)] * 3

    asyncio.run(main())


@pytest.mark.parametrize(
    ("now", "left_s"),
    [
        (datetime(2026, 12, 31, 15, 59, 30, tzinfo=UTC), 30),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), 86400),
        (datetime(2028, 2, 29, 15, 59, 59, 500000, tzinfo=UTC), 0.5),
        (datetime(2028, 2, 28, 20, 0, tzinfo=UTC), 20 * 3600),
    ],
)
def test_a_day_ends_at_the_park_and_not_where_the_computer_is(now, left_s):
    assert left_of_day(now, SHANGHAI) == left_s


def test_a_day_may_be_an_hour_longer():
    now = datetime(2026, 10, 25, 0, 30, tzinfo=ZoneInfo("Europe/Vienna"))
    assert left_of_day(now, ZoneInfo("Europe/Vienna")) == 24.5 * 3600
