"""A board whose answers come late and in pieces: the passage is counted once all the same."""

import asyncio

import pytest
from tests.terminals.parts.barrier.boards import PROFILE
from tests.terminals.parts.barrier.lane import running, walks

from menpiao.simulation.barrier import SimulatedRs485
from menpiao.terminals.parts.barrier.base import BarrierReady, Opening, OpeningEnded, Passed
from menpiao.terminals.parts.barrier.frame_board import FrameBoard
from menpiao.terminals.ports.serial_port import SerialTransport


@pytest.mark.parametrize(("piece", "pause_s"), [(1, 0.002), (5, 0.01), (0, 0.08)])
def test_late_and_in_pieces(piece: int, pause_s: float) -> None:
    async def main() -> None:
        async with SimulatedRs485() as sim:
            sim.piece, sim.pause_s = piece, pause_s
            # The last case answers after the next question was asked.
            board = FrameBoard(
                SerialTransport(sim.port, 9600), PROFILE, answer_s=0.2, query_every_s=0.05
            )
            async with running(board) as lane:
                await lane.first(BarrierReady)
                lane.barrier.open(Opening("a", people=1, within_s=5))
                await walks(sim.turnstile)
                await lane.first(OpeningEnded)
                assert lane.ends == [("a", 1, "done")]
                await asyncio.sleep(0.3)
                assert sum(passed.people for passed in lane.of(Passed)) == 1

    asyncio.run(main())
