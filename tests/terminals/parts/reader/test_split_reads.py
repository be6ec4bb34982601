"""Answers that arrive in pieces, late, or several at once (T8, T10, T25)."""

import asyncio
import random

import pytest
from tests.terminals.parts.reader.lane import a_lane, card_of

from menpiao.simulation.cards import HMT, RESIDENT
from menpiao.simulation.mishaps import HEART_BEAT, Mishap
from menpiao.simulation.reader import SimulatedReader
from menpiao.simulation.safe_module import Op
from menpiao.terminals.parts.reader.frame import encode_response
from menpiao.terminals.parts.reader.sam_v import Options
from menpiao.terminals.parts.reader.timings import Timings


@pytest.mark.parametrize(
    "mishap",
    [
        Mishap(chunk=1),
        Mishap(chunk=7, pause_s=0.0005),
        Mishap(split_at=3, pause_s=0.02),
        Mishap(split_at=6, pause_s=0.02),
        Mishap(split_at=14, pause_s=0.02),
        Mishap(split_at=1294, pause_s=0.02),
        Mishap(before=HEART_BEAT),
        Mishap(after=HEART_BEAT),
        Mishap(before=b"\xaa\xaa\xaa"),
        Mishap(before=HEART_BEAT * 5, after=HEART_BEAT * 5, chunk=5),
        Mishap(after=encode_response(0x80)),
    ],
    ids=repr,
)
def test_the_same_card(mishap: Mishap) -> None:
    async def main() -> None:
        sim = SimulatedReader()
        sim.spoil(mishap, times=None)
        async with a_lane(sim) as (_, lane):
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(RESIDENT)]
            assert lane.faults == []
            assert lane.unreadable == []

    asyncio.run(main())


def test_heart_beats_while_idle_and_at_any_moment() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            dice = random.Random(7)
            sim.inject(HEART_BEAT)
            for count, card in enumerate((RESIDENT, HMT), start=1):
                for _ in range(40):
                    sim.inject(HEART_BEAT)
                    await asyncio.sleep(dice.random() / 200)
                sim.lay(card)
                await lane.until_cards(count)
            assert lane.faults == []

    asyncio.run(main())


def test_an_answer_after_its_deadline_is_not_taken_for_the_next() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            # The read is given up, its bytes come while the next find waits.
            sim.spoil(Mishap(before=b"\x00", split_at=1, pause_s=0.3), on=Op.READ)
            sim.lay(RESIDENT)
            await lane.until(lambda: lane.unreadable == ["transmission"])
            sim.lay(HMT)
            await lane.until_cards(1)
            await asyncio.sleep(0.3)
            assert lane.cards == [card_of(HMT)]
            assert lane.faults == []

    asyncio.run(main())


def test_a_reader_at_9600_baud_is_not_timed_out() -> None:
    async def main() -> None:
        sim = SimulatedReader(baud=9600)
        async with a_lane(sim, Options(timings=Timings())) as (_, lane):
            started = asyncio.get_running_loop().time()
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            assert asyncio.get_running_loop().time() - started > 1.2
            assert lane.cards == [card_of(RESIDENT)]
            assert lane.unreadable == []

    asyncio.run(main())
