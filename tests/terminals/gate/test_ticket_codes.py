"""A ticket's code before a lane's scanner: with the centre, and without it."""

import asyncio

import msgspec
import pytest
from tests.centre.check.test_ticket_codes import Shown
from tests.support_db import FreshDatabase
from tests.terminals.gate.lane import a_lane
from tests.terminals.gate.offline.site import Wired
from tests.terminals.gate.offline.test_alone import book, ready
from tests.terminals.parts.link.centre import until

from menpiao.domain.ticket import parse_serial
from menpiao.settings import Selling
from menpiao.simulation.scanner import SimulatedScanner
from menpiao.storage.ticket_codes import TicketCodes
from menpiao.terminals.parts.scanner.driver import LineScanner, Options
from menpiao.terminals.ports.serial_port import SerialTransport


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


def scanner_at(port):
    return LineScanner(SerialTransport(port, 9600), Options(same_code_s=0.2))


def test_a_code_lets_in_once_and_no_other_code_does(database, tmp_path):
    async def main():
        async with Shown(database) as stage, Wired(stage) as wired, SimulatedScanner() as window:
            scanners = (scanner_at(window.port),)
            async with a_lane(tmp_path, wired, scanners=scanners) as lane:
                await lane.idle()
                window.show(stage.code)
                await lane.shows("请通行", 15)
                assert lane.last.people == 3
                await lane.idle()
                window.show(stage.code)
                await lane.shows("票已使用", 15)
                await lane.idle()
                window.show("https://example.cn/menu")
                await lane.shows("无法识别此码", 15)
                assert [row["kind"] for row in lane.rows()] == ["code", "code"]

    asyncio.run(main())


def test_without_the_centre_a_code_is_held_to_its_signature_and_used_once(database, tmp_path):
    async def main():
        async with Shown(database) as stage, Wired(stage) as wired, SimulatedScanner() as window:
            scanners = (scanner_at(window.port),)
            async with a_lane(tmp_path, wired, scanners=scanners) as lane:
                await ready(lane)
                wired.cable.cut()
                await until(lambda: lane.display.known.mode == "lane")
                ticket_id = parse_serial(stage.ticket_no)
                day = (await stage.ticket())["closes_at"].date()
                window.show(TicketCodes(b"another").write(stage.park.site, ticket_id, day))
                await lane.shows("无法识别此码", 15)
                await lane.idle()
                window.show(stage.code)
                await lane.shows("请通行", 15)
                assert lane.last.people == 3
                await lane.idle()
                window.show(stage.code)
                await lane.shows("票已使用", 15)
                admitted = [row["admitted"] for row in book(tmp_path)]
                assert admitted == [0, 1, 0]
                wired.cable.mend()
                await until(lambda: all(row["outcome"] == "recorded" for row in book(tmp_path)), 20)
                assert (await stage.ticket())["used"] == 3
                assert (await stage.show(stage.code))["reason"] == "already_used"

    asyncio.run(main())


def test_where_codes_are_off_none_is_shown_and_none_lets_in_with_the_centre_or_without(
    database, tmp_path
):
    selling = Selling(ticket_codes=False)
    database.settings = msgspec.structs.replace(database.settings, selling=selling)

    async def main():
        async with Shown(database) as stage, Wired(stage) as wired, SimulatedScanner() as window:
            assert stage.code == ""
            # The one that was shown while codes were on.
            day = (await stage.ticket())["closes_at"].date()
            own = TicketCodes(stage.app.centre.keys.get("ticket_codes"))
            earlier = own.write(stage.park.site, parse_serial(stage.ticket_no), day)
            assert (await stage.show(earlier))["reason"] == "code_invalid"
            scanners = (scanner_at(window.port),)
            async with a_lane(tmp_path, wired, scanners=scanners) as lane:
                await ready(lane)
                window.show(earlier)
                await lane.shows("无法识别此码", 15)
                await lane.idle()
                wired.cable.cut()
                await until(lambda: lane.display.known.mode == "lane")
                window.show(earlier)
                await until(lambda: book(tmp_path), 15)
                assert [row["reason"] for row in book(tmp_path)] == ["code_invalid"]
            # The ticket is as good by its document as before.
            assert (await stage.answer())["admitted"]

    asyncio.run(main())
