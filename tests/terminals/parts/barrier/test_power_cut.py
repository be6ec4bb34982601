"""Power cuts between opening and passage: of the lane, and of the board."""

import asyncio
from pathlib import Path

from tests.terminals.parts.barrier.boards import a_board, seen
from tests.terminals.parts.barrier.lane import running

from menpiao.simulation.barrier import SimulatedRs485
from menpiao.terminals.parts.barrier.base import (
    BarrierReady,
    CountersReset,
    Passed,
    Totals,
)
from menpiao.terminals.parts.barrier.counters import TotalsFile


def _saved(store: TotalsFile, totals: Totals) -> None:
    import time

    until = time.monotonic() + 5
    while store.load() != totals and time.monotonic() < until:
        time.sleep(0.01)
    assert store.load() == totals


def test_power_cut_of_the_lane_between_opening_and_passage(tmp_path: Path) -> None:
    # The board goes on counting; what it counted meanwhile is told after the restart, once.
    store = TotalsFile(tmp_path / "totals.json")

    async def main() -> None:
        async with SimulatedRs485() as sim:
            async with running(a_board(sim.port), store=store) as lane:
                await lane.first(BarrierReady)
                sim.turnstile.force()
                await seen(lane, 1)
                await asyncio.to_thread(_saved, store, Totals(1, 0))
            for _ in range(3):
                sim.turnstile.force()
            async with running(a_board(sim.port), store=store) as lane:
                missed = await lane.first(Passed)
                assert (missed.kind.value, missed.people) == ("missed", 3)
                assert missed.totals == Totals(4, 0)
                await asyncio.to_thread(_saved, store, Totals(4, 0))
            async with running(a_board(sim.port), store=store) as lane:
                await lane.first(BarrierReady)
                await asyncio.sleep(0.1)
                assert lane.passages == []

    asyncio.run(main())


def test_power_cut_of_the_board_is_a_reset_and_no_crowd(tmp_path: Path) -> None:
    store = TotalsFile(tmp_path / "totals.json")
    store.save(Totals(900_000, 10))

    async def main() -> None:
        async with SimulatedRs485() as sim:
            sim.turnstile.counted = {"in": 2, "out": 0}
            async with running(a_board(sim.port), store=store) as lane:
                reset = await lane.first(CountersReset)
                assert (reset.before, reset.after) == (Totals(900_000, 10), Totals(2, 0))
                assert lane.passages == [("in", "missed", "", 2)]

    asyncio.run(main())


def test_counters_go_round(tmp_path: Path) -> None:
    store = TotalsFile(tmp_path / "totals.json")
    store.save(Totals(2**24 - 2, 0))

    async def main() -> None:
        async with SimulatedRs485() as sim:
            sim.turnstile.counted = {"in": 2**24 + 3, "out": 0}
            async with running(a_board(sim.port), store=store) as lane:
                missed = await lane.first(Passed)
                assert (missed.people, missed.totals) == (5, Totals(3, 0))
                assert not lane.of(CountersReset)

    asyncio.run(main())
