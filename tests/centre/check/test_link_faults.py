"""Whatever a link says: a fault, or an end with a documented code; the links beside it go on."""

import asyncio
import contextlib
import json

import httpx
import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.centre.check.test_doors import Stage
from tests.support_db import FreshDatabase, run

from menpiao.centre.check.doors import LINK
from menpiao.wire.check import LINK_SUBPROTOCOL

HEARTBEAT = {"type": "heartbeat", "at": "2026-10-01T00:00:00Z"}


@pytest.fixture
def database(tmp_path, capfd):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()
    # Of the doors; a job behind the scenes may tell of its own troubles.
    assert "Exception in ASGI application" not in "".join(capfd.readouterr())


async def told(link):
    return json.loads(await asyncio.wait_for(link.recv(), 10))


async def ended(link):
    """The close code, after whatever is still said."""
    said = []
    with pytest.raises(websockets.ConnectionClosed) as closed:
        while True:
            said.append(await told(link))
    code = closed.value.rcvd.code
    assert code in LINK.closes, code
    return code, said


def opened(stage):
    url = f"ws://127.0.0.1:{stage.port}{LINK.path}"
    return websockets.connect(url, subprotocols=[LINK_SUBPROTOCOL])


BROKEN = [
    "",
    "{",
    "null",
    "[]",
    "{}",
    "票",
    '{"type":"ask"}',
    '{"type":"unheard"}',
    '{"type":7}',
    '{"type":"welcome","now":"2026-10-01T00:00:00Z"}',
    '{"type":"heartbeat","at":"yesterday"}',
    '{"type":"heartbeat","at":"2026-10-01T00:00:00"}',
    '{"type":"heartbeat","at":"2026-10-01T00:00:00Z","state":"a\\u0000b"}',
    '{"type":"heartbeat","at":"2026-10-01T00:00:00Z","x":' + "[" * 4000,
    '{"type":"ask","nonce":"nonce-one","gate_id":1e999}',
    '{"type":"ask","nonce":"nonce-one\\ud800"}',
    "[" * 8000,
]


def test_messages_that_are_none_get_a_fault_and_the_link_goes_on(database):
    async def main():
        async with Stage(database) as stage, stage.link() as link:
            assert (await told(link))["type"] == "welcome"
            for text in BROKEN:
                await link.send(text)
                fault = await told(link)
                assert (fault["type"], fault["code"]) == ("fault", "bad_request"), text
            await link.send(json.dumps(stage.ask("nonce-after")))
            assert (await told(link))["admitted"] is True
            assert await stage.pool.fetchval("SELECT count(*) FROM admission") == 1

    run(main())


def test_of_a_newer_terminals_messages_the_first_gets_a_fault_and_none_ends_the_link(database):
    async def main():
        async with Stage(database) as stage, stage.link() as link:
            assert (await told(link))["type"] == "welcome"
            for n in range(5):
                await link.send(json.dumps({"type": "weather", "nth": n}))
            await link.send(json.dumps(stage.ask("nonce-after")))
            assert (await told(link))["code"] == "bad_request"
            assert (await told(link))["admitted"] is True

    run(main())


def test_a_proof_on_a_proved_link_is_out_of_order(database):
    async def main():
        async with Stage(database) as stage, stage.link() as link:
            await told(link)
            await link.send(json.dumps(stage.proof("c.1.x.y")))
            assert (await told(link))["code"] == "bad_request"
            await link.send(json.dumps(HEARTBEAT))
            assert (await told(link))["type"] == "heartbeat"

    run(main())


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (json.dumps(HEARTBEAT), 4400),
        ('{"type":"ask","nonce":"nonce-one"}', 4400),
        ("{", 4400),
        ("[" * 8000, 4400),
        (b"\0\1\2", 1003),
        ("x" * (LINK.longest + 1), 1009),
    ],
)
def test_a_first_message_that_is_no_proof_ends_the_link(database, first, code):
    async def main():
        async with Stage(database) as stage, stage.link() as good:
            await told(good)
            async with opened(stage) as link:
                assert (await told(link))["type"] == "hello"
                await link.send(first)
                assert (await ended(link))[0] == code
            await good.send(json.dumps(HEARTBEAT))
            assert (await told(good))["type"] == "heartbeat"

    run(main())


@pytest.mark.parametrize(("frame", "code"), [(b"\0" * 9, 1003), ("x" * (LINK.longest + 1), 1009)])
def test_binary_and_huge_frames_end_their_own_link_alone(database, frame, code):
    async def main():
        async with Stage(database) as stage, stage.link() as good, stage.link() as bad:
            await told(good)
            await told(bad)
            await bad.send(frame)
            assert (await ended(bad))[0] == code
            await good.send(json.dumps(stage.ask("nonce-good")))
            assert (await told(good))["admitted"] is True

    run(main())


def test_a_challenge_proves_once_and_on_its_own_link(database):
    async def main():
        async with Stage(database) as stage:
            async with opened(stage) as first:
                hello = await told(first)
                proof = json.dumps(stage.proof(hello["challenge"]))
                await first.send(proof)
                assert (await told(first))["type"] == "welcome"
            async with opened(stage) as second:
                await told(second)
                await second.send(proof)  # heard on the wire, said again
                code, said = await ended(second)
            return code, said

    code, said = run(main())
    assert code == 4401
    assert [one["code"] for one in said] == ["device_unknown"]


@pytest.mark.parametrize(
    "change",
    [
        {"signature": "A" * 86},
        {"signature": "x"},
        {"signature": "."},
        {"device_id": 2**53 - 1},
        {"key": "another"},
    ],
)
def test_a_proof_that_does_not_hold_is_refused(database, change):
    async def main():
        async with Stage(database) as stage, opened(stage) as link:
            challenge = (await told(link))["challenge"]
            key = Ed25519PrivateKey.generate() if change.get("key") else None
            proof = stage.proof(challenge, key) | {k: v for k, v in change.items() if k != "key"}
            await link.send(json.dumps(proof))
            return await ended(link)

    code, said = run(main())
    assert code == 4401
    assert said[-1]["code"] == "device_unknown"


def test_a_device_that_is_stopped_meanwhile_is_told_and_let_go(database):
    async def main():
        async with Stage(database) as stage, stage.link() as link:
            await told(link)
            await stage.pool.execute("UPDATE device SET revoked_at = now()")
            await asyncio.sleep(2.2)
            with contextlib.suppress(websockets.ConnectionClosed):
                for i in range(20):  # several under way: each is told, or finds the link closed
                    await link.send(json.dumps(stage.ask(f"nonce-{i:03d}")))
            code, said = await ended(link)
            assert code == 4401
            assert {one["code"] for one in said} == {"device_revoked"}
            assert await stage.pool.fetchval("SELECT count(*) FROM admission") == 0

    run(main())


def test_plain_http_is_told_what_is_spoken_here(database):
    async def main():
        async with Stage(database) as stage:
            answer = await stage.http.get(LINK.path)
            assert answer.status_code == 426
            assert answer.headers["upgrade"] == "websocket"
            with pytest.raises(websockets.InvalidStatus) as refused:
                await websockets.connect(f"ws://127.0.0.1:{stage.port}/check/v1/nothing")
            assert refused.value.response.status_code == httpx.codes.FORBIDDEN

    run(main())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "nonce", "at", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
frames = st.text(max_size=60) | json_values.map(json.dumps) | st.sampled_from(BROKEN)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(frames, min_size=10, max_size=60))
def test_any_texts_get_a_fault_each(database, texts):
    async def main():
        async with Stage(database) as stage, stage.link() as link:
            await told(link)
            for text in texts:
                await link.send(text)
            faults = [await told(link) for _ in texts]
            assert {fault["code"] for fault in faults} <= {"bad_request"}
            await link.send(json.dumps(HEARTBEAT))
            assert (await told(link))["type"] == "heartbeat"
            assert await stage.pool.fetchval("SELECT count(*) FROM admission") == 0

    # Each example plants a park of its own; a database holds one.
    database.drop()
    database.__init__(database.settings.data_dir)
    run(main())
