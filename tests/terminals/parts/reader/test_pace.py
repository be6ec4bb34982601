"""Short pauses: asked in a hurry while the module keeps up, with care when it does not."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace

import pytest
import structlog
from tests.terminals.parts.reader.lane import FAST, a_lane, card_of

from menpiao.simulation.cards import HMT, RESIDENT, SimulatedCard
from menpiao.simulation.reader import SimulatedReader
from menpiao.simulation.safe_module import Op, SafeModule
from menpiao.terminals.parts.reader.frame import encode_response
from menpiao.terminals.parts.reader.pace import Pace
from menpiao.terminals.parts.reader.protocol import SELECT_FAILED
from menpiao.terminals.parts.reader.sam_v import Options
from menpiao.terminals.parts.reader.timings import Timings

NEEDS_S = 0.2
HURRIED = replace(FAST, gap_s=0.0, poll_s=0.005, careful_gap_s=0.25, careful_poll_s=0.26)


class Breathless(SafeModule):
    """Answers select and read only when it has had a pause; counts those that came too soon."""

    def __init__(self, answers: bytes) -> None:
        super().__init__()
        self._instead = answers
        self._answered_at = 0.0
        self.too_soon = 0

    def receive(self, data: bytes) -> Iterable[tuple[Op, bytes]]:
        now = time.monotonic()
        hurried = now - self._answered_at < NEEDS_S
        for op, frame in super().receive(data):
            late = op in {Op.SELECT, Op.READ} and hurried
            self.too_soon += late
            yield op, self._instead if late else frame
        self._answered_at = now


def breathless(answers: bytes) -> tuple[SimulatedReader, Breathless]:
    sim = SimulatedReader()
    sim.module = module = Breathless(answers)
    return sim, module


async def looked_twice(module: SafeModule) -> None:
    """A lifted card is seen to be gone before the next one comes."""
    finds = module.requests.count(Op.FIND)
    async with asyncio.timeout(5):
        while module.requests.count(Op.FIND) < finds + 2:  # noqa: ASYNC110 - a plain list
            await asyncio.sleep(0.005)


def cards(count: int) -> list[SimulatedCard]:
    return [(RESIDENT, HMT)[number % 2] for number in range(count)]


@pytest.mark.parametrize("answers", [b"", encode_response(SELECT_FAILED)], ids=["none", "refusal"])
def test_a_module_that_needs_pauses_reads_every_card_and_then_gets_them(answers: bytes) -> None:
    async def main() -> None:
        sim, module = breathless(answers)
        quick_silence = replace(HURRIED, find_s=0.05, read_first_s=0.05, repeat_window_s=0.05)
        async with a_lane(sim, Options(timings=quick_silence)) as (_, lane):
            hurried: list[int] = []
            for number, card in enumerate(cards(5)):
                before = module.too_soon
                sim.lay(card)
                await lane.until_cards(number + 1)
                sim.lift()
                await looked_twice(module)
                hurried.append(module.too_soon - before)
            assert lane.cards == [card_of(card) for card in cards(5)]
            assert lane.unreadable == []
            assert lane.faults == []
            assert hurried[0], "it is tried"
            assert hurried[3:] == [0, 0], "then it has its pauses"

    asyncio.run(main())


def test_a_module_that_keeps_up_is_asked_without_a_pause() -> None:
    async def main() -> None:
        hurried = replace(HURRIED, careful_gap_s=60.0, careful_poll_s=60.0)
        async with a_lane(options=Options(timings=hurried)) as (sim, lane):
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            sim.lay(HMT)
            await lane.until_cards(2)
            asked = [op for op in sim.module.requests if op is not Op.STATUS]
            first = asked.index(Op.SELECT)
            assert asked[first - 1 : first + 2] == [Op.FIND, Op.SELECT, Op.READ]

    asyncio.run(main())


def test_a_card_that_was_lifted_is_told_in_a_hurry_too_and_blames_no_pause() -> None:
    async def main() -> None:
        with structlog.testing.capture_logs() as lines:
            async with a_lane(options=Options(timings=HURRIED)) as (sim, lane):
                for number in range(1, 5):
                    sim.module.crowded = True
                    sim.lay(RESIDENT)
                    await lane.until(lambda number=number: len(lane.unreadable) == number)
                    sim.lift()
                    sim.module.crowded = False
                    await looked_twice(sim.module)
        assert "reader_needs_pauses" not in {line["event"] for line in lines}

    asyncio.run(main())


def test_care_lasts_an_hour_and_one_doubt_more_renews_it() -> None:
    now = [0.0]
    pace = Pace(Timings(poll_s=0.005, gap_s=0.0), clock=lambda: now[0])
    for _ in range(2):
        pace.doubt()
    pace.kept_up()
    for _ in range(2):
        pace.doubt()
    assert pace.hurried, "a card was read in a hurry between"
    pace.doubt()
    assert (pace.hurried, pace.gap_s, pace.poll_s) == (False, 0.02, 0.1)
    pace.kept_up()
    now[0] = 3600.0
    assert (pace.hurried, pace.gap_s, pace.poll_s) == (True, 0.0, 0.005)
    pace.doubt()
    assert not pace.hurried


def test_longer_pauses_than_the_careful_ones_stay_as_they_are() -> None:
    pace = Pace(Timings(poll_s=0.3, gap_s=0.05))
    assert not pace.hurried
    pace.doubt()
    assert (pace.gap_s, pace.poll_s) == (0.05, 0.3)
