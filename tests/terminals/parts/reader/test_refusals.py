"""Cards that select or read refuses (T15, T16, T17, T23) and statuses in no table."""

import asyncio

import pytest
from tests.terminals.parts.reader.lane import FAST, a_lane, card_of

from menpiao.simulation.cards import HMT, RESIDENT
from menpiao.simulation.mishaps import Mishap
from menpiao.simulation.safe_module import Op
from menpiao.terminals.parts.reader.base import ReaderState
from menpiao.terminals.parts.reader.sam_v import Options


def test_select_refused_and_yet_read() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(status=0x81), on=Op.SELECT, times=None)
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(RESIDENT)]
            assert lane.unreadable == []

    asyncio.run(main())


def test_no_card_for_a_long_time_is_no_event() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            await asyncio.sleep(0.4)
            assert sim.module.requests.count(Op.FIND) > 10
            assert len(lane.events) == 1
            assert lane.reader.state is ReaderState.READY

    asyncio.run(main())


@pytest.mark.parametrize("status", [0x41, 0x40, 0x31, 0x32, 0x33, 0x24, 0x7E])
def test_read_refused_asks_for_the_card_again_and_the_next_card_works(status: int) -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(status=status), on=Op.READ)
            sim.lay(RESIDENT)
            await lane.until(lambda: lane.unreadable == ["card"])
            sim.lay(HMT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(HMT)]
            assert lane.unreadable == ["card"]

    asyncio.run(main())


def test_a_card_that_never_reads_is_told_once() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(status=0x41), on=Op.READ, times=None)
            sim.lay(RESIDENT)
            await asyncio.sleep(0.3)
            assert lane.unreadable == ["card"]
            sim.lift()
            await asyncio.sleep(0.05)
            sim.lay(RESIDENT)
            await lane.until(lambda: lane.unreadable == ["card", "card"])

    asyncio.run(main())


def test_lifting_a_card_that_was_read_is_no_failure() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            sim.spoil(Mishap(status=0x41), on=Op.READ)
            await asyncio.sleep(0.1)
            sim.lift()
            await asyncio.sleep(0.1)
            assert lane.unreadable == []

    asyncio.run(main())


def test_card_status_bytes_are_accepted() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(sw1=0x12, sw2=0x34), times=None)
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(RESIDENT)]

    asyncio.run(main())


def test_a_module_that_must_be_read_without_finding() -> None:
    async def main() -> None:
        options = Options(timings=FAST, always_read=True)
        async with a_lane(options=options) as (sim, lane):
            sim.spoil(Mishap(status=0x80), on=Op.FIND, times=None)
            await asyncio.sleep(0.1)
            assert lane.unreadable == []
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            assert lane.cards == [card_of(RESIDENT)]

    asyncio.run(main())


@pytest.mark.parametrize("op", [Op.FIND, Op.SELECT, Op.READ])
def test_a_module_that_does_not_know_a_command(op: Op) -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(status=0x21), on=op, times=3)
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            assert lane.faults == []

    asyncio.run(main())
