"""A lane that is older than its centre: what it may pass over, and what it must refuse."""

import asyncio
import base64
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from tests.centre.check.stage import Stage
from tests.support_db import FreshDatabase, person
from tests.terminals.gate.lane import a_lane
from tests.terminals.gate.offline.site import Wired
from tests.terminals.gate.offline.test_alone import ready
from tests.terminals.parts.link.centre import until

from menpiao.centre.check.service.bundles import signing_key
from menpiao.simulation.cards import resident
from menpiao.terminals.gate.config import Offline
from menpiao.terminals.parts.link.errands import HttpErrands

CARD = resident(person(1), "李样例")


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


class Newer(HttpErrands):
    """The errands of a centre that has more to say: its manifests are changed and signed anew."""

    def __init__(self, wired):
        super().__init__(wired.url, wired.identity, timeout_s=5.0)
        secret = wired.stage.app.centre.keys.get("device_tokens")
        self._key, self._wired = signing_key(secret), wired

    def call(self, method, path, body=b""):
        status, octets = super().call(method, path, body)
        if not path.startswith("/bundles/") or status != 200:
            return status, octets
        self._wired.asked += 1
        manifest = json.loads(octets)
        self._wired.change(manifest)
        manifest["signature"] = ""
        plain = json.dumps(manifest, ensure_ascii=False, separators=(",", ":")).encode()
        signature = self._key.sign(b"menpiao-bundle-v1\0" + plain)
        text = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
        whole = manifest | {"signature": text}
        return 200, self._wired.spoil(
            json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
        )


class OfNewer(Wired):
    """A lane's way to such a centre."""

    def __init__(self, stage, change=lambda _: None):
        super().__init__(stage)
        self.change = change
        self.spoil = lambda octets: octets
        self.asked = 0

    def errands(self):
        return Newer(self)


def more(manifest):
    """Fields of tomorrow, everywhere."""
    manifest["weather"] = {"today": "晴", "degrees": [21.5, 3]}
    for part in ("gates", "products", "devices"):
        for one in manifest[part]:
            one["colour"] = "青"
    # Not at the end, where a reader may stop early.
    first = manifest.pop("version")
    rest = dict(manifest)
    manifest.clear()
    manifest.update({"moon": None, "version": first}, **rest)


def test_fields_that_a_lane_does_not_know_keep_nobody_out(database, tmp_path):
    async def main():
        async with Stage(database) as stage:
            wired = OfNewer(stage, more)
            async with a_lane(tmp_path, wired) as lane:
                await ready(lane)
            # Also from the disk, without the centre: the signature is over all of it.
            wired.cable.cut()
            async with a_lane(tmp_path, wired) as lane:
                await until(lambda: lane.display.known.mode == "lane", 15)
                lane.sim.lay(CARD)
                await lane.shows("请通行")

    asyncio.run(main())


def spoilt(octets):
    """Somebody on the way changes what only a newer lane would read."""
    changed = octets.replace("晴".encode(), "雨".encode())
    assert changed != octets
    return changed


def meaning(manifest):
    manifest["needs"] = ["two_tickets_for_one"]


def word(manifest):
    manifest["gates"][0]["direction"] = "sideways"


def mode(manifest):
    manifest["alone"] = "ask_the_guard"


def rule(manifest):
    manifest["products"][0]["reentry"] = "on_sundays"


def version(manifest):
    manifest["version"] = 2


@pytest.mark.parametrize("change", [meaning, word, mode, rule, version, more])
def test_what_a_lane_cannot_act_on_it_refuses_and_keeps_what_it_has(database, tmp_path, change):
    async def main():
        async with Stage(database) as stage:
            quick = Offline(check_s=0.3, answer_within_s=5.0)
            wired = OfNewer(stage)
            async with a_lane(tmp_path, wired, offline=quick) as lane:
                await ready(lane)
                kept = bundles(tmp_path)
                assert kept
                wired.change = lambda m: (change(m), m.update(settings="other"))
                if change is more:
                    wired.spoil = spoilt
                seen = wired.asked
                await until(lambda: wired.asked >= seen + 3, 15)
                assert kept == bundles(tmp_path)
                # It knows of it, and what it has grows no younger.
                kind = "unusable" if change is more else "newer"
                await until(lambda: refused(tmp_path) == {kind}, 15)
                then, seen = datetime.now(UTC), wired.asked
                await until(lambda: wired.asked >= seen + 8, 15)
                assert lane.display.known.at <= then
                # What it can act on again is gone by again, and nothing is left to say.
                wired.change, wired.spoil = (lambda _: None), (lambda octets: octets)
                await until(lambda: not refused(tmp_path), 15)
                # It goes on: on line by the centre, off line by what it understood last.
                wired.cable.cut()
                await until(lambda: lane.display.known.mode == "lane", 15)
                lane.sim.lay(CARD)
                await lane.shows("请通行")

    asyncio.run(main())


def refused(folder):
    """Why the rules of days were refused, as the lane's disk has it."""
    (path,) = folder.rglob("heard.sqlite3")
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("select value from facts where name like '% refused' and value <> ''")
        return {json.loads(value)["kind"] for (value,) in found}


def bundles(folder):
    """Each bundle's octets."""
    return [path.read_bytes() for path in sorted(folder.rglob("*.bundle"))]
