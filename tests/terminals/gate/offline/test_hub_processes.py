"""``menpiao gate --hub`` as a program of its own: enrolled, behind TLS, and killed."""

import asyncio
import contextlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import asyncpg
import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.centre.check.stage import b64, raw_key
from tests.support_db import FreshDatabase, person, plant_park
from tests.support_ports import free_port
from tests.support_serve import Serving, environment_of, menpiao
from tests.terminals.gate.offline.site import Cable
from tests.terminals.gate.offline.test_alone import book

from menpiao.simulation.cards import resident
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.parts.link.identity import Identity, save_identity
from menpiao.wire.check import LINK_SUBPROTOCOL, proof_text

PEOPLE = 8


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


class Programs:
    """A centre with a park, and terminals of it, each a process in a folder of its own."""

    def __init__(self, folder, database):
        self.folder, self.database = folder, database
        self.key = Ed25519PrivateKey.generate()

    async def __aenter__(self):
        self.centre = await asyncio.to_thread(self._centre)
        self.pool = await asyncpg.create_pool(self.database.url, min_size=1, max_size=1)
        self.park = await plant_park(self.pool, capacity=1000, public_key=raw_key(self.key))
        for n in range(1, PEOPLE + 1):
            await asyncio.to_thread(self._sold, n)
        await self.pool.execute("UPDATE ticket SET state = 'valid'")
        return self

    async def __aexit__(self, *_):
        await self.pool.close()
        await asyncio.to_thread(self.centre.stop)

    def _centre(self):
        url = self.database.url
        return Serving(self.folder, "booking", "check", MENPIAO_DATABASE_URL=url).ready()

    async def centre_back(self):
        self.centre = await asyncio.to_thread(self._centre)

    def _sold(self, n):
        order = {
            "token": f"{n:024d}",
            "product_id": self.park.product,
            "slot_id": 1,
            "phone": "13800000000",
            "visitors": [{"document_type": "resident_card", "number": person(n), "name": "李样例"}],
        }
        assert self.centre.post("/booking/v1/orders", order)[0] == 201

    def one_time_code(self):
        done = menpiao(
            *("park", "--enrol", "东门1"),
            folder=self.folder,
            MENPIAO_DATABASE_URL=self.database.url,
        )
        assert done.returncode == 0, done.stderr
        return re.search(r"hour: (\S+)", done.stdout)[1]

    @contextlib.asynccontextmanager
    async def running(self, *arguments):
        process = await self.start(*arguments)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(process.wait(), 15) == 0

    async def start(self, *arguments):
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "menpiao", "gate", *arguments),
            env=environment_of(self.folder),
            stdout=subprocess.DEVNULL,
        )


def state(url, trust=None):
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(f"{url}/state.json", context=trust) as answer,
    ):
        return json.load(answer)
    return {}


async def says(url, key, value, trust=None):
    """Wait until the hub (or, of its screen's data, a lane) says this of itself."""
    async with asyncio.timeout(30):
        while True:
            found = await asyncio.to_thread(state, url, trust)
            if (found | found.get("data", {})).get(key) == value:
                return
            await asyncio.sleep(0.05)


# --- killed ---------------------------------------------------------------------------------------


class Lane:
    """A lane's link to the hub, as bytes; it asks and may leave before the answer."""

    def __init__(self, port, park, key):
        self.url, self.park, self.key = f"ws://127.0.0.1:{port}/check/v1/link", park, key

    async def __aenter__(self):
        self.link = await websockets.connect(self.url, subprotocols=[LINK_SUBPROTOCOL])
        hello = json.loads(await self.link.recv())
        proof = {
            "type": "proof",
            "device_id": self.park.device,
            "challenge": hello["challenge"],
            "signature": b64(self.key.sign(proof_text(self.park.device, hello["challenge"]))),
        }
        await self.link.send(json.dumps(proof))
        assert json.loads(await self.link.recv())["type"] == "welcome"
        return self

    async def __aexit__(self, *_):
        await self.link.close()

    async def send(self, nonce, n):
        ask = {
            "type": "ask",
            "nonce": nonce,
            "gate_id": self.park.gate,
            "credential": {"kind": "resident_card", "number": person(n)},
        }
        await self.link.send(json.dumps(ask))

    async def ask(self, nonce, n):
        await self.send(nonce, n)
        while True:
            answer = json.loads(await asyncio.wait_for(self.link.recv(), 10))
            if answer.get("nonce") == nonce:
                return answer


def test_a_killed_hub_has_forgotten_nothing_that_it_answered(database, tmp_path):
    async def main():
        hub_key = Ed25519PrivateKey.generate()
        async with Programs(tmp_path, database) as site:
            device = await site.pool.fetchval(
                "INSERT INTO device (site_id, name, public_key, enrolled_at)"
                " VALUES ($1, 'hub', $2, now()) RETURNING id",
                site.park.site,
                raw_key(hub_key),
            )
            port = free_port()
            async with Cable(site.centre.port) as cable:
                config = tmp_path / "hub.toml"
                config.write_text(
                    f'centre = "{cable.url}"\nport = {port}\nhost = "127.0.0.1"\n'
                    "[offline]\ncheck_s = 0.5\n"
                )
                save_identity(tmp_path / "data" / "hub-key.json", Identity(hub_key, device))
                await killed_in_the_middle(site, cable, port, str(config))

    asyncio.run(main())


async def killed_in_the_middle(site, cable, port, config):
    url = f"http://127.0.0.1:{port}"
    answers = {}
    hub = await site.start("--hub", config)
    try:
        await says(url, "tickets", PEOPLE)
        site.centre.kill()
        await says(url, "mode", "lane")
        async with Lane(port, site.park, site.key) as lane:
            for n in range(1, PEOPLE // 2 + 1):
                answers[f"first-{n:04d}", n] = await lane.ask(f"first-{n:04d}", n)
            # Asked, and killed before anybody hears.
            await lane.send("unheard-1", PEOPLE)
            hub.kill()
            await hub.wait()
    finally:
        if hub.returncode is None:
            hub.kill()
            await hub.wait()
    assert [a["source"] for a in answers.values()] == ["hub"] * len(answers)
    assert all(a["admitted"] for a in answers.values())
    async with site.running("--hub", config):
        await says(url, "mode", "lane")
        async with Lane(port, site.park, site.key) as lane:
            for (nonce, n), answer in answers.items():
                assert await lane.ask(nonce, n) == answer, "another answer for the same nonce"
                again = await lane.ask(f"again-{n:04d}", n)
                assert again["reason"] == "already_used", "the book did not survive"
            assert (await lane.ask("unheard-1", PEOPLE))["admitted"]
            for n in range(PEOPLE // 2 + 1, PEOPLE):
                assert (await lane.ask(f"second-{n:04d}", n))["admitted"]
        await site.centre_back()
        cable.to = site.centre.port
        await says(url, "queue", 0)
    count = "SELECT count(*), count(DISTINCT nonce), sum(people) FROM admission"
    asked = PEOPLE + PEOPLE // 2
    assert tuple(await site.pool.fetchrow(count)) == (asked, asked, PEOPLE)
    assert await site.pool.fetchval("SELECT sum(used) FROM ticket") == PEOPLE
    assert await site.pool.fetchval("SELECT count(*) FROM conflict") == 0
    device = "SELECT DISTINCT device_id FROM admission"
    assert await site.pool.fetchval(device) == site.park.device


# --- enrolled, and behind TLS ---------------------------------------------------------------------


def authority(folder):
    """A certificate authority, and a certificate of it for this machine; gives their files."""
    now, key = datetime.now(UTC), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "park's own")])
    own = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )
    ca = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    server_key = ec.generate_private_key(ec.SECP256R1())
    server = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")]))
        .issuer_name(name)
        .public_key(server_key.public_key())
        .serial_number(2)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
    )
    files = {
        "ca.pem": ca.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM),
        "server.pem": server.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM),
        "server-key.pem": server_key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
    }
    for file, content in files.items():
        (folder / file).write_bytes(content)
    return [folder / file for file in files]


def test_hub_and_lane_are_enrolled_and_speak_tls_by_the_files_alone(database, tmp_path):
    async def main():
        ca, certificate, certificate_key = authority(tmp_path)
        ending = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ending.load_cert_chain(certificate, certificate_key)
        trust = ssl.create_default_context(cafile=ca)
        async with (
            Programs(tmp_path, database) as site,
            Cable(site.centre.port, tls=ending) as cable,
            SimulatedReader() as sim,
        ):
            hub, lane = tmp_path / "hub" / "hub.toml", tmp_path / "lane" / "gate.toml"
            for config, more in ((hub, ["--hub"]), (lane, [])):
                await enrolled(site, cable, config, beside_here(ca), *more)
            port, screen = free_port(), free_port()
            url = f"https://127.0.0.1:{port}"
            changed(hub, ("8760", str(port)))
            changed(hub, ('certificate_file = ""', 'certificate_file = "../server.pem"'))
            changed(hub, ('key_file = ""', 'key_file = "../server-key.pem"'))
            changed(hub, ("port = ", 'host = "127.0.0.1"\nport = '))
            changed(lane, ("8750", str(screen)), ("/dev/ttyUSB0", sim.port))
            changed(lane, ("gate_id", f'hub = "{url}"\ngate_id'))
            async with site.running("--hub", str(hub)), site.running(str(lane)):
                await says(url, "tickets", PEOPLE, trust)
                with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
                    await asyncio.to_thread(urllib.request.urlopen, f"{url}/state.json")
                lane_url = f"http://127.0.0.1:{screen}"
                await says(lane_url, "mode", "centre")
                await says(url, "lanes", 1, trust)
                cable.cut()
                await says(lane_url, "mode", "hub")
                await says(url, "mode", "lane", trust)
                sim.lay(resident(person(1), "李样例"))
                await shown(lane_url, "请通行")
                (row,) = book(hub.parent / "hub-data")
                assert (row["source"], row["admitted"]) == ("hub", 1)
                cable.mend()
                await says(url, "queue", 0, trust)
            assert await site.pool.fetchval("SELECT sum(used) FROM ticket") == 1

    asyncio.run(main())


def beside_here(path):
    """The path as a technician might type it: where the program is started, not where it runs."""
    return os.path.relpath(path)


async def enrolled(site, cable, config, ca, *more):
    """By the command a technician gives; a code is good once, and TLS is not optional."""
    code = await asyncio.to_thread(site.one_time_code)
    command = ("gate", str(config), *more, "--centre", cable.url, "--enrol", code)
    distrusted = await asyncio.to_thread(menpiao, *command, folder=site.folder)
    assert distrusted.returncode == 1
    assert "certificate" in distrusted.stderr.lower()
    done = await asyncio.to_thread(menpiao, *command, "--authority", ca, folder=site.folder)
    assert done.returncode == 0, done.stderr
    assert "东门1" in done.stdout
    key = next(config.parent.glob("*-data/*-key.json"))
    assert key.stat().st_mode & 0o777 == 0o600
    stranger = config.parent / "other" / "file.toml"
    again = ("gate", str(stranger), *more, "--centre", cable.url, "--enrol", code)
    used = await asyncio.to_thread(menpiao, *again, "--authority", ca, folder=site.folder)
    assert used.returncode == 1, "a code is good once"
    assert not stranger.exists()


def changed(config, *pairs):
    text = config.read_text()
    for old, new in pairs:
        assert text.count(old) == 1, (old, text)
        text = text.replace(old, new)
    config.write_text(text)


async def shown(url, zh):
    async with asyncio.timeout(30):
        while (await asyncio.to_thread(state, url)).get("view", {}).get("zh") != zh:  # noqa: ASYNC110 - another program
            await asyncio.sleep(0.05)
