"""Two cards on the reader at once: nobody is let in for the other; one alone is read."""

import asyncio

from tests.terminals.parts.reader.lane import a_lane, card_of

from menpiao.simulation.cards import HMT, RESIDENT


def test_two_cards_are_none_until_one_is_taken_away() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.module.crowded = True
            sim.lay(RESIDENT)
            await lane.until(lambda: lane.unreadable == ["card"])
            await asyncio.sleep(0.2)
            assert lane.unreadable == ["card"], "told once, however long they lie"
            assert lane.cards == []
            sim.module.crowded = False
            sim.lay(HMT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(HMT)]
            assert lane.faults == []

    asyncio.run(main())
