"""A terminal itself: its key rolled, its settings pushed, its log fetched; cut at every step."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.centre.check.stage import Stage, b64, raw_key
from tests.support_db import FreshDatabase, person
from tests.terminals.gate.lane import a_lane
from tests.terminals.gate.offline.site import Wired, another_device
from tests.terminals.gate.offline.test_alone import ready
from tests.terminals.parts.link.centre import until

from menpiao.domain.reasons import Refusal
from menpiao.simulation.cards import resident
from menpiao.terminals.parts.link.identity import Identity, load_identity, save_identity
from menpiao.terminals.parts.link.keyring import Keyring
from menpiao.wire.fleet import roll_text

STAFF = 101
CARD = resident(person(1), "李样例")


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


def own_key(stage, folder: Path) -> Wired:
    """The way of a lane that has its key in a file, as the program has."""
    path = folder / "gate-key.json"
    if not path.exists():
        save_identity(path, Identity(stage.key, stage.park.device))
    wired = Wired(stage)
    wired.identity = wired.keys = Keyring(path)
    return wired


def terminals(stage):
    return stage.app.centre.lanes.terminals


async def became(stage, number):
    """What has become of a task."""
    async with asyncio.timeout(20):
        while True:
            tasks = await terminals(stage).tasks(stage.park.site, stage.park.device)
            one = next(task for task in tasks if task["id"] == number)
            if one["state"] != "pending":
                return one
            await asyncio.sleep(0.05)


async def known_key(stage):
    query = "SELECT public_key FROM device WHERE id = $1"
    return bytes(await stage.pool.fetchval(query, stage.park.device))


async def roll_asked(stage):
    return await terminals(stage).roll_key(stage.park.site, STAFF, stage.park.device, "例行更换")


# --- keys -----------------------------------------------------------------------------------------


def test_a_rolled_key_holds_at_once_and_the_one_before_does_not(database, tmp_path: Path) -> None:
    async def main() -> None:
        async with Stage(database) as stage:
            wired = own_key(stage, tmp_path)
            async with a_lane(tmp_path, wired) as lane:
                await ready(lane)
                assert (await became(stage, await roll_asked(stage)))["state"] == "done"
                kept = load_identity(tmp_path / "gate-key.json")
                assert await known_key(stage) == raw_key(kept.key) != raw_key(stage.key)
                assert (tmp_path / "gate-key.json").stat().st_mode & 0o777 == 0o600
                assert not (tmp_path / "gate-key.json.next").exists()
                async with stage.link(stage.key) as link:
                    assert json.loads(await link.recv())["code"] == "device_unknown"
                # The link that stood goes on; the next one is proved with the new key.
                wired.cable.cut()
                await until(lambda: lane.display.known.mode == "lane")
                wired.cable.mend()
                await until(lambda: lane.display.known.mode == "centre", 15)
                lane.sim.lay(CARD)
                await lane.shows("请通行")

    asyncio.run(main())


@pytest.mark.parametrize("cut", ["before the centre hears", "before its answer is heard"])
def test_a_roll_that_is_cut_leaves_a_terminal_that_works(database, tmp_path: Path, cut) -> None:
    async def main() -> None:
        async with Stage(database) as stage:
            wired = own_key(stage, tmp_path)
            after = wired.keys.begin()
            if cut == "before its answer is heard":
                challenge = (await stage.http.post("/check/v1/challenges")).json()["challenge"]
                roll = msgspec.json.encode(wired.keys.roll(after, challenge))
                answer = await stage.http.post("/check/v1/keys", content=roll)
                assert answer.status_code == 200, answer.text
                assert await known_key(stage) == raw_key(after.key)
            # The power is cut here: another process finds both keys on the disk.
            again = own_key(stage, tmp_path)
            async with a_lane(tmp_path, again) as lane:
                await ready(lane)
                lane.sim.lay(CARD)
                await lane.shows("请通行")
                if cut == "before the centre hears":
                    assert await known_key(stage) == raw_key(stage.key)
                    assert (await became(stage, await roll_asked(stage)))["state"] == "done"
                # What was begun is what it ended with: there is no third key.
                assert await known_key(stage) == raw_key(after.key)
                assert raw_key(load_identity(tmp_path / "gate-key.json").key) == raw_key(after.key)
                assert not (tmp_path / "gate-key.json.next").exists()

    asyncio.run(main())


def test_a_next_key_that_was_half_written_is_as_none(database, tmp_path: Path) -> None:
    async def main() -> None:
        async with Stage(database) as stage:
            own_key(stage, tmp_path)
            (tmp_path / "gate-key.json.next").write_bytes(b'{"private_')
            async with a_lane(tmp_path, own_key(stage, tmp_path)) as lane:
                await ready(lane)
                assert (await became(stage, await roll_asked(stage)))["state"] == "done"
                kept = load_identity(tmp_path / "gate-key.json")
                assert await known_key(stage) == raw_key(kept.key)

    asyncio.run(main())


def signed(stage, challenge, new, by_old, by_new):
    public = b64(raw_key(new))
    text = roll_text(stage.park.device, challenge, public)
    return {
        "device_id": stage.park.device,
        "challenge": challenge,
        "public_key": public,
        "signature": b64(by_old.sign(text)),
        "new_signature": b64(by_new.sign(text)),
    }


def test_nobody_rolls_a_key_that_is_not_theirs(database) -> None:
    async def main() -> None:
        async with Stage(database) as stage:
            new, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
            other = await another_device(stage, stage.park.gate)

            async def tried(challenge=None, **keys):
                if challenge is None:
                    told = await stage.http.post("/check/v1/challenges")
                    challenge = told.json()["challenge"]
                body = signed(stage, challenge, **keys)
                answer = await stage.http.post("/check/v1/keys", json=body)
                return answer.status_code, answer.json().get("code")

            unknown = (401, "device_unknown")
            assert await tried(new=new, by_old=stranger, by_new=new) == unknown
            assert await tried(new=new, by_old=stage.key, by_new=stranger) == unknown
            assert await tried("c.1.x.y", new=new, by_old=stage.key, by_new=new) == unknown
            taken = await tried(new=other["key"], by_old=stage.key, by_new=other["key"])
            assert taken == (403, "not_permitted")
            assert await known_key(stage) == raw_key(stage.key)
            assert (await tried(new=new, by_old=stage.key, by_new=new))[0] == 200
            # Asked once more, the answer is the same; the old key rolls nothing any more.
            assert (await tried(new=new, by_old=stage.key, by_new=new))[0] == 200
            assert await tried(new=stranger, by_old=stage.key, by_new=stranger) == unknown
            assert await known_key(stage) == raw_key(new)

    asyncio.run(main())


# --- settings -------------------------------------------------------------------------------------


async def made_of(stage, version):
    """What the lane says that it made of a version."""
    async with asyncio.timeout(20):
        while True:
            said = {row["version"]: row for row in await terminals(stage).said(stage.park.site)}
            if version in said:
                return said[version]["outcome"], said[version]["detail"]
            await asyncio.sleep(0.05)


async def holds_what_it_shows(lane):
    """A minute is what it was set to hold an answer, and not the 0.4 s of its own file."""
    lane.sim.lay(CARD)
    await until(lambda: lane.last.signal.value in {"admit", "refuse"}, 10)
    lane.sim.lift()
    await asyncio.sleep(1.0)
    return lane.last.signal.value in {"admit", "refuse"}


def test_settings_are_pushed_applied_kept_and_reported(database, tmp_path: Path) -> None:
    async def main() -> None:
        async with Stage(database, people=3) as stage:
            site, gate, fleet = stage.park.site, stage.park.gate, terminals(stage)
            wired = Wired(stage)
            async with a_lane(tmp_path, wired) as lane:
                await ready(lane)
                version = await fleet.configure(site, STAFF, None, {"hold_s": 60}, "大字显示久些")
                assert await made_of(stage, version) == ("applied", "")
                assert await holds_what_it_shows(lane)
                # One that no lane can use, as an older or newer centre might send it.
                bad = version + 1
                await stage.pool.execute(
                    "INSERT INTO lane_setting SELECT site_id, id + 1, gate_id,"
                    """ '{"hold_s": 900, "oldest_s": 60}', reason, staff_id, made_at"""
                    " FROM lane_setting"
                )
                assert await made_of(stage, bad) == ("refused", "hold_s: 0.1 to 60")
            # Off and on without the centre: the last good ones hold.
            wired.cable.cut()
            async with a_lane(tmp_path, wired) as lane:
                await until(lambda: lane.display.known.mode == "lane", 15)
                assert await holds_what_it_shows(lane)
                wired.cable.mend()
                # For one gate over the site's: what is left out there is as the site has it.
                good = await fleet.configure(site, STAFF, None, {"hold_s": 0.3}, "恢复")
                version = await fleet.configure(site, STAFF, gate, {"notice_s": 5}, "本通道")
                assert await made_of(stage, version) == ("applied", "")
                kept = json.loads((tmp_path / "pushed.json").read_text())
                assert kept["version"] == version > good
                assert kept["settings"] == {"hold_s": 0.3, "notice_s": 5}
                await lane.idle()

    asyncio.run(main())


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b'{"version": 1, "settings": {"x": 1}}'])
def test_kept_settings_that_cannot_be_used_are_passed_over(
    database, tmp_path: Path, content
) -> None:
    async def main() -> None:
        (tmp_path / "pushed.json").write_bytes(content)
        async with Stage(database) as stage, a_lane(tmp_path, Wired(stage)) as lane:
            await lane.idle()
            assert not await holds_what_it_shows(lane)

    asyncio.run(main())


def test_the_centre_sends_no_settings_that_cannot_be(database) -> None:
    async def main() -> None:
        async with Stage(database) as stage:
            site, gate, fleet = stage.park.site, stage.park.gate, terminals(stage)
            for place, settings, reason in (
                (None, {"hold_s": 900}, "x"),
                (None, {"hold_s": float("nan")}, "x"),
                (None, {"port": 1}, "x"),
                (gate + 100, {"hold_s": 1}, "x"),
                (gate, {"hold_s": 1}, " "),
            ):
                refused = await fleet.configure(site, STAFF, place, settings, reason)
                assert isinstance(refused, Refusal)
            assert await stage.pool.fetchval("SELECT count(*) FROM lane_setting") == 0

    asyncio.run(main())


# --- logs -----------------------------------------------------------------------------------------


def test_the_last_lines_are_fetched_when_somebody_asks_and_not_else(
    database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with Stage(database) as stage:
            site, device, fleet = stage.park.site, stage.park.device, terminals(stage)
            wired = Wired(stage)
            wired.lines = lambda most: [f"line {n}" for n in range(1000)][-most:]
            async with a_lane(tmp_path, wired) as lane:
                await ready(lane)
                number = await fleet.fetch_logs(site, STAFF, device, "屏幕黑过", lines=3)
                done = await became(stage, number)
                assert (done["state"], done["reason"]) == ("done", "屏幕黑过")
                assert done["lines"] == ["line 997", "line 998", "line 999"]
            head = await stage.head()
            for wrong in ("1", "not-a-number"):
                body = {"id": wrong, "lines": ["x"]}
                answer = await stage.http.post("/check/v1/logs", json=body, headers=head)
                assert answer.status_code in {403, 422}
            assert isinstance(await fleet.fetch_logs(site, STAFF, device + 99, "x"), Refusal)

    asyncio.run(main())
