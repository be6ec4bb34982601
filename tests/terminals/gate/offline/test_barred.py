"""Barred documents away from the centre: at a lane that only reaches the hub, and after the end."""

import asyncio
import contextlib
import sqlite3
from datetime import date, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.centre.check.stage import Stage, raw_key
from tests.storage.test_no_plain_numbers import base64_of
from tests.support_db import FreshDatabase, person
from tests.support_ports import free_port
from tests.terminals.gate.lane import a_lane
from tests.terminals.gate.offline.site import Cable, Wired, another_device
from tests.terminals.gate.offline.test_alone import book, list_heard, ready
from tests.terminals.gate.offline.test_hub import a_hub, has
from tests.terminals.gate.offline.test_hub_processes import (
    PEOPLE,
    Programs,
    changed,
    says,
    shown,
    state,
)
from tests.terminals.parts.link.centre import until

from menpiao.centre.console.service import Barring
from menpiao.domain.document import DocumentType, parse_document
from menpiao.domain.identity import day_hash
from menpiao.simulation.cards import resident
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.gate.config import new_config
from menpiao.terminals.parts.link.identity import Identity, save_identity
from menpiao.wire.bundle import unpack_barred

WITH, WITHOUT, LATER, FREE = 1, 77, 78, 2
"""Barred with a ticket, two barred without one, and somebody who is not barred."""
WORDS = ("signal", "zh", "en", "zh_next", "en_next")
CALM = """
[offline]
check_s = 0.5
answer_within_s = 5.0
[delays]
hold_s = 1.0
ask_timeout_s = 8.0
same_card_s = 0.2
"""
"""A busy machine is no cut line."""


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


def document_of(who):
    return parse_document(DocumentType.RESIDENT, person(who), date.today())


async def bar(centre, site, who):
    return await centre.console.bar(Barring(site, document_of(who), "倒票", "demo", None))


# --- at a lane that only reaches the hub ----------------------------------------------------------


@contextlib.asynccontextmanager
async def a_lane_program(site, folder, way, hub_port):
    """``menpiao gate`` in a folder of its own; gives its screen's address and its reader."""
    folder.mkdir()
    async with SimulatedReader() as sim:
        screen, config = free_port(), folder / "gate.toml"
        config.write_text(new_config(way.url, site.park.gate, sim.port) + CALM)
        hub = f'hub = "http://127.0.0.1:{hub_port}"\n'
        changed(config, ("8750", str(screen)), ("gate_id", f"{hub}gate_id"))
        identity = Identity(site.key, site.park.device)
        save_identity(folder / "gate-data" / "gate-key.json", identity)
        async with site.running(str(config)):
            yield f"http://127.0.0.1:{screen}", sim


async def laid(url, sim, who):
    """The words that the lane shows to a card, once it has decided."""
    await shown(url, "请刷身份证")
    await asyncio.sleep(0.4)  # until the reader takes it for a new presentation
    sim.lay(resident(person(who), "李样例"))
    async with asyncio.timeout(30):
        while True:
            view = (await asyncio.to_thread(state, url)).get("view", {})
            if view.get("signal") in {"admit", "refuse"}:
                break
            await asyncio.sleep(0.05)
    sim.lift()
    return {name: view[name] for name in WORDS}


def listed(folder):
    """How many barred documents the hub has heard of for today."""
    with contextlib.suppress(sqlite3.Error):
        return len(unpack_barred(list_heard(folder, "barred")))
    return 0


def test_a_lane_that_only_reaches_the_hub_refuses_with_the_words_of_the_centre(database, tmp_path):
    async def main():
        hub_key, port = Ed25519PrivateKey.generate(), free_port()
        hub_url = f"http://127.0.0.1:{port}"
        async with (
            Programs(tmp_path, database) as site,
            Cable(site.centre.port) as of_hub,
            Cable(site.centre.port) as of_lane,
        ):
            device = await site.pool.fetchval(
                "INSERT INTO device (site_id, name, public_key, enrolled_at)"
                " VALUES ($1, 'hub', $2, now()) RETURNING id",
                site.park.site,
                raw_key(hub_key),
            )
            config, kept = tmp_path / "hub" / "hub.toml", tmp_path / "hub" / "data"
            save_identity(kept / "hub-key.json", Identity(hub_key, device))
            config.write_text(
                f'centre = "{of_hub.url}"\nport = {port}\nhost = "127.0.0.1"\n'
                "[offline]\ncheck_s = 0.5\n"
            )
            async with site.running("--hub", str(config)):
                await says(hub_url, "tickets", PEOPLE)
                async with database.centre() as centre:
                    for who in (WITH, WITHOUT):
                        await bar(centre, site.park.site, who)
                await until(lambda: listed(kept) == 2, 20)
                async with a_lane_program(site, tmp_path / "1", of_lane, port) as (url, sim):
                    await says(url, "mode", "centre")
                    words = {who: await laid(url, sim, who) for who in (WITH, WITHOUT)}
                assert {one["signal"] for one in words.values()} == {"refuse"}
                # Another lane's computer, which has never heard anything of the centre.
                of_lane.cut()
                async with a_lane_program(site, tmp_path / "2", of_lane, port) as (url, sim):
                    await says(url, "mode", "hub")
                    for who, said in words.items():
                        assert await laid(url, sim, who) == said, "passed on by the hub"
                    of_hub.cut()
                    await says(hub_url, "mode", "lane")
                    for who, said in words.items():
                        assert await laid(url, sim, who) == said, "decided by the hub"
                    assert (await laid(url, sim, FREE))["signal"] == "admit"
                decided = [(row["source"], row["admitted"]) for row in book(kept)]
                assert decided == [("hub", 0), ("hub", 0), ("hub", 1)]
                assert book(tmp_path / "2" / "gate-data") == []

    asyncio.run(main())


# --- revoked --------------------------------------------------------------------------------------


def hashes(stage, *people):
    """Of these documents the hashes of today and tomorrow, as they may stand in a file."""
    vault, park = stage.app.centre.vault, stage.park
    for day in (park.today, park.today + timedelta(days=1)):
        for who in people:
            plain = day_hash(vault.day_key(park.site, day), document_of(who))
            yield day, who, {plain, *base64_of(plain)}


def held(folder, stage, *people):
    """Whose hash of which day is somewhere in the files of a folder."""
    octets = b"\0".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return {
        (day, who) for day, who, forms in hashes(stage, *people) if any(f in octets for f in forms)
    }


@pytest.mark.parametrize("kind", ["lane", "hub"])
def test_a_revoked_terminal_keeps_no_hash_of_a_barred_document(database, tmp_path, kind):
    async def main():
        async with Stage(database) as stage:
            wired = Wired(stage, **await another_device(stage, stage.park.gate))
            await bar(stage.app.centre, stage.park.site, WITHOUT)
            await stage.app.centre.catalogue.current(fresh=True)
            async with wired, terminal(kind, tmp_path, wired):
                # One is in the bundle, the other one is heard of after that.
                both = {(day, who) for day, who, _ in hashes(stage, WITHOUT, LATER)}
                in_bundle = {one for one in both if one[1] == WITHOUT}
                await until(lambda: held(tmp_path, stage, WITHOUT) == in_bundle, 15)
                await bar(stage.app.centre, stage.park.site, LATER)
                await until(lambda: held(tmp_path, stage, WITHOUT, LATER) == both, 15)
                await stage.pool.execute(
                    "UPDATE device SET revoked_at = now() WHERE id = $1", wired.identity.device_id
                )
                await until(lambda: not list(tmp_path.rglob("*.bundle")), 20)
                await until(lambda: held(tmp_path, stage, WITHOUT, LATER) == set(), 5)
            assert held(tmp_path, stage, WITHOUT, LATER) == set()

    asyncio.run(main())


@contextlib.asynccontextmanager
async def terminal(kind, folder, wired):
    """A lane or a hub that has its data."""
    if kind == "hub":
        async with a_hub(folder, wired) as url:
            await has(url, "tickets", 1)
            yield
    else:
        async with a_lane(folder, wired) as lane:
            await ready(lane)
            yield
