"""The card is gone before it was read: asked for again, and nothing of it is believed."""

import asyncio

import pytest
from tests.terminals.parts.reader.lane import a_lane, card_of

from menpiao.simulation.cards import RESIDENT
from menpiao.simulation.mishaps import Mishap
from menpiao.simulation.safe_module import Op

SLOW = Mishap(split_at=8, pause_s=0.06)


@pytest.mark.parametrize("during", [Op.FIND, Op.SELECT])
def test_lifted_while_it_was_being_asked_for(during: Op) -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            await asyncio.sleep(0.05)
            sim.spoil(SLOW, on=during)
            sim.lay(RESIDENT)
            asked = sim.module.requests.count(during)
            async with asyncio.timeout(5):
                while sim.module.requests.count(during) == asked:  # noqa: ASYNC110 - a plain list
                    await asyncio.sleep(0.002)
            sim.lift()
            await lane.until(lambda: lane.unreadable == ["card"])
            assert lane.cards == []
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(RESIDENT)]
            assert lane.faults == []

    asyncio.run(main())
