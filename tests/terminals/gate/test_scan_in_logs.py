"""One name follows a scan: from the lane's log to the lines of the data store about its batch."""

import asyncio
import json
import signal
import subprocess
import urllib.request
from pathlib import Path

import asyncpg
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.centre.check.stage import raw_key
from tests.support_db import FreshDatabase, person, plant_park
from tests.support_ports import free_port
from tests.support_serve import serving
from tests.terminals.gate.test_command import MENPIAO, until_shown

from menpiao.simulation.cards import resident
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.gate.config import new_config
from menpiao.terminals.parts.link.identity import Identity, save_identity


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


async def planted(url, key):
    pool = await asyncpg.create_pool(url, min_size=1, max_size=1)
    try:
        return await plant_park(pool, public_key=raw_key(key))
    finally:
        await pool.close()


def test_a_scan_has_one_name_from_the_lane_to_the_store(database, tmp_path: Path) -> None:
    key, more = Ed25519PrivateKey.generate(), {"MENPIAO_LOG_LEVEL": "debug"}
    more |= {"MENPIAO_LOG_FORMAT": "json", "MENPIAO_DATABASE_URL": database.url}
    with serving(tmp_path, "booking", "check", **more) as server:
        park = asyncio.run(planted(database.url, key))
        order = {
            "token": "scan-in-logs-0001",
            "product_id": park.product,
            "slot_id": park.slots[0],
            "visitors": [{"document_type": "resident_card", "number": person(1), "name": "李样例"}],
            "phone": "13800000000",
        }
        assert server.post("/booking/v1/orders", order)[0] == 201
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute("UPDATE ticket SET state = 'valid'")
        told = asyncio.run(scanned(server, park, key, tmp_path))
        asked = [line for line in told if line["event"] == "asked"]
        assert len(asked) == 1
        name = asked[0]["request_id"]
        with psycopg.connect(database.url) as connection:
            (nonce,) = connection.execute("SELECT nonce FROM admission").fetchone()
        assert nonce == name
        batches = [line for line in lines(server.said()) if line["event"] == "batch"]
        assert [line["request_ids"] for line in batches if line["kind"] == "check"] == [[name]]
        assert person(1) not in server.said()
        assert person(1) not in json.dumps(told)
        # By HTTP the asker's own name of the request comes back from a door that is asked hot.
        named = urllib.request.Request(
            f"{server.address}/booking/v1/orders",
            json.dumps(order).encode(),
            {"Content-Type": "application/json", "X-Request-ID": "desk-0001.again"},
        )
        with urllib.request.urlopen(named, timeout=10) as answer:
            assert answer.headers["X-Request-ID"] == "desk-0001.again"


async def scanned(server, park, key, folder):
    """What a real lane logs while one card is laid."""
    async with SimulatedReader() as sim:
        port, config = free_port(), folder / "gate.toml"
        text = new_config(server.address, park.gate, sim.port).replace("8750", str(port))
        config.write_text(text)
        save_identity(folder / "gate-data" / "gate-key.json", Identity(key, park.device))
        log = folder / "gate.log"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                *MENPIAO, "gate", str(config), stdout=subprocess.DEVNULL, stderr=out
            )
        try:
            await until_shown(port, "请刷身份证")
            sim.lay(resident(person(1), "李样例"))
            await until_shown(port, "请通行")
        finally:
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 10) == 0
        return lines(log.read_text())
