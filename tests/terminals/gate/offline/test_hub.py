"""The hub of a site: while the centre is away, one ticket enters once per site."""

import asyncio
import json
import urllib.request
from contextlib import asynccontextmanager

import pytest
import websockets
from tests.centre.check.stage import Stage
from tests.support_db import FreshDatabase, person
from tests.terminals.gate.lane import a_lane
from tests.terminals.gate.offline.site import Wired, another_device
from tests.terminals.gate.offline.test_alone import book, ready
from tests.terminals.parts.link.centre import until

from menpiao.simulation.cards import resident
from menpiao.terminals.gate.config import HubConfig, Offline
from menpiao.terminals.gate.offline.hub import HubParts, run_hub
from menpiao.terminals.parts.link.identity import new_identity
from menpiao.wire.check import LINK_SUBPROTOCOL

PATIENT = Offline(check_s=0.5, answer_within_s=5.0)
CARD = resident(person(1), "李样例")


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


@asynccontextmanager
async def a_hub(folder, wired):
    """A hub on a free port; gives its address."""
    config = HubConfig(
        centre=wired.url,
        data_dir=folder,
        host="127.0.0.1",
        port=0,
        # The centre answers when it is there: how fast a busy machine is decides nothing.
        pass_on_within_s=2.0,
        offline=PATIENT,
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


def test_a_hub_says_what_it_does_not_take(database, tmp_path):
    async def main():
        async with Stage(database) as stage:
            hubs = Wired(stage, **await another_device(stage, stage.park.gate))
            fleet = stage.app.centre.lanes.terminals
            async with hubs, a_hub(tmp_path / "hub", hubs) as url:
                await has(url, "tickets", 1)
                version = await fleet.configure(stage.park.site, 101, None, {"hold_s": 2}, "x")
                async with asyncio.timeout(15):
                    while not (said := await fleet.said(stage.park.site)):  # noqa: ASYNC110 - another process says it
                        await asyncio.sleep(0.05)
                assert [(row["version"], row["outcome"]) for row in said] == [(version, "refused")]
                # A hub without a key file of its own keeps the key that it has.
                device = hubs.identity.device_id
                number = await fleet.roll_key(stage.park.site, 101, device, "x")
                async with asyncio.timeout(15):
                    while True:
                        (task,) = await fleet.tasks(stage.park.site, device)
                        if task["state"] != "pending":
                            break
                        await asyncio.sleep(0.05)
                assert (task["id"], task["state"]) == (number, "failed")
                assert task["outcome"] == "not_supported"

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
