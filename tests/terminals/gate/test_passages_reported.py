"""What the barrier did comes to the centre: once, in order, also when the way was cut meanwhile."""

import asyncio
from pathlib import Path

import pytest
from tests.centre.check.stage import Stage
from tests.support_db import FreshDatabase, person
from tests.terminals.gate.lane import a_lane
from tests.terminals.gate.offline.site import Wired
from tests.terminals.gate.test_passing import rs485
from tests.terminals.parts.barrier.lane import walks
from tests.terminals.parts.link.centre import until

from menpiao.simulation.barrier import SimulatedRs485
from menpiao.simulation.cards import resident


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


async def kinds(stage):
    rows = await stage.pool.fetch("SELECT kind FROM passage ORDER BY sequence")
    return [row["kind"] for row in rows]


async def arrived(stage, met, timeout_s=20):
    async with asyncio.timeout(timeout_s):
        while not met(await kinds(stage)):  # noqa: ASYNC110 - a table tells nobody
            await asyncio.sleep(0.1)


def test_openings_and_passages_reach_the_centre_once(database, tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            Stage(database, people=2) as stage,
            SimulatedRs485() as board,
            a_lane(tmp_path, Wired(stage), barrier=rs485(board)) as lane,
        ):
            await lane.idle()
            lane.sim.lay(resident(person(1), "李样例"))
            await lane.shows("请通行")
            await walks(board.turnstile)
            await walks(board.turnstile)
            await arrived(stage, lambda found: found.count("passed") == 2)
            assert await kinds(stage) == ["back", *["open_unknown", "passed"] * 2]
            await until(lambda: lane.passages() == [])
            nonces = await stage.pool.fetch(
                "SELECT DISTINCT p.nonce FROM passage p"
                " JOIN admission a ON a.nonce = p.nonce WHERE p.kind = 'passed'"
            )
            assert len(nonces) == 1

    asyncio.run(main())


def test_what_happened_while_the_way_was_cut_comes_afterwards(database, tmp_path: Path) -> None:
    async def main() -> None:
        async with Stage(database) as stage, SimulatedRs485() as board:
            wired = Wired(stage)
            async with a_lane(tmp_path, wired, barrier=rs485(board)) as lane:
                await lane.idle()
                await arrived(stage, lambda found: found == ["back"])
                wired.cable.cut()
                board.turnstile.force("in")
                await until(lambda: ("tailgating", 1, "in") in lane.passages())
                assert await kinds(stage) == ["back"]
                wired.cable.mend()
                await arrived(stage, lambda found: "tailgating" in found)
                assert await kinds(stage) == ["back", "tailgating"]

    asyncio.run(main())


def test_a_journal_that_had_to_be_begun_anew_loses_no_passage(database, tmp_path: Path) -> None:
    """Its numbers begin again; the centre does not take them for those of the journal before."""

    async def main() -> None:
        async with Stage(database) as stage, SimulatedRs485() as board:
            path = tmp_path / "journal.sqlite3"
            for turn in range(3):
                if turn:
                    damage(path)
                async with a_lane(tmp_path, Wired(stage), barrier=rs485(board)) as lane:
                    assert lane.journal_path == path
                    await lane.idle()
                    board.turnstile.force("in")
                    await arrived(stage, lambda found, n=turn + 1: found.count("tailgating") == n)
                    await until(lambda lane=lane: lane.passages() == [])
            rows = await stage.pool.fetch(
                "SELECT sequence, kind FROM passage WHERE kind = 'tailgating'"
            )
            numbers = [row["sequence"] for row in rows]
            assert len(set(numbers)) < len(numbers), "the numbers did begin again"
            journals = "SELECT count(DISTINCT journal) FROM passage"
            assert await stage.pool.fetchval(journals) == 3
            assert path.with_suffix(".damaged").exists()

    asyncio.run(main())


def damage(path: Path) -> None:
    """What a disk does at a power cut: the file is there, its content is not."""
    path.write_bytes(b"\xff" * path.stat().st_size)
    for rest in ("-wal", "-shm"):
        path.with_name(path.name + rest).unlink(missing_ok=True)
