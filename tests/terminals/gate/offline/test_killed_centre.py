"""Real programs: a centre that is killed under a lane, the lane with its reader, a centre again."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import urllib.request

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.centre.check.stage import raw_key
from tests.support_db import FreshDatabase, person, plant_park
from tests.support_ports import free_port
from tests.support_serve import Serving
from tests.terminals.gate.offline.site import Cable
from tests.terminals.parts.link.centre import until

from menpiao.simulation.cards import resident
from menpiao.simulation.printer import SimulatedPrinter
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.gate.config import new_config
from menpiao.terminals.parts.link.identity import Identity, save_identity


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


async def shown(port):
    def get():
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/state.json") as answer,
        ):
            return json.load(answer)
        return {"view": {}, "data": {}}

    return await asyncio.to_thread(get)


async def shows(port, part, key, value):
    async with asyncio.timeout(30):
        while (await shown(port))[part].get(key) != value:  # noqa: ASYNC110 - another program
            await asyncio.sleep(0.05)


def sold(server, park):
    visitor = {"document_type": "resident_card", "number": person(1), "name": "李样例", "people": 3}
    order = {
        "token": "a" * 20,
        "product_id": park.product,
        "slot_id": 1,
        "phone": "13800000000",
        "visitors": [visitor],
    }
    assert server.post("/booking/v1/orders", order)[0] == 201


def test_a_centre_killed_under_a_lane_learns_of_everything_afterwards(database, tmp_path):
    key = Ed25519PrivateKey.generate()

    def centre():
        return Serving(tmp_path, "booking", "check", MENPIAO_DATABASE_URL=database.url).ready()

    async def main():
        server = await asyncio.to_thread(centre)
        pool = await asyncpg.create_pool(database.url, min_size=1, max_size=1)
        try:
            park = await plant_park(pool, people_per_document=3, public_key=raw_key(key))
            await asyncio.to_thread(sold, server, park)
            await pool.execute("UPDATE ticket SET state = 'valid'")
            async with (
                Cable(server.port) as cable,
                SimulatedReader() as sim,
                SimulatedPrinter() as paper,
                a_gate(cable, park, sim, paper) as port,
            ):
                await shows(port, "data", "tickets", 1)
                server.kill()
                await shows(port, "data", "mode", "lane")
                sim.lay(resident(person(1), "李样例"))
                await shows(port, "view", "zh", "请通行")
                await until(lambda: paper.count == 1, 10)
                assert await pool.fetchval("SELECT count(*) FROM admission") == 0
                server = await asyncio.to_thread(centre)
                cable.to = server.port
                await shows(port, "data", "mode", "centre")
                await shows(port, "data", "queue", 0)
                row = await pool.fetchrow("SELECT admitted, people, reason FROM admission")
                assert tuple(row) == (True, 3, "pass")
                assert await pool.fetchval("SELECT used FROM ticket") == 3
        finally:
            await pool.close()
            await asyncio.to_thread(server.stop)

    @contextlib.asynccontextmanager
    async def a_gate(cable, park, sim, paper):
        port = free_port()
        host, printer = paper.address
        text = new_config(cable.url, park.gate, sim.port)
        text = text.replace("8750", str(port)).replace("9100", str(printer))
        config = tmp_path / "gate.toml"
        config.write_text(text.replace('host = ""', f'host = "{host}"'))
        save_identity(tmp_path / "gate-data" / "gate-key.json", Identity(key, park.device))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "menpiao", "gate", str(config)), stdout=subprocess.DEVNULL
        )
        try:
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 15) == 0

    asyncio.run(main())
