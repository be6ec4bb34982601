"""A module that is broken, not authorised or silent is a fault, and comes back (T18)."""

import asyncio

import pytest
from tests.terminals.parts.reader.lane import a_lane, running

from menpiao.simulation.cards import RESIDENT
from menpiao.simulation.mishaps import Mishap
from menpiao.simulation.reader import SimulatedReader
from menpiao.simulation.safe_module import Op
from menpiao.terminals.parts.reader.base import ReaderState
from menpiao.terminals.ports.serial_port import SerialTransport

TROUBLE = pytest.mark.parametrize(
    ("mishap", "code"),
    [
        (Mishap(status=0x60), "self_test"),
        (Mishap(status=0x66), "not_authorised"),
        (Mishap(silent=True), "silent"),
        (Mishap(raw=b"AAAA\xaa\xaa\xaa\x96"), "silent"),
        (Mishap(flip_at=-1), "link"),
    ],
    ids=repr,
)


@TROUBLE
def test_at_the_start(mishap: Mishap, code: str) -> None:
    async def main() -> None:
        async with SimulatedReader() as sim:
            sim.spoil(mishap, times=None)
            async with running(SerialTransport(sim.port)) as lane:
                await lane.until(lambda: lane.faults == [code])
                assert lane.reader.state is ReaderState.FAULT
                await asyncio.sleep(0.2)
                assert lane.faults == [code], "told once"
                sim.heal()
                sim.lay(RESIDENT)
                await lane.until_cards(1)
                assert lane.ready == 1
                assert lane.reader.state is ReaderState.READY

    asyncio.run(main())


@TROUBLE
def test_in_the_middle_of_work(mishap: Mishap, code: str) -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(mishap, times=None)
            await lane.until(lambda: lane.faults == [code])
            sim.heal()
            await lane.until(lambda: lane.ready == 2)

    asyncio.run(main())


def test_the_health_question_alone_reveals_it() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(status=0x66), on=Op.STATUS)
            await lane.until(lambda: lane.faults == ["not_authorised"])

    asyncio.run(main())


def test_one_unanswered_request_is_no_fault() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(silent=True), on=Op.FIND, times=2)
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            assert lane.faults == []

    asyncio.run(main())


def test_a_module_without_a_number_is_used_all_the_same() -> None:
    async def main() -> None:
        async with SimulatedReader() as sim:
            sim.spoil(Mishap(status=0x21), on=Op.SAM_ID)
            async with running(SerialTransport(sim.port)) as lane:
                await lane.until(lambda: lane.ready == 1)
                assert lane.events[0].sam_id == ""

    asyncio.run(main())
