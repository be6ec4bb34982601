"""An un-lifted card is one presentation; the next person is never swallowed (T12, T13)."""

import asyncio

import pytest
from tests.terminals.parts.reader.lane import a_lane, card_of

from menpiao.simulation.cards import HMT, RESIDENT, SAMPLES
from menpiao.simulation.reader import SimulatedReader
from menpiao.simulation.safe_module import Op, Unlifted

BOTH = pytest.mark.parametrize("unlifted", list(Unlifted))


@BOTH
def test_a_card_left_lying_is_presented_once(unlifted: Unlifted) -> None:
    async def main() -> None:
        async with a_lane(SimulatedReader(unlifted=unlifted)) as (sim, lane):
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            await asyncio.sleep(0.8)  # more than two windows
            sim.lift()
            await asyncio.sleep(0.1)
            assert lane.cards == [card_of(RESIDENT)]
            assert lane.unreadable == []
            again = sim.module.requests.count(Op.READ) > 1
            assert again == (unlifted is Unlifted.FOUND_AGAIN)

    asyncio.run(main())


@BOTH
def test_two_persons_in_quick_succession(unlifted: Unlifted) -> None:
    async def main() -> None:
        async with a_lane(SimulatedReader(unlifted=unlifted)) as (sim, lane):
            sim.lay(RESIDENT)
            await asyncio.sleep(0.1)
            sim.lift()
            sim.lay(HMT)
            await lane.until_cards(2, timeout_s=0.25)
            assert lane.cards == [card_of(RESIDENT), card_of(HMT)]

    asyncio.run(main())


@BOTH
def test_the_same_person_after_the_window(unlifted: Unlifted) -> None:
    async def main() -> None:
        async with a_lane(SimulatedReader(unlifted=unlifted)) as (sim, lane):
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            sim.lift()
            await asyncio.sleep(0.45)
            sim.lay(RESIDENT)
            await lane.until_cards(2)
            assert lane.cards == [card_of(RESIDENT)] * 2

    asyncio.run(main())


def test_the_same_person_within_the_window_is_the_same_presentation() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            for _ in range(3):
                sim.lay(RESIDENT)
                await asyncio.sleep(0.08)
                sim.lift()
                await asyncio.sleep(0.05)
            assert len(lane.cards) == 1

    asyncio.run(main())


def test_every_sample_person_is_read() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            for count, card in enumerate(SAMPLES.values(), start=1):
                sim.lay(card)
                await lane.until_cards(count)
            assert lane.cards == [card_of(card) for card in SAMPLES.values()]

    asyncio.run(main())
