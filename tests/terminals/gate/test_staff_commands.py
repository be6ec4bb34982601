"""What the staff tell a lane beside its barrier: a notice on its screen, and to fetch anew."""

import asyncio
import shutil
from pathlib import Path

import msgspec
import pytest
from tests.centre.check.stage import Stage
from tests.support_db import FreshDatabase, person
from tests.terminals.gate.lane import QUICK, a_lane
from tests.terminals.gate.offline.site import Wired
from tests.terminals.gate.offline.test_alone import ready
from tests.terminals.parts.link.centre import until

from menpiao.simulation.cards import resident

STAFF = 101
CARD = resident(person(1), "李样例")
STANDS = msgspec.structs.replace(QUICK, notice_s=60.0)


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


async def told(stage, action, text):
    """Give a command as the board does; wait for what became of it."""
    lanes = stage.app.centre.lanes
    number = await lanes.commands.order(stage.park.site, STAFF, stage.park.gate, action, text)
    async with asyncio.timeout(15):
        while True:
            board = await lanes.states.board(stage.park.site)
            one = next(one for one in board.commands if one.id == number)
            if one.state not in {"pending", "sent"}:
                return one.state
            await asyncio.sleep(0.05)


def test_a_notice_stands_on_the_screen_until_a_card_is_laid(database, tmp_path: Path) -> None:
    async def main() -> None:
        async with Stage(database) as stage, a_lane(tmp_path, Wired(stage), delays=STANDS) as lane:
            await lane.idle()
            assert await told(stage, "show", "请走西门") == "done"
            await lane.shows("请走西门")
            assert lane.last.state == "idle"
            assert await told(stage, "show", "今日索道检修，请持票到三号门乘车") == "done"
            await lane.shows("请看通知")
            assert (lane.last.zh_next, lane.last.en) == (
                "今日索道检修，请持票到三号门乘车",
                "Please note",
            )
            lane.sim.lay(CARD)
            await lane.shows("请通行")
            lane.sim.lift()
            await lane.shows("请刷身份证")

    asyncio.run(main())


def test_a_notice_goes_by_itself(database, tmp_path: Path) -> None:
    brief = msgspec.structs.replace(QUICK, notice_s=0.3)

    async def main() -> None:
        async with Stage(database) as stage, a_lane(tmp_path, Wired(stage), delays=brief) as lane:
            await lane.idle()
            assert await told(stage, "show", "请走西门") == "done"
            await until(lambda: "请走西门" in [view.zh for view in lane.display.views])
            await lane.shows("请刷身份证")

    asyncio.run(main())


def test_a_lane_told_to_reload_fetches_its_bundle_anew(database, tmp_path: Path) -> None:
    async def main() -> None:
        async with Stage(database) as stage, a_lane(tmp_path, Wired(stage)) as lane:
            await ready(lane)
            folder = tmp_path / "offline"
            before = {path: path.stat().st_ino for path in folder.glob("*.bundle")}
            assert await told(stage, "reload", "换了规则") == "done"
            after = {path: path.stat().st_ino for path in folder.glob("*.bundle")}
            assert set(after) >= set(before)
            assert all(after[path] != number for path, number in before.items())
            # Nowhere to put it: that is said, and the lane goes on.
            shutil.rmtree(folder)
            folder.write_text("in the way")
            assert await told(stage, "reload", "换了规则") == "failed"
            lane.sim.lay(CARD)
            await lane.shows("请通行")

    asyncio.run(main())
