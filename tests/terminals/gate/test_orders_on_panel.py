"""What the centre had a lane do, as its staff see it: when, what, and who ordered it there."""

import asyncio
import json
from datetime import timedelta

import msgspec
import pytest
from tests.centre.check.test_gate_rules import Lane
from tests.support_clock import site_now
from tests.support_db import FreshDatabase, person
from tests.terminals.gate.lane import QUICK, a_lane
from tests.terminals.gate.offline.site import Wired
from tests.terminals.gate.test_passing import rs485
from tests.terminals.gate.test_staff_panel import Page, page_of
from tests.terminals.parts.link.centre import Centre

from menpiao.simulation.barrier import SimulatedRs485
from menpiao.simulation.cards import resident
from menpiao.terminals.gate.config import Offline
from menpiao.terminals.gate.staff.desk import Desk
from menpiao.terminals.gate.staff.panel import StaffPanel
from menpiao.wire.check import StaffKnown


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


async def staff_id(stage, badge):
    return await stage.pool.fetchval("SELECT id FROM staff WHERE badge = $1", badge)


async def ordered(stage, action, reason, badge="S1"):
    """Give an order as the board does."""
    park, commands = stage.park, stage.app.centre.lanes.commands
    staff = await staff_id(stage, badge)
    return await commands.order(park.site, staff, park.gate, action, reason)


async def newest(page, action):
    """The newest order on the page, once it is this one."""
    async with asyncio.timeout(15):
        while not page.state["orders"] or page.state["orders"][0]["action"] != action:
            await page.hear()
    return page.state["orders"][0]


def now():
    """Minutes of the site that it may be at this moment."""
    return {(site_now() - timedelta(seconds=s)).strftime("%H:%M") for s in (0, 30)}


def test_what_the_centre_orders_is_told_with_who_ordered_it(database, tmp_path):
    async def main():
        panel = StaffPanel("127.0.0.1", 0, Desk())
        async with (
            Lane(database) as stage,
            Wired(stage) as wired,
            SimulatedRs485() as board,
            a_lane(
                tmp_path,
                wired,
                panel=panel,
                delays=QUICK,
                barrier=rs485(board),
                offline=Offline(answer_within_s=5),
            ) as lane,
        ):
            await panel.ready.wait()
            await lane.idle()
            async with page_of(panel) as socket:
                page = Page(socket)
                await page.hear()
                assert page.state["orders"] == []
                await page.sign_in()
                await ordered(stage, "open_once", "轮椅")
                seen = await newest(page, "open_once")
                assert seen.pop("at") in now()
                told = {"action": "open_once", "by": "S1", "text": "轮椅", "done": True}
                assert seen == told | {"newer": 0}
                await ordered(stage, "hold_closed", "检修", badge="G1")
                seen = await newest(page, "hold_closed")
                assert (seen["by"], seen["text"], seen["done"]) == ("G1", "检修", True)
                # All lanes of the site: one asks and another agrees, and both are named.
                commands, site = stage.app.centre.lanes.commands, stage.park.site
                first, second = await staff_id(stage, "S1"), await staff_id(stage, "G1")
                asked = await commands.order_all(site, first, "normal", "检修完毕")
                await commands.agree(site, second, asked)
                seen = await newest(page, "release")
                assert (seen["by"], seen["newer"]) == ("S1 + G1", 0)
                # A scan after that stands above it, and an order after that above the scan.
                await stage.fresh()
                await lane.idle()
                lane.sim.lay(resident(person(1), "李样例"))
                await page.scan("pass")
                lane.sim.lift()
                assert [one["newer"] for one in page.state["orders"]] == [1, 1, 1]
                await lane.idle()
                await ordered(stage, "show", "请走西门")
                assert (await newest(page, "show"))["text"] == "请走西门"
                assert [one["newer"] for one in page.state["orders"]] == [0, 1, 1, 1]
                # Nobody who is not signed in is told.
                await page.ask("lock")
                assert (page.state["orders"], page.state["scans"]) == ([], [])

    asyncio.run(main())


def test_an_account_named_by_a_document_number_is_not_told_to_a_lane(database, tmp_path):
    async def main():
        panel = StaffPanel("127.0.0.1", 0, Desk())
        async with (
            Lane(database) as stage,
            Wired(stage) as wired,
            a_lane(tmp_path, wired, panel=panel, delays=QUICK) as lane,
        ):
            await stage.pool.execute(
                "UPDATE auth_user SET username = $1 WHERE username = 'S1'", person(2)
            )
            await stage.pool.execute(
                "UPDATE auth_user SET username = $1 WHERE username = 'G1'", "wang\n" + "x" * 140
            )
            await panel.ready.wait()
            await lane.idle()
            async with page_of(panel) as socket:
                page = Page(socket)
                await page.hear()
                await page.sign_in()
                # There is no barrier at this lane: what it could not do is seen as well.
                await ordered(stage, "open_once", "轮椅")
                seen = await newest(page, "open_once")
                assert seen["by"] == "*" * 14 + person(2)[-4:]
                assert not seen["done"]
                assert person(2) not in json.dumps(page.state)
                # A name is never so long or so odd that the lane could not read the order.
                await ordered(stage, "show", "请走西门", badge="G1")
                assert (await newest(page, "show"))["by"] == "wang" + "x" * 26

    asyncio.run(main())


class Older(Centre):
    """A centre that does not say who ordered something; it lets its staff sign in."""

    class _Errands:
        def call(self, _method, path, _body=b""):
            known = StaffKnown(badge="G1", role="clerk", supervisor=False)
            return (200, msgspec.json.encode(known)) if path == "/staff" else (404, b"")

    def errands(self):
        return self._Errands()


def test_an_order_of_an_older_centre_is_told_without_a_name_and_once(tmp_path):
    async def main():
        panel = StaffPanel("127.0.0.1", 0, Desk())
        async with a_lane(tmp_path, Older(), panel=panel, delays=QUICK) as lane:
            await panel.ready.wait()
            await lane.idle()
            async with page_of(panel) as socket:
                page = Page(socket)
                await page.hear()
                await page.sign_in()
                order = {"type": "command", "id": "7", "action": "show", "text": "请走西门"}
                for _ in range(2):
                    await lane.centre.links[-1].send(json.dumps(order))
                await lane.centre.links[-1].send(json.dumps(order | {"id": "8", "action": "dance"}))
                await newest(page, "dance")
                told = [(one["action"], one["by"], one["done"]) for one in page.state["orders"]]
                assert told == [("dance", "", False), ("show", "", True)]

    asyncio.run(main())
