"""The board is pulled out, or says nothing, while somebody is to be let in."""

import asyncio

from tests.terminals.parts.barrier.boards import a_board
from tests.terminals.parts.barrier.lane import running, walks

from menpiao.simulation.barrier import SimulatedRs485
from menpiao.terminals.parts.barrier.base import (
    BarrierFault,
    BarrierReady,
    BarrierState,
    Opened,
    Opening,
    OpeningEnded,
)


def test_unplugged_while_somebody_is_let_in() -> None:
    async def main() -> None:
        async with SimulatedRs485() as sim, running(a_board(sim.port)) as lane:
            await lane.first(BarrierReady)
            lane.barrier.open(Opening("a", people=2, within_s=5))
            await lane.first(Opened)
            sim.line.unplug()
            await lane.first(BarrierFault)
            assert lane.barrier.state is BarrierState.OFFLINE
            lane.barrier.open(Opening("b"))
            await lane.first(OpeningEnded)
            assert lane.ends == [("b", 0, "failed")], "whoever comes now hears it at once"
            sim.turnstile.force()
            sim.line.plug()
            await lane.first(BarrierReady, 2)
            await walks(sim.turnstile)
            await lane.first(OpeningEnded, 2)
            assert lane.ends[1:] == [("a", 2, "done")]

    asyncio.run(main())


def test_silent_and_well_again() -> None:
    async def main() -> None:
        async with SimulatedRs485() as sim, running(a_board(sim.port)) as lane:
            await lane.first(BarrierReady)
            sim.board.silent = True
            assert (await lane.first(BarrierFault)).code.value == "silent"
            assert lane.barrier.state is BarrierState.FAULT
            sim.board.silent = False
            await lane.first(BarrierReady, 2)
            assert len(lane.of(BarrierFault)) == 1

    asyncio.run(main())
