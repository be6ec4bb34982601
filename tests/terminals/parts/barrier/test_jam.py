"""The arm does not move, and those who wait behind it."""

import asyncio

from tests.terminals.parts.barrier.boards import a_board
from tests.terminals.parts.barrier.lane import running, walks

from menpiao.simulation.barrier import SimulatedRs485
from menpiao.terminals.parts.barrier.base import (
    BarrierReady,
    Opening,
    OpeningEnded,
)
from menpiao.terminals.parts.barrier.driver import Options


def test_a_jammed_arm_times_out_and_the_next_visitor_is_let_in() -> None:
    async def main() -> None:
        async with SimulatedRs485() as sim, running(a_board(sim.port)) as lane:
            await lane.first(BarrierReady)
            sim.turnstile.jammed = True
            lane.barrier.open(Opening("a", within_s=0.1))
            lane.barrier.open(Opening("b", within_s=5))
            lane.barrier.open(Opening("b", within_s=5))
            await lane.first(OpeningEnded)
            assert lane.ends == [("a", 0, "timed_out")]
            sim.turnstile.jammed = False
            await walks(sim.turnstile)
            await lane.first(OpeningEnded, 2)
            assert lane.ends[1:] == [("b", 1, "done")]

    asyncio.run(main())


def test_too_many_wait() -> None:
    async def main() -> None:
        async with SimulatedRs485() as sim:
            options = Options(poll_s=0.01, reopen_s=0.05, openings_max=2)
            async with running(a_board(sim.port), options) as lane:
                await lane.first(BarrierReady)
                for key in "abcd":
                    lane.barrier.open(Opening(key))
                await lane.first(OpeningEnded)
                assert {key for key, *_ in lane.ends} == {"c", "d"}
                lane.barrier.withdraw("b")
                lane.barrier.withdraw("a")
                await lane.first(OpeningEnded, 4)
                assert {key for key, _, reason in lane.ends if reason == "withdrawn"} == {"a", "b"}

    asyncio.run(main())
