"""The disk of a lane is full: the real program says so, admits nobody, and is back by itself."""

import asyncio
import resource
import signal
import sqlite3
import subprocess
from pathlib import Path

from tests.support_ports import free_port
from tests.terminals.gate.test_command import MENPIAO, until_shown
from tests.terminals.parts.link.centre import Centre

from menpiao.simulation.cards import RESIDENT
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.gate.config import new_config
from menpiao.terminals.parts.link.identity import save_identity

FREE = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def test_a_lane_whose_disk_is_full_admits_nobody_until_there_is_room(tmp_path: Path) -> None:
    async def main() -> None:
        async with Centre() as centre, SimulatedReader() as sim:
            port, config = free_port(), tmp_path / "gate.toml"
            text = new_config(centre.url, centre.gate_id, sim.port).replace("8750", str(port))
            config.write_text(text)
            save_identity(tmp_path / "gate-data" / "gate-key.json", centre.identity)
            process = await asyncio.create_subprocess_exec(
                *MENPIAO, "gate", str(config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                await until_shown(port, "请刷身份证")
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, FREE[1]))
                sim.lay(RESIDENT)
                await until_shown(port, "请到服务台")
                assert not centre.asks, "what cannot be noted is not asked"
                sim.lift()
                await asyncio.sleep(1)
                sim.lay(RESIDENT)
                await asyncio.sleep(1)
                assert not centre.asks
                sim.lift()
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, FREE)
                await until_shown(port, "请刷身份证")
                await asyncio.sleep(3.5)  # until the reader takes it for a new presentation
                sim.lay(RESIDENT)
                await until_shown(port, "请通行")
                assert len(centre.asks) == 1
            finally:
                process.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(process.wait(), 10) == 0

    asyncio.run(main())
    connection = sqlite3.connect(tmp_path / "gate-data" / "journal.sqlite3")
    admitted = connection.execute("select count(*) from asks where outcome = 'admitted'")
    assert admitted.fetchone() == (1,)
    connection.close()
