"""Power is cut between the decision and the opening: nothing opens late, nobody's ask is lost."""

import asyncio
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support_ports import free_port
from tests.terminals.gate.test_command import MENPIAO, until_shown
from tests.terminals.parts.barrier.lane import walks
from tests.terminals.parts.link.centre import Centre, Reply, answer

from menpiao.domain.reasons import Reason
from menpiao.simulation.barrier import SimulatedRs485
from menpiao.simulation.cards import RESIDENT
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.gate.config import new_config
from menpiao.terminals.parts.barrier.templates import built_in
from menpiao.terminals.parts.link.identity import save_identity
from menpiao.wire.check import Ask

BOARD = built_in("rs485_turnstile")
OPENS = BOARD.send["open_in"].build(dict(BOARD.fields) | {"n": 1})


@asynccontextmanager
async def a_program(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *MENPIAO, "gate", str(config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 10)


def noted(folder: Path) -> list[str]:
    connection = sqlite3.connect(folder / "gate-data" / "journal.sqlite3")
    rows = connection.execute("select outcome from asks order by rowid").fetchall()
    connection.close()
    return [row[0] for row in rows]


def test_cut_between_decision_and_opening(tmp_path: Path) -> None:
    running: list[asyncio.subprocess.Process] = []
    used: set[str] = set()

    def decide(ask: Ask) -> Reply:
        # The ticket is taken, and the lane loses power before the answer reaches it.
        if not used:
            used.add(ask.nonce)
            running[0].kill()
            return answer(ask)
        return answer(ask, Reason.ALREADY_USED) if len(used) == 1 else answer(ask)

    async def main() -> None:
        async with Centre(decide) as centre, SimulatedReader() as sim, SimulatedRs485() as board:
            port, config = free_port(), tmp_path / "gate.toml"
            text = new_config(centre.url, centre.gate_id, sim.port).replace("8750", str(port))
            barrier = f'kind = "frames"\nport = "{board.port}"\nprofile = "rs485_turnstile"'
            config.write_text(text.replace('kind = "none"', barrier), encoding="utf-8")
            save_identity(tmp_path / "gate-data" / "gate-key.json", centre.identity)
            async with a_program(config) as first:
                running.append(first)
                await until_shown(port, "请刷身份证")
                sim.lay(RESIDENT)
                assert await asyncio.wait_for(first.wait(), 10) == -signal.SIGKILL
            sim.lift()
            assert noted(tmp_path) == ["asked"], "the ask was on disk before it was asked"
            async with a_program(config):
                await until_shown(port, "请刷身份证")
                # What was decided before the cut opens nothing afterwards.
                await asyncio.sleep(0.5)
                assert OPENS not in board.board.frames
                assert not board.turnstile.walk()
                # Whoever stands there lays the card again and hears it; staff can take it back.
                sim.lay(RESIDENT)
                await until_shown(port, "票已使用")
                used.add("taken back")
                sim.lift()
                await until_shown(port, "请刷身份证")
                await asyncio.sleep(3.5)  # until the reader takes it for a new presentation
                sim.lay(RESIDENT)
                await until_shown(port, "请通行")
                await walks(board.turnstile)
                assert board.board.frames.count(OPENS) == 1
                async with asyncio.timeout(10):
                    while noted(tmp_path) != ["asked", "refused", "admitted"]:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)  # the answer is noted after the opening
            assert len({ask.nonce for ask in centre.asks}) == 3

    asyncio.run(main())
