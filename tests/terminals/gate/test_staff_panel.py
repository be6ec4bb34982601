"""The staff panel by its socket: who may open it, how often one may guess, and acts done once."""

import asyncio
import json
import secrets
import ssl
import urllib.error
import urllib.request

import pytest
import websockets
from tests.centre.check.test_gate_rules import PIN, Lane
from tests.support_db import FreshDatabase, person
from tests.terminals.gate.lane import QUICK, a_lane
from tests.terminals.gate.offline.site import Wired
from tests.terminals.gate.offline.test_hub_processes import authority

from menpiao.simulation.cards import resident
from menpiao.terminals.gate.config import ConfigError, Offline, load_config
from menpiao.terminals.gate.staff.desk import Desk
from menpiao.terminals.gate.staff.panel import StaffPanel


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


class Page:
    """What a browser would say and hear."""

    def __init__(self, socket):
        self._socket = socket
        self.state = {}

    async def ask(self, kind, **fields):
        key = secrets.token_urlsafe(8)
        await self._socket.send(json.dumps({"type": kind, "id": key, **fields}))
        while True:
            reply = await self.hear()
            if reply.get("id") == key:
                return reply

    async def hear(self):
        message = json.loads(await asyncio.wait_for(self._socket.recv(), 20))
        if message["type"] == "state":
            self.state = message
        return message

    async def scan(self, reason):
        """The newest scan, once it is of this reason."""
        while not self.state["scans"] or self.state["scans"][0]["shown"]["reason"] != reason:
            await self.hear()
        return self.state["scans"][0]

    async def sign_in(self, badge="G1", pin=PIN):
        return await self.ask("sign_in", staff={"badge": badge, "pin": pin})


def page_of(panel, **head):
    address = f"ws://127.0.0.1:{panel.port}/live"
    origin = head.get("origin", f"http://127.0.0.1:{panel.port}")
    return websockets.connect(address, origin=origin)


def test_the_same_act_pressed_twice_is_done_once_and_a_session_outlives_a_cut(database, tmp_path):
    async def main():
        panel = StaffPanel("127.0.0.1", 0, Desk())
        async with (
            Lane(database) as stage,
            Wired(stage) as wired,
            a_lane(tmp_path, wired, panel=panel, offline=Offline(answer_within_s=5)) as lane,
        ):
            await panel.ready.wait()
            await lane.idle()
            await stage.pool.execute("UPDATE ticket SET evidence = '学生证', evidence_en = 'card'")
            async with page_of(panel) as socket:
                page = Page(socket)
                assert (await page.ask("confirm", nonce="n" * 8, of="n" * 8))["code"] == "locked"
                session = (await page.sign_in())["session"]
                lane.sim.lay(resident(person(1), "李样例"))
                scan = await page.scan("concession_check")
                assert person(1) not in json.dumps(page.state)
                lane.sim.lift()
                act = {"nonce": secrets.token_urlsafe(12), "of": scan["nonce"]}
                first = await page.ask("confirm", **act)
                assert (first["ok"], first["shown"]["people"]) == (True, 3)
                shown = lane.signals.count("admit")
            async with page_of(panel) as socket:
                page = Page(socket)
                assert (await page.ask("resume", session=session))["ok"]
                again = await page.ask("confirm", **act)
                # The answer is heard now; nothing is opened and nothing counted once more.
                assert again["shown"] == first["shown"]
                assert lane.signals.count("admit") == shown
                taken = {"nonce": secrets.token_urlsafe(12), "of": act["nonce"]}
                assert (await page.ask("take_back", **taken))["ok"]
                assert (await page.ask("take_back", **taken))["ok"]
                entries = "SELECT count(*), sum(people) FROM admission WHERE admitted"
                assert tuple(await stage.pool.fetchrow(entries)) == (2, 0)
                await page.ask("lock")
                assert (await page.ask("resume", session=session))["code"] == "locked"

    asyncio.run(main())


def test_what_was_decided_before_a_restart_is_there_again_and_can_be_taken_back(database, tmp_path):
    async def main():
        async with Lane(database) as stage, Wired(stage) as wired:
            first = StaffPanel("127.0.0.1", 0, Desk())
            async with a_lane(tmp_path, wired, panel=first, delays=QUICK) as lane:
                await first.ready.wait()
                await lane.idle()
                async with page_of(first) as socket:
                    page = Page(socket)
                    await page.sign_in()
                    lane.sim.lay(resident(person(1), "李样例"))
                    seen = await page.scan("pass")
                    lane.sim.lift()
                    await lane.idle()
            panel = StaffPanel("127.0.0.1", 0, Desk())
            async with a_lane(tmp_path, wired, panel=panel, delays=QUICK) as lane:
                await panel.ready.wait()
                await lane.idle()
                async with page_of(panel) as socket:
                    page = Page(socket)
                    await page.sign_in()
                    again = await page.scan("pass")
                    kept = "admitted", "people", "ticket_no", "zh", "en"
                    assert [again["shown"][k] for k in kept] == [seen["shown"][k] for k in kept]
                    assert (again["nonce"], again["at"]) == (seen["nonce"], seen["at"])
                    assert (again["can_ask"], again["can_undo"]) == (False, True)
                    assert len(page.state["scans"]) == 1
                    taken = {"nonce": secrets.token_urlsafe(12), "of": seen["nonce"]}
                    assert (await page.ask("take_back", **taken))["ok"]
            entries = "SELECT count(*), sum(people) FROM admission WHERE admitted"
            assert tuple(await stage.pool.fetchrow(entries)) == (2, 0)

    asyncio.run(main())


def test_guesses_from_one_address_come_to_an_end(database, tmp_path):
    async def main():
        panel = StaffPanel("127.0.0.1", 0, Desk())
        async with (
            Lane(database) as stage,
            Wired(stage) as wired,
            a_lane(tmp_path, wired, panel=panel, delays=QUICK) as lane,
        ):
            await panel.ready.wait()
            await lane.idle()
            async with page_of(panel) as socket:
                page = Page(socket)
                said = [await page.sign_in(pin=f"{n:04}") for n in range(11)]
                codes = [one["code"] for one in said]
                assert codes == ["not_permitted"] * 5 + ["rate_limited"] * 5 + ["guesses"]
                left = [f"工号或密码有误，还可试{n}次" for n in (4, 3, 2, 1)]
                assert [one["zh"] for one in said[:5]] == [*left, "工号或密码有误，请一分钟后再试"]
                assert said[3]["en"] == "Wrong badge or PIN: 1 try left"
                assert said[2]["en"] == "Wrong badge or PIN: 2 tries left"
                assert said[4]["en"] == "Wrong badge or PIN: wait a minute"
                assert said[5]["zh"] == "密码错误过多，请一分钟后再试"
                assert (await page.sign_in("S1"))["code"] == "guesses"

    asyncio.run(main())


def test_other_pages_and_names_are_not_let_in():
    async def main():
        panel = StaffPanel("127.0.0.1", 0, Desk())
        task = asyncio.create_task(panel.run())
        await panel.ready.wait()

        def get(host):
            address = f"http://127.0.0.1:{panel.port}/"
            request = urllib.request.Request(address, headers={"Host": host})
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers["Content-Security-Policy"]

        status, policy = await asyncio.to_thread(get, f"localhost:{panel.port}")
        assert (status, "default-src 'none'" in policy) == (200, True)
        with pytest.raises(urllib.error.HTTPError, match="403"):
            await asyncio.to_thread(get, "lane.example.cn")
        for origin in ("https://example.cn", None):
            with pytest.raises(websockets.InvalidStatus, match="403"):
                await page_of(panel, origin=origin)
        async with page_of(panel) as socket:
            page = Page(socket)
            await page.hear()
            assert page.state["scans"] == []
            await socket.send('{"type": "sign_in", "id": "x", "staff": {"badge": "G1"}}')
            assert (await page.hear())["code"] == "bad_request"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_phones_reach_it_by_tls_alone(tmp_path):
    async def main():
        authority(tmp_path)
        shows = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        shows.load_cert_chain(tmp_path / "server.pem", tmp_path / "server-key.pem")
        trusts = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        panel = StaffPanel("127.0.0.1", 0, Desk(), tls=shows)
        task = asyncio.create_task(panel.run())
        await panel.ready.wait()
        here = f"127.0.0.1:{panel.port}"
        async with websockets.connect(
            f"wss://{here}/live", origin=f"https://{here}", ssl=trusts
        ) as socket:
            page = Page(socket)
            assert (await page.sign_in())["code"] == "offline_pin"
        with pytest.raises((OSError, EOFError, websockets.InvalidMessage)):
            await websockets.connect(f"ws://{here}/live", origin=f"http://{here}")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_on_the_network_it_needs_a_certificate(tmp_path):
    file = tmp_path / "gate.toml"
    head = 'centre = "https://tickets.example"\ngate_id = 1\n[reader]\nport = "/dev/x"\n[staff]\n'
    file.write_text(f'{head}port = 8755\nhost = "0.0.0.0"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="needs a certificate_file"):
        load_config(file)
    file.write_text(f"{head}port = 8755\n", encoding="utf-8")
    assert load_config(file).staff.host == "127.0.0.1"
