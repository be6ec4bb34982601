"""States and commands of lanes over a real link: told once, answered, agreed to by a second one."""

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import websockets
from tests.centre.check.stage import Stage
from tests.support_db import run

from menpiao.domain.reasons import Refusal

FIRST, SECOND = 101, 102


def beat(**more):
    return json.dumps({"type": "heartbeat", "at": datetime.now(UTC).isoformat()} | more)


@asynccontextmanager
async def linked(stage):
    async with stage.link() as link:
        assert json.loads(await link.recv())["type"] == "welcome"
        yield link


async def command(link, within_s=3):
    """The next command on a link."""
    async with asyncio.timeout(within_s):
        while True:
            message = json.loads(await link.recv())
            if message["type"] == "command":
                return message


async def quiet(link, for_s=1.5):
    with pytest.raises(TimeoutError):
        await command(link, for_s)


async def until(look, within_s=5):
    async with asyncio.timeout(within_s):
        while not (found := await look()):  # noqa: ASYNC110 - asked over a network
            await asyncio.sleep(0.05)
        return found


def parts(stage):
    return stage.app.centre.lanes.commands, stage.app.centre.lanes.states


async def lane(stage):
    board = await parts(stage)[1].board(stage.park.site)
    return next(one for one in board.lanes if one.gate_id == stage.park.gate)


async def line(stage, number):
    board = await parts(stage)[1].board(stage.park.site)
    return next(one for one in board.commands if one.id == number)


def test_a_lane_is_on_the_board_as_its_heartbeats_say_and_goes_when_its_link_ends(database):
    async def story():
        async with Stage(database) as stage:
            assert (await lane(stage)).alarms == ("no_terminal",)
            async with linked(stage) as link:
                old = (datetime.now(UTC) - timedelta(minutes=9)).isoformat()
                said = {"state": "idle", "paper": "out", "mode": "lane", "data_at": old, "queue": 7}
                await link.send(beat(**said))

                async def told():
                    one = await lane(stage)
                    return one if one.state.get("queue") == 7 else None

                shown = await until(told)
                assert shown.up
                assert shown.alarms == ("paper_out", "data_old")
                assert 535 <= shown.data_age_s <= 560
                await link.send(json.dumps(stage.ask("nonce-0001")))
                await link.recv()
                one = await until(lambda: _scanned(stage))
                assert one.people == 3
                assert "李样例" not in repr(one.scans)

            async def gone():
                return not (await lane(stage)).up

            await until(gone)

    async def _scanned(stage):
        one = await lane(stage)
        return one if one.scans else None

    run(story())


def test_a_command_reaches_its_lane_once_and_its_answer_is_kept(database):
    async def story():
        async with Stage(database) as stage:
            commands, _ = parts(stage)
            site, gate = stage.park.site, stage.park.gate
            async with linked(stage) as link:
                number = await commands.order(site, FIRST, gate, "open_once", "轮椅")
                told = await command(link)
                assert (told["id"], told["action"]) == (str(number), "open_once")
                assert told["gate_id"] == gate
                await quiet(link)
                done = {"type": "acknowledged", "id": told["id"], "outcome": "done"}
                await link.send(json.dumps(done))

                async def answered():
                    return (await line(stage, number)).state == "done"

                await until(answered)
                number = await commands.order(site, FIRST, gate, "show", "请走西门")
                told = await command(link)
                assert told["text"] == "请走西门"
                no = {"type": "acknowledged", "id": told["id"], "outcome": "not_supported"}
                await link.send(json.dumps(no))

                async def refused():
                    return (await line(stage, number)).state == "failed"

                await until(refused)
                assert (await line(stage, number)).outcome == "not_supported"

    run(story())


def test_commands_of_one_moment_come_in_the_order_in_which_they_were_given(database):
    async def story():
        async with Stage(database) as stage:
            commands, _ = parts(stage)
            site, gate = stage.park.site, stage.park.gate
            given = ["open_once", "hold_closed", "show", "release", "open_once"]
            for action in given:
                await commands.order(site, FIRST, gate, action, "x")
            async with linked(stage) as link:
                assert [(await command(link))["action"] for _ in given] == given

    run(story())


def test_nothing_is_opened_late_and_only_a_hold_is_told_again(database):
    async def story():
        async with Stage(database) as stage:
            commands, _ = parts(stage)
            site, gate = stage.park.site, stage.park.gate
            late = await commands.order(site, FIRST, gate, "open_once", "late")
            await stage.pool.execute("UPDATE lane_command SET expires_at = now()")
            async with linked(stage) as link:
                await quiet(link)
                assert (await line(stage, late)).state == "expired"
                once = await commands.order(site, FIRST, gate, "open_once", "cut")
                hold = await commands.order(site, FIRST, gate, "hold_open", "cut")
                told = {(await command(link))["id"] for _ in range(2)}
                assert told == {str(once), str(hold)}
            async with linked(stage) as link:
                assert (await command(link))["id"] == str(hold)
                await quiet(link)

    run(story())


def test_a_whole_site_is_told_when_a_second_person_agrees_and_not_before(database):
    async def story():
        async with Stage(database) as stage:
            commands, _ = parts(stage)
            site = stage.park.site
            async with linked(stage) as link:
                number = await commands.order_all(site, FIRST, "close_all", "雷暴")
                await quiet(link)
                assert isinstance(await commands.agree(site, FIRST, number), Refusal)
                assert isinstance(await commands.agree(site + 1, SECOND, number), Refusal)
                both = await asyncio.gather(
                    *(commands.agree(site, SECOND, number) for _ in range(4))
                )
                assert sorted(isinstance(one, Refusal) for one in both) == [False, *[True] * 3]
                gates = {(await command(link))["gate_id"] for _ in range(2)}
                assert gates == {stage.park.gate, stage.park.exit}
                assert not (await stage.pool.fetchval("SELECT bool_or(is_open) FROM gate"))
                kept = await stage.pool.fetch(
                    "SELECT staff_id, second_id FROM lane_command WHERE gate_id IS NOT NULL"
                )
                assert {tuple(r) for r in kept} == {(FIRST, SECOND)}
                number = await commands.order_all(site, FIRST, "release_all", "火警")
                await stage.pool.execute(
                    "UPDATE lane_command SET expires_at = now() WHERE state = 'awaiting'"
                )
                assert isinstance(await commands.agree(site, SECOND, number), Refusal)
                await quiet(link)

    run(story())


def test_a_link_that_comes_while_the_last_states_are_written_is_served(database):
    """The data store is slow just as the only lane leaves, and the lane is back at once."""

    async def story():
        async with Stage(database) as stage:
            commands, _ = parts(stage)
            site, gate = stage.park.site, stage.park.gate
            async with linked(stage):
                await until(lambda: stage.pool.fetchval("SELECT true FROM lane_state"))
            waiting = (
                "SELECT true FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND query LIKE '%INSERT INTO lane_state%' AND datname = current_database()"
            )
            async with AsyncExitStack() as links, stage.pool.acquire() as slow:
                async with linked(stage):
                    pass
                async with slow.transaction():
                    await slow.execute("LOCK TABLE lane_state IN EXCLUSIVE MODE")
                    await until(lambda: stage.pool.fetchval(waiting))
                    again = await links.enter_async_context(linked(stage))
                number = await commands.order(site, FIRST, gate, "open_once", "轮椅")
                assert (await command(again))["id"] == str(number)

    run(story())


@pytest.mark.parametrize(
    ("action", "reason"), [("explode", "x"), ("open_once", " "), ("show", "x" * 65)]
)
def test_a_command_without_sense_or_reason_is_refused(database, action, reason):
    async def story():
        async with Stage(database) as stage:
            commands, _ = parts(stage)
            site, gate = stage.park.site, stage.park.gate
            assert isinstance(await commands.order(site, FIRST, gate, action, reason), Refusal)
            assert isinstance(await commands.order(site, FIRST, 999, "open_once", "x"), Refusal)
            assert await stage.pool.fetchval("SELECT count(*) FROM lane_command") == 0

    run(story())


def test_a_revoked_terminal_is_told_and_cut_off_within_seconds(database):
    async def story():
        async with Stage(database) as stage, linked(stage) as link:
            await stage.pool.execute("UPDATE device SET revoked_at = now()")
            codes = []
            with pytest.raises(websockets.ConnectionClosed) as over:
                async with asyncio.timeout(8):
                    while True:
                        codes.append(json.loads(await link.recv()).get("code"))
            assert codes[-1] == "device_revoked"
            assert over.value.rcvd.code == 4401

    run(story())
