"""The lane against the real check server and its database: nothing in between is played."""

import asyncio
from pathlib import Path

import pytest
from tests.centre.check.test_doors import Stage
from tests.support_db import FreshDatabase, person
from tests.terminals.gate.lane import a_lane

from menpiao.simulation.cards import resident
from menpiao.terminals.parts.link.identity import Identity
from menpiao.terminals.parts.link.websocket import WebSocketLink


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


class Door:
    """The stage's server, as a lane wants it."""

    def __init__(self, stage: Stage) -> None:
        self.url = f"http://127.0.0.1:{stage.port}"
        self.gate_id = stage.park.gate
        self.identity = Identity(stage.key, stage.park.device)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    def link(self) -> WebSocketLink:
        return WebSocketLink(self.url, self.identity)


def test_in_with_the_card_once_and_refused_the_second_time(database, tmp_path: Path) -> None:
    async def main() -> None:
        async with Stage(database, people=3) as stage, a_lane(tmp_path, Door(stage)) as lane:
            await lane.idle()
            card = resident(person(1), "李样例")
            lane.sim.lay(card)
            await lane.shows("请通行")
            assert (lane.last.people, lane.last.holder) == (3, "李**")
            assert lane.last.gate == "东门1"
            lane.sim.lift()
            await lane.idle()
            await asyncio.sleep(0.4)  # until the reader takes it for a new presentation
            lane.sim.lay(card)
            await lane.shows("票已使用")
            assert lane.last.since
            assert lane.last.since_place == "东门1"
            lane.sim.lay(resident(person(2), "王样例"))
            await lane.shows("未查到订单")
            assert lane.signals.count("admit") == 1
            outcomes = [(row["outcome"], row["reason"]) for row in lane.rows()]
            assert outcomes[:2] == [("admitted", "pass"), ("refused", "already_used")]

    asyncio.run(main())
