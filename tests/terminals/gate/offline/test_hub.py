"""The hub of a site: while the centre is away, one ticket enters once per site."""

import asyncio
import json
import shutil
import urllib.request
from contextlib import asynccontextmanager

import pytest
import websockets
from tests.centre.check.stage import Stage, raw_key
from tests.support_db import FreshDatabase, person
from tests.terminals.gate.lane import a_lane
from tests.terminals.gate.offline.site import Wired, another_device
from tests.terminals.gate.offline.test_alone import book, ready
from tests.terminals.parts.link.centre import until

from menpiao.simulation.cards import resident
from menpiao.terminals.gate.config import HubConfig, Offline
from menpiao.terminals.gate.offline.hub import HubParts, run_hub
from menpiao.terminals.parts.link.identity import Identity, new_identity
from menpiao.wire.check import LINK_SUBPROTOCOL

PATIENT = Offline(check_s=0.5, answer_within_s=5.0)
CARD = resident(person(1), "李样例")


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


@asynccontextmanager
async def a_hub(folder, wired, offline=PATIENT):
    """A hub on a free port; gives its address."""
    config = HubConfig(
        centre=wired.url,
        data_dir=folder,
        host="127.0.0.1",
        port=0,
        # The centre answers when it is there: how fast a busy machine is decides nothing.
        pass_on_within_s=2.0,
        offline=offline,
    )
    port = asyncio.get_running_loop().create_future()
    parts = HubParts(wired.link(), wired.errands())
    task = asyncio.create_task(run_hub(config, parts, port.set_result))
    try:
        yield f"http://127.0.0.1:{await port}"
    finally:
        assert not task.done(), "the hub must outlive every mishap"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def state(url):
    def get():
        with urllib.request.urlopen(f"{url}/state.json") as answer:
            return json.load(answer)

    return await asyncio.to_thread(get)


async def has(url, key, value):
    async with asyncio.timeout(15):
        while (await state(url))[key] != value:  # noqa: ASYNC110 - another program
            await asyncio.sleep(0.05)


@asynccontextmanager
async def a_site(database, folder, people=1):
    """A centre, a hub and two lanes, all wired for themselves."""
    async with Stage(database, people=people) as stage:
        hubs = Wired(stage, **await another_device(stage, stage.park.gate))
        other = await another_device(stage, stage.park.gate)
        async with hubs, a_hub(folder / "hub", hubs) as url:
            await has(url, "tickets", 1)
            one, two = Wired(stage, hub=url), Wired(stage, hub=url, **other)
            async with (
                one,
                two,
                a_lane(folder / "1", one, offline=PATIENT) as first,
                a_lane(folder / "2", two, offline=PATIENT) as second,
            ):
                for lane in (first, second):
                    await ready(lane)
                await has(url, "lanes", 2)
                yield stage, url, hubs, (first, one), (second, two)


def test_two_lanes_with_a_hub_admit_one_ticket_once(database, tmp_path):
    async def main():
        async with a_site(database, tmp_path) as (stage, url, hubs, (first, one), (second, two)):
            for wired in (hubs, one, two):
                wired.cable.cut()
            for lane in (first, second):
                await until(lambda lane=lane: lane.display.known.mode == "hub")
            await has(url, "mode", "lane")
            first.sim.lay(CARD)
            await first.shows("请通行")
            second.sim.lay(CARD)
            await second.shows("票已使用")
            # What the hub has decided is in its book, not in the lanes'.
            decided = [(row["source"], row["admitted"]) for row in book(tmp_path / "hub")]
            assert decided == [("hub", 1), ("hub", 0)]
            assert book(tmp_path / "1") == []
            hubs.cable.mend()
            await has(url, "queue", 0)
            rows = await stage.pool.fetch("SELECT device_id, admitted FROM admission ORDER BY at")
            assert [r["admitted"] for r in rows] == [True, False]
            # They are recorded under the lanes that asked.
            assert [r["device_id"] for r in rows] == [stage.park.device, two.identity.device_id]
            assert await stage.pool.fetchval("SELECT used FROM ticket") == 1
            assert await stage.pool.fetchval("SELECT count(*) FROM conflict") == 0

    asyncio.run(main())


def test_the_hub_passes_on_while_the_centre_answers_it(database, tmp_path):
    async def main():
        async with a_site(database, tmp_path) as (stage, _, _, (first, one), (second, _)):
            one.cable.cut()
            await until(lambda: first.display.known.mode == "hub")
            first.sim.lay(CARD)
            await first.shows("请通行")
            row = await stage.pool.fetchrow("SELECT device_id, admitted FROM admission")
            assert tuple(row) == (stage.park.device, True)
            assert book(tmp_path / "hub") == []
            second.sim.lay(CARD)
            await second.shows("票已使用")

    asyncio.run(main())


def test_the_hub_hears_at_once_what_the_centre_has_admitted(database, tmp_path):
    async def main():
        async with a_site(database, tmp_path) as (_, _, hubs, (first, one), (second, two)):
            hubs.cable.cut()  # no change of the centre reaches it
            first.sim.lay(CARD)
            await first.shows("请通行")
            await asyncio.sleep(0.2)  # for one message over the loopback
            one.cable.cut()
            two.cable.cut()
            await until(lambda: second.display.known.mode == "hub")
            second.sim.lay(CARD)
            await second.shows("票已使用")

    asyncio.run(main())


def test_a_hub_that_is_gone_leaves_the_lane_alone(database, tmp_path):
    async def main():
        async with Stage(database) as stage, Wired(stage) as wired:
            wired._hub = "http://127.0.0.1:9"
            async with a_lane(tmp_path, wired) as lane:
                await ready(lane)
                wired.cable.cut()
                await until(lambda: lane.display.known.mode == "lane")
                lane.sim.lay(CARD)
                await lane.shows("请通行")
                assert book(tmp_path)[0]["source"] == "lane"

    asyncio.run(main())


async def said_of(fleet, site, version):
    """What a hub made of a version."""
    async with asyncio.timeout(15):
        while True:
            for row in await fleet.said(site):
                if row["version"] == version:
                    return row["outcome"], row["detail"]
            await asyncio.sleep(0.05)


async def became(terminals, site, hub, number):
    """What has become of a task of a hub."""
    async with asyncio.timeout(15):
        while True:
            tasks = await terminals.tasks(site, hub.identity.device_id)
            one = next(task for task in tasks if task["id"] == number)
            if one["state"] != "pending":
                return one["state"]
            await asyncio.sleep(0.05)


def test_a_hub_told_to_reload_fetches_its_bundle_anew_and_a_lane_is_told_by_itself(
    database, tmp_path
):
    async def main():
        async with a_site(database, tmp_path) as (stage, url, hubs, _, _):
            lanes, site = stage.app.centre.lanes, stage.park.site
            terminals, device = lanes.terminals, hubs.identity.device_id
            folder = tmp_path / "hub" / "offline"

            def kept():
                return {path: path.stat().st_ino for path in folder.glob("*.bundle")}

            before = kept()
            assert before
            # That of a lane at the same gate is answered by the lane, and the hub does nothing.
            await lanes.commands.order(site, 101, stage.park.gate, "reload", "x")

            async def answered():
                return await stage.pool.fetchval("SELECT state FROM lane_command") == "done"

            async with asyncio.timeout(15):
                while not await answered():  # noqa: ASYNC110 - another program
                    await asyncio.sleep(0.05)
            assert kept() == before
            number = await terminals.reload(site, 101, device, "数据有疑")
            assert await became(terminals, site, hubs, number) == "done"
            after = kept()
            assert set(after) >= set(before)
            assert all(after[path] != inode for path, inode in before.items())
            # Nowhere to put it: that is said, and the hub goes on.
            shutil.rmtree(folder)
            folder.write_text("in the way")
            number = await terminals.reload(site, 101, device, "数据有疑")
            assert await became(terminals, site, hubs, number) == "failed"
            assert (await state(url))["lanes"] == 2

    asyncio.run(main())


def test_a_hub_is_set_as_its_site_is_and_not_as_one_of_its_gates(database, tmp_path):
    async def main():
        async with Stage(database) as stage:
            site, gate = stage.park.site, stage.park.gate
            hubs = Wired(stage, **await another_device(stage, gate))
            hubs.software = "menpiao test hub"
            fleet, pushed = stage.app.centre.lanes.terminals, tmp_path / "hub" / "pushed.json"
            async with hubs, a_hub(tmp_path / "hub", hubs) as url:
                await has(url, "tickets", 1)
                wish = {"oldest_s": 60, "hold_s": 2}
                version = await fleet.configure(site, 101, None, wish, "x")
                assert await said_of(fleet, site, version) == ("applied", "")
                assert json.loads(pushed.read_text())["settings"] == wish
                # Those of a gate are its lane's.
                await fleet.configure(site, 101, gate, {"oldest_s": 90}, "x")
                last = await fleet.configure(site, 101, None, {"oldest_s": 70}, "x")
                assert await said_of(fleet, site, last) == ("applied", "")
                assert json.loads(pushed.read_text())["settings"] == {"oldest_s": 70}
                await stage.pool.execute(
                    "INSERT INTO lane_setting SELECT site_id, id + 1, gate_id,"
                    """ '{"oldest_s": 1}', reason, staff_id, made_at FROM lane_setting"""
                    " WHERE id = $1",
                    last,
                )
                refused = await said_of(fleet, site, last + 1)
                assert refused == ("refused", "oldest_s: 60 to 172800")
                assert json.loads(pushed.read_text())["version"] == last
                # A hub without a key file of its own keeps the key that it has.
                device = hubs.identity.device_id
                number = await fleet.roll_key(site, 101, device, "x")
                async with asyncio.timeout(15):
                    while True:
                        (task,) = await fleet.tasks(site, device)
                        if task["state"] != "pending":
                            break
                        await asyncio.sleep(0.05)
                assert (task["id"], task["state"]) == (number, "failed")
                assert task["outcome"] == "not_supported"

    asyncio.run(main())


async def greets(url, identity):
    """What a hub answers to a lane with this key: ``welcome``, or the code of a fault."""
    address = url.replace("http", "ws") + "/check/v1/link"
    async with websockets.connect(address, subprotocols=[LINK_SUBPROTOCOL]) as link:
        proof = identity.prove(json.loads(await link.recv())["challenge"])
        body = {
            "type": "proof",
            "device_id": identity.device_id,
            "challenge": proof.challenge,
            "signature": proof.signature,
        }
        await link.send(json.dumps(body))
        answer = json.loads(await link.recv())
        return answer.get("code") or answer["type"]


def test_a_hub_hears_at_once_of_a_lane_s_other_key(database, tmp_path):
    async def main():
        async with Stage(database) as stage:
            lane = stage.park.device
            hubs = Wired(stage, **await another_device(stage, stage.park.gate))
            hubs.software = "menpiao test hub"
            # By itself it looks once an hour.
            rarely = Offline(check_s=3600.0, answer_within_s=5.0)
            async with hubs, a_hub(tmp_path / "hub", hubs, rarely) as url:
                await has(url, "tickets", 1)
                before = Identity(stage.key, lane)
                assert await greets(url, before) == "welcome"
                after = new_identity().enrolled_as(lane)
                assert await greets(url, after) == "device_unknown"
                await stage.pool.execute(
                    "UPDATE device SET public_key = $1 WHERE id = $2", raw_key(after.key), lane
                )
                async with asyncio.timeout(20):
                    while await greets(url, after) != "welcome":  # noqa: ASYNC110 - it hears of it by itself
                        await asyncio.sleep(0.1)
                assert await greets(url, before) == "device_unknown"

    asyncio.run(main())


def test_a_stranger_is_not_believed(database, tmp_path):
    async def main():
        async with Stage(database) as stage:
            hubs = Wired(stage, **await another_device(stage, stage.park.gate))
            async with hubs, a_hub(tmp_path / "hub", hubs) as url:
                await has(url, "tickets", 1)
                address = url.replace("http", "ws") + "/check/v1/link"
                for number in (stage.park.device, 999):
                    identity = new_identity().enrolled_as(number)
                    async with websockets.connect(address, subprotocols=[LINK_SUBPROTOCOL]) as link:
                        hello = json.loads(await link.recv())
                        proof = identity.prove(hello["challenge"])
                        body = {"type": "proof", "device_id": number} | {
                            "challenge": proof.challenge,
                            "signature": proof.signature,
                        }
                        await link.send(json.dumps(body))
                        assert json.loads(await link.recv())["code"] == "device_unknown"
                        await link.wait_closed()
                        assert link.close_code == 4401

    asyncio.run(main())
