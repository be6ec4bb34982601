"""A lane whose centre is away: it answers from its bundle, and the centre learns of everything."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import date, timedelta

import pytest
from tests.centre.check.stage import Stage
from tests.support_db import FreshDatabase, person
from tests.terminals.gate.lane import a_lane
from tests.terminals.gate.offline.site import Wired, another_device
from tests.terminals.parts.link.centre import until

from menpiao.centre.console.service import Barring
from menpiao.compose.lane import network_printer
from menpiao.domain.document import DocumentType, parse_document
from menpiao.simulation.cards import resident
from menpiao.simulation.printer import SimulatedPrinter
from menpiao.terminals.gate.config import Delays, Offline

CARD = resident(person(1), "李样例")
PATIENT = Delays(
    hold_s=0.4, least_show_s=0.05, ask_timeout_s=8.0, checking_after_s=0.1, same_card_s=0.2
)


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


async def ready(lane, tickets=1):
    """Wait until the lane has its bundle and is idle."""
    await lane.idle()
    await until(lambda: lane.display.known.tickets == tickets, 15)


def book(folder):
    with closing(sqlite3.connect(folder / "offline" / "decided.sqlite3")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("select * from scans order by sequence")]


async def again(lane, card=CARD):
    """Take the card away and lay it once more."""
    lane.sim.lift()
    await lane.idle()
    await asyncio.sleep(0.4)  # until the reader takes it for a new presentation
    lane.sim.lay(card)


def test_a_cut_link_holds_nobody_up_and_loses_nothing(database, tmp_path):
    async def main():
        async with (
            Stage(database, people=3) as stage,
            Wired(stage) as wired,
            SimulatedPrinter() as paper,
        ):
            printer = network_printer(*paper.address)
            async with a_lane(tmp_path, wired, printer=printer) as lane:
                await ready(lane)
                wired.cable.cut()
                await until(lambda: lane.display.known.mode == "lane")
                assert lane.last.signal.value == "ready"
                lane.sim.lay(CARD)
                await lane.shows("请通行")
                assert lane.last.people == 3
                await until(lambda: paper.count == 1)
                await again(lane)
                await lane.shows("票已使用")
                assert lane.last.since_place == "东门1"
                assert [row["sequence"] for row in book(tmp_path)] == [1, 2]
                assert await stage.pool.fetchval("SELECT count(*) FROM admission") == 0
                wired.cable.mend()
                await until(lambda: all(row["outcome"] == "recorded" for row in book(tmp_path)), 15)
                row = await stage.pool.fetchrow("SELECT used, inside, first_in_gate FROM ticket")
                assert tuple(row) == (3, 3, "东门1")
                scans = await stage.pool.fetch("SELECT admitted, reason FROM admission ORDER BY at")
                assert [tuple(s) for s in scans] == [(True, "pass"), (False, "already_used")]
                assert await stage.pool.fetchval("SELECT count(*) FROM conflict") == 0

    asyncio.run(main())


def test_a_slow_centre_is_not_waited_for_and_nothing_counts_twice(database, tmp_path):
    async def main():
        async with (
            Stage(database, people=3) as stage,
            Wired(stage) as wired,
            a_lane(tmp_path, wired, delays=PATIENT) as lane,
        ):
            await ready(lane)
            wired.cable.delay_s = 0.8
            lane.sim.lay(CARD)
            # Far below the time for an ask: it is the lane that answers.
            await lane.shows("请通行", 4.0)
            (row,) = book(tmp_path)
            assert (row["source"], row["admitted"], row["people"]) == ("lane", 1, 3)
            await until(lambda: book(tmp_path)[0]["late"], 10)
            wired.cable.delay_s = 0.0
            await until(lambda: book(tmp_path)[0]["outcome"] in {"known", "recorded"}, 15)
            assert await stage.pool.fetchval("SELECT count(*) FROM admission") == 1
            assert await stage.pool.fetchval("SELECT used FROM ticket") == 3
            assert await stage.pool.fetchval("SELECT count(*) FROM conflict") == 0

    asyncio.run(main())


def test_what_was_heard_and_decided_outlives_a_restart_without_the_centre(database, tmp_path):
    async def main():
        async with Stage(database, people=2) as stage, Wired(stage) as wired:
            async with a_lane(tmp_path, wired) as lane:
                await ready(lane)
                body = stage.ask("n" * 12, people=1)
                answer = await stage.http.post(
                    "/check/v1/admissions", json=body, headers=await stage.head()
                )
                assert answer.json()["admitted"]
                heard = tmp_path / "offline" / "heard.sqlite3"

                def rows():
                    with closing(sqlite3.connect(heard)) as connection:
                        # Towards midnight the ticket is tomorrow's too.
                        query = (
                            "select count(*) from tickets where day = (select min(day) from days)"
                        )
                        return connection.execute(query).fetchone()[0]

                await until(lambda: rows() == 1)
                wired.cable.cut()
            async with a_lane(tmp_path, wired) as lane:
                await until(lambda: lane.display.known.mode == "lane")
                lane.sim.lay(CARD)
                await lane.shows("请通行")
                assert lane.last.people == 1
            async with a_lane(tmp_path, wired) as lane:
                await until(lambda: lane.display.known.mode == "lane")
                lane.sim.lay(CARD)
                await lane.shows("票已使用")
                wired.cable.mend()
                await until(lambda: all(row["outcome"] for row in book(tmp_path)), 15)
                assert await stage.pool.fetchval("SELECT used FROM ticket") == 2

    asyncio.run(main())


def test_two_isolated_lanes_that_admit_one_ticket_make_one_conflict(database, tmp_path):
    async def main():
        async with Stage(database, people=1) as stage:
            other = await another_device(stage, stage.park.gate)
            async with (
                Wired(stage) as one,
                Wired(stage, **other) as two,
                a_lane(tmp_path / "1", one) as first,
                a_lane(tmp_path / "2", two) as second,
            ):
                for lane, wired in ((first, one), (second, two)):
                    await ready(lane)
                    wired.cable.cut()
                    await until(lambda lane=lane: lane.display.known.mode == "lane")
                for lane in (first, second):
                    lane.sim.lay(CARD)
                    await lane.shows("请通行")
                for wired in (one, two):
                    wired.cable.mend()
                for folder in ("1", "2"):
                    await until(lambda f=folder: book(tmp_path / f)[0]["outcome"], 15)
                outcomes = sorted(book(tmp_path / f)[0]["outcome"] for f in ("1", "2"))
                assert outcomes == ["conflict", "recorded"]
                assert await stage.pool.fetchval("SELECT count(*) FROM conflict") == 1
                query = "SELECT count(*) FROM admission WHERE admitted"
                assert await stage.pool.fetchval(query) == 2

    asyncio.run(main())


def test_a_revoked_terminal_forgets_everything(database, tmp_path):
    async def main():
        async with (
            Stage(database) as stage,
            Wired(stage) as wired,
            a_lane(tmp_path, wired) as lane,
        ):
            await ready(lane)
            assert list((tmp_path / "offline").glob("*.bundle"))
            await stage.pool.execute("UPDATE device SET revoked_at = now()")
            await until(lambda: not list((tmp_path / "offline").glob("*.bundle")), 20)
            await until(lambda: lane.display.known.tickets is None)
            wired.cable.cut()
            await asyncio.sleep(0.5)
            await again_refused(lane)

    async def again_refused(lane):
        lane.sim.lift()
        await asyncio.sleep(0.4)
        lane.sim.lay(CARD)
        await asyncio.sleep(1.0)
        assert "admit" not in lane.signals

    asyncio.run(main())


async def decided_alone(lane, wired, card):
    """Cut the way, lay a card, say what is shown; mend the way."""
    wired.cable.cut()
    await until(lambda: lane.display.known.mode == "lane")
    before = len(lane.display.views)
    lane.sim.lay(card)
    await until(lambda: any(v.signal.value == "refuse" for v in lane.display.views[before:]), 10)
    (shown,) = {v.zh for v in lane.display.views[before:] if v.signal.value == "refuse"}
    lane.sim.lift()
    wired.cable.mend()
    await until(lambda: lane.display.known.mode == "centre", 15)
    await asyncio.sleep(0.4)
    return shown


def test_a_bar_and_a_full_site_are_heard_of_and_hold_without_the_centre(database, tmp_path):
    """The same card is laid with and without the centre: the words are the same."""

    async def main():
        async with (
            Stage(database, people=3) as stage,
            Wired(stage) as wired,
            a_lane(tmp_path, wired) as lane,
        ):
            await ready(lane)
            await stage.pool.execute(
                "INSERT INTO barred (site_id, id, holder_hash, reason, barred_at)"
                " SELECT site_id, id, holder_hash, '倒票', now() FROM ticket"
            )
            await until(lambda: list_heard(tmp_path, "barred"), 10)
            online = await said_by_centre(stage, "barred-on-line")
            assert await decided_alone(lane, wired, CARD) == online
            await stage.pool.execute("DELETE FROM barred")
            await stage.pool.execute(
                "UPDATE site SET instant_capacity = 10, holds_when_full = true"
            )
            await stage.pool.execute(
                "INSERT INTO flow_bucket (site_id, bucket, gate_id, entries)"
                " VALUES ($1, now(), $2, 10)",
                stage.park.site,
                stage.park.gate,
            )
            await until(lambda: '"people":10' in list_heard(tmp_path, "places"), 10)
            online_full = await said_by_centre(stage, "full-on-line")
            assert await decided_alone(lane, wired, CARD) == online_full
            assert len({online, online_full}) == 2
            assert await stage.pool.fetchval("SELECT used FROM ticket") == 0

    asyncio.run(main())


@pytest.mark.parametrize("who", [1, 77], ids=["with a ticket", "without a ticket"])
def test_a_barred_document_is_told_the_same_with_and_without_the_centre(database, tmp_path, who):
    """Barred while the lane listens, then lifted; the words are those of the centre each time."""
    card = resident(person(who), "李样例")

    async def main():
        async with (
            Stage(database, people=3) as stage,
            Wired(stage) as wired,
            a_lane(tmp_path, wired) as lane,
        ):
            await ready(lane)
            document = parse_document(DocumentType.RESIDENT, person(who), date.today())
            console = stage.app.centre.console
            entry = await console.bar(Barring(stage.park.site, document, "倒票", "demo", None))
            await until(lambda: list_heard(tmp_path, "barred"), 10)
            online = await said_by_centre(stage, "barred-on-line", who)
            assert await decided_alone(lane, wired, card) == online
            assert await console.lift(stage.park.site, entry.id, "demo", "误登记")
            await until(lambda: not list_heard(tmp_path, "barred"), 10)
            if who != 1:
                after = await said_by_centre(stage, "lifted-on-line", who)
                assert after != online
                assert await decided_alone(lane, wired, card) == after

    asyncio.run(main())


async def said_by_centre(stage, nonce, who=1):
    credential = {"kind": "resident_card", "number": person(who)}
    ask = stage.ask(nonce) | {"credential": credential}
    answer = await stage.http.post("/check/v1/admissions", json=ask, headers=await stage.head())
    assert not answer.json()["admitted"]
    return answer.json()["zh"]


def list_heard(folder, which):
    """A list as the lane has it on its disk for today; empty: it has heard none."""
    with closing(sqlite3.connect(folder / "offline" / "heard.sqlite3")) as connection:
        query = "select value from facts where name like '% ' || ? order by name limit 1"
        row = connection.execute(query, (which,)).fetchone()
        return row[0] if row else ""


@pytest.mark.parametrize("alone", ["refuse", "home"])
def test_what_a_lane_alone_may_do_is_the_sites_word(database, tmp_path, alone):
    async def main():
        async with Stage(database, people=1) as stage, Wired(stage) as wired:
            await stage.pool.execute("UPDATE site SET alone = $1", alone)
            more = await stage.pool.fetchval(
                "INSERT INTO gate (site_id, name, name_en, direction, people_per_scan,"
                " early_grace_s, late_grace_s, is_open)"
                " VALUES ($1, '西门', 'West', 'entry', 0, 0, 0, true) RETURNING id",
                stage.park.site,
            )
            device = await another_device(stage, more)
            async with (
                Wired(stage, gate_id=more, **device) as west,
                a_lane(tmp_path / "1", wired) as east_lane,
                a_lane(tmp_path / "2", west) as west_lane,
            ):
                lanes = (east_lane, west_lane)
                for lane in lanes:
                    await ready(lane)
                wired.cable.cut()
                west.cable.cut()
                expected = "lane" if alone == "home" else "manual"
                for lane in lanes:
                    await until(lambda lane=lane: lane.display.known.mode == expected)
                    lane.sim.lay(CARD)
                for lane in lanes:
                    await until(lambda lane=lane: {"admit", "refuse"} & set(lane.signals), 10)
                admitted = [lane.signals.count("admit") for lane in lanes]
                assert sum(admitted) == (1 if alone == "home" else 0)
                if alone == "home":
                    away = lanes[admitted.index(0)]
                    home = ("东门1", "西门")[admitted.index(1)]
                    told = [v.zh_next for v in away.display.views if v.signal.value == "refuse"]
                    assert told == [f"请到{home}检票"]

    asyncio.run(main())


def test_data_that_is_too_old_is_not_decided_on(database, tmp_path):
    async def main():
        async with (
            Stage(database) as stage,
            Wired(stage) as wired,
            a_lane(tmp_path, wired, offline=Offline(check_s=0.5, oldest_s=3)) as lane,
        ):
            await ready(lane)
            wired.cable.cut()
            await until(lambda: lane.display.known.mode == "manual", 10)
            await lane.shows("请走人工通道")
            lane.sim.lay(CARD)
            await asyncio.sleep(1.0)
            assert "admit" not in lane.signals
            assert book(tmp_path) == []

    asyncio.run(main())


def test_a_download_that_was_cut_goes_on(database, tmp_path):
    async def main():
        async with Stage(database) as stage, Wired(stage) as wired:
            await stage.pool.execute(
                "INSERT INTO ticket SELECT (jsonb_populate_record(t, jsonb_build_object('id',"
                " t.id + n, 'gate_hash', '\\x' || md5(n::text),"
                " 'holder_hash', '\\x' || md5(n::text)))).* FROM ticket t,"
                " generate_series(1, 20000) n"
            )
            wired.cable.most = 200_000
            async with a_lane(tmp_path, wired) as lane:
                await until(lambda: lane.display.known.tickets == 20_001, 30)
                wired.cable.cut()
                await until(lambda: lane.display.known.mode == "lane")
                lane.sim.lay(CARD)
                await lane.shows("请通行")

    asyncio.run(main())


def test_a_lane_that_has_heard_much_fetches_anew_once_there_is_something_newer(
    database, tmp_path, monkeypatch
):
    from menpiao.centre.check.service import bundles
    from menpiao.terminals.gate.offline import store

    def heard():
        with closing(sqlite3.connect(tmp_path / "offline" / "heard.sqlite3")) as connection:
            return connection.execute("select count(*) from tickets").fetchone()[0]

    def fetched():
        (path,) = sorted((tmp_path / "offline").glob("*.bundle"))[:1]
        return path.stat().st_mtime_ns

    async def main():
        async with Stage(database) as stage, Wired(stage) as wired:
            offline = Offline(check_s=0.2)
            async with a_lane(tmp_path, wired, offline=offline) as lane:
                await ready(lane)
                monkeypatch.setattr(store, "_HEAVY", 0)
                lane.sim.lay(CARD)
                await lane.shows("请通行")
                await until(heard, 10)
                before = fetched()
                await asyncio.sleep(1.5)
                assert fetched() == before
                # The centre's own is too old to be handed out again.
                monkeypatch.setattr(bundles, "FRESH", timedelta())
                await until(lambda: not heard(), 10)
                assert fetched() > before

    asyncio.run(main())
