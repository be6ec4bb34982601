"""Clocks that jump an hour: the centre's and the terminal's, each way."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.centre.check.stage import Stage
from tests.support_db import run

HOUR = timedelta(hours=1)
JUMPS = pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forwards", "backwards"])


class Clock:
    """The centre's clock, which can be set."""

    def __init__(self):
        self.off = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.off


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("menpiao.compose.centre.utc_now", clock)
    return clock


async def scan(stage, head, nonce, **changes):
    ask = stage.ask(nonce, **changes)
    return await stage.http.post("/check/v1/admissions", json=ask, headers=head)


@JUMPS
def test_the_centre_s_clock_jumps_between_challenge_and_proof(database, clock, jump):
    async def scene():
        async with Stage(database) as stage:
            challenge = (await stage.http.post("/check/v1/challenges")).json()["challenge"]
            clock.off = jump
            old = await stage.http.post("/check/v1/sessions", json=stage.proof(challenge))
            assert (old.status_code, old.json()["code"]) == (401, "device_unknown")
            head = await stage.head()  # asked anew, at once
            assert (await scan(stage, head, "nonce-new")).json()["admitted"]

    run(scene())


@JUMPS
def test_a_nonce_has_one_answer_whatever_the_centre_s_clock_does(database, clock, jump):
    async def scene():
        async with Stage(database) as stage:
            first = (await scan(stage, await stage.head(), "nonce-one")).json()
            assert first["admitted"]
            clock.off = jump
            head = await stage.head()
            again = (await scan(stage, head, "nonce-one")).json()
            assert again == first, "the time of the answer is the first one's"
            assert await stage.pool.fetchval("SELECT count(*) FROM admission") == 1
            other = (await scan(stage, head, "nonce-two")).json()
            assert not other["admitted"], "the same card, a second time"

    run(scene())


def test_a_session_ends_when_the_clock_jumps_past_it_and_is_never_wider(database, clock):
    async def scene():
        async with Stage(database) as stage:
            head = await stage.head()
            assert (await scan(stage, head, "nonce-one")).status_code == 200
            clock.off = HOUR
            ended = await scan(stage, head, "nonce-two")
            assert (ended.status_code, ended.json()["code"]) == (401, "device_unknown")
            clock.off = -HOUR
            # It was given out by this centre: it stays what it was, and buys no longer one.
            assert (await scan(stage, head, "nonce-one")).status_code == 200
            assert await stage.pool.fetchval("SELECT count(*) FROM admission") == 1

    run(scene())


@JUMPS
def test_a_link_that_is_up_lives_through_a_jump(database, clock, jump):
    async def scene():
        async with Stage(database) as stage, stage.link() as link:
            assert json.loads(await link.recv())["type"] == "welcome"
            clock.off = jump
            await link.send(json.dumps({"type": "heartbeat", "at": "2026-10-01T00:00:00Z"}))
            assert json.loads(await link.recv())["type"] == "heartbeat"
            await link.send(json.dumps(stage.ask("nonce-link")))
            assert json.loads(await link.recv())["admitted"]

    run(scene())


@pytest.mark.parametrize(
    ("off", "kept"),
    [(HOUR, False), (-HOUR, False), (timedelta(seconds=60), True), (timedelta(seconds=-60), True)],
)
def test_a_terminal_s_time_is_kept_only_when_it_can_be_believed(database, off, kept):
    async def scene():
        async with Stage(database) as stage:
            at = datetime.now(UTC) + off
            answer = await scan(stage, await stage.head(), "nonce-one", at=at.isoformat())
            assert answer.json()["admitted"], "the centre's time decides"
            told = datetime.fromisoformat(answer.json()["at"])
            assert abs(datetime.now(UTC) - told) < timedelta(minutes=1)
            row = await stage.pool.fetchrow("SELECT at, device_at FROM admission")
            assert row["device_at"] == (at if kept else None)
            assert abs(row["at"] - datetime.now(UTC)) < timedelta(minutes=1)

    run(scene())
