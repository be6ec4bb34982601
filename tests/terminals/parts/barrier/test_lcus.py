"""Dry contacts: nothing is said back, and nothing is ever left on."""

import asyncio

import pytest
from tests.terminals.parts.barrier.lane import running, walks

from menpiao.simulation.barrier import SimulatedLcus, SimulatedRs485
from menpiao.terminals.parts.barrier.base import (
    Acknowledged,
    BarrierFault,
    BarrierReady,
    Direction,
    Hold,
    HoldChanged,
    Opened,
    Opening,
    OpeningEnded,
)
from menpiao.terminals.parts.barrier.frame_board import FrameBoard
from menpiao.terminals.parts.barrier.lcus import LcusBoard, relay_frame
from menpiao.terminals.parts.barrier.paired import PairedBoard
from menpiao.terminals.parts.barrier.templates import built_in
from menpiao.terminals.ports.serial_port import SerialTransport

BOTH = {Direction.IN: 1, Direction.OUT: 2}


def a_board(sim: SimulatedLcus, **options: float) -> LcusBoard:
    return LcusBoard(SerialTransport(sim.port, 9600), BOTH, **({"pulse_s": 0.04} | options))


@pytest.mark.parametrize(
    ("channel", "on", "frame"),
    [(1, True, "A00101A2"), (1, False, "A00100A1"), (2, True, "A00201A3"), (2, False, "A00200A2")],
)
def test_frames(channel: int, on: bool, frame: str) -> None:
    assert relay_frame(channel, on=on) == bytes.fromhex(frame)


def test_everything_is_off_at_first_and_after_each_pulse() -> None:
    async def main() -> None:
        async with SimulatedLcus() as sim, running(a_board(sim)) as lane:
            await lane.first(BarrierReady)
            await asyncio.sleep(0.02)
            assert sim.frames == [relay_frame(1, on=False), relay_frame(2, on=False)]
            lane.barrier.open(Opening("a", people=2))
            assert (await lane.first(Opened)).acknowledged is Acknowledged.UNKNOWN
            await lane.first(OpeningEnded)
            assert lane.ends == [("a", None, "not_seen")], "nobody can know who passed"
            assert lane.passages == []
            assert sim.frames.count(relay_frame(1, on=True)) == 2
            assert sim.on == {1: False, 2: False}

    asyncio.run(main())


def test_the_guard_switches_off_when_the_program_hangs() -> None:
    async def main() -> None:
        async with SimulatedLcus() as sim:
            board = a_board(sim, guard_s=0.05)
            await board.connect()
            await board.open_for(Direction.IN, 1)
            await asyncio.sleep(0.02)
            assert sim.on[1]
            # Nobody looks at the board any more: `observe` is not called.
            await asyncio.sleep(0.2)
            assert not sim.on[1]
            board.disconnect()

    asyncio.run(main())


def test_held_open_stays_on_until_it_is_released() -> None:
    async def main() -> None:
        async with SimulatedLcus() as sim, running(a_board(sim, guard_s=0.02)) as lane:
            await lane.first(BarrierReady)
            lane.barrier.hold(Hold.OPEN)
            await lane.first(HoldChanged)
            await asyncio.sleep(0.15)
            assert sim.on == {1: True, 2: False}
            lane.barrier.hold(Hold.NONE)
            await lane.first(HoldChanged, 2)
            await asyncio.sleep(0.02)
            assert sim.on == {1: False, 2: False}

    asyncio.run(main())


def test_pulled_out_and_put_back() -> None:
    async def main() -> None:
        async with SimulatedLcus() as sim, running(a_board(sim)) as lane:
            await lane.first(BarrierReady)
            sim.line.unplug()
            await lane.first(BarrierFault)
            sim.frames.clear()
            sim.line.plug()
            await lane.first(BarrierReady, 2)
            await asyncio.sleep(0.02)
            assert sim.frames[:2] == [relay_frame(1, on=False), relay_frame(2, on=False)]

    asyncio.run(main())


def test_a_relay_opens_and_another_board_counts() -> None:
    async def main() -> None:
        async with SimulatedLcus() as relay, SimulatedRs485() as counter:
            watcher = FrameBoard(
                SerialTransport(counter.port), built_in("rs485_turnstile"), query_every_s=0.01
            )
            async with running(PairedBoard(a_board(relay), watcher)) as lane:
                await lane.first(BarrierReady)
                lane.barrier.open(Opening("a"))
                await lane.first(Opened)
                counter.turnstile.open_for("in")
                await walks(counter.turnstile)
                await lane.first(OpeningEnded)
                assert lane.ends == [("a", 1, "done")]

    asyncio.run(main())
