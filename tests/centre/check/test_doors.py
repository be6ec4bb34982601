"""The check server's doors: enrolment, sessions, one ask over HTTP, many over the link."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.centre.check.stage import Stage, b64, raw_key
from tests.support_db import person, run


def test_an_ask_over_http_gets_the_five_facts_and_the_second_is_refused(database):
    async def main():
        async with Stage(database) as stage:
            head = await stage.head()
            first = await stage.http.post(
                "/check/v1/admissions", headers=head, json=stage.ask("nonce-one")
            )
            second = await stage.http.post(
                "/check/v1/admissions", headers=head, json=stage.ask("nonce-two")
            )
            other = await stage.http.post(
                "/check/v1/admissions", headers=head, json=stage.ask("nonce-one", people=1)
            )
            return first.json(), second.json(), other

    first, second, other = run(main())
    assert (first["admitted"], first["people"], first["count"], first["remaining"]) == (
        True,
        3,
        3,
        0,
    )
    assert first["status"] == "used"
    assert first["ticket_no"]
    assert first["place"] == "东门1"
    assert first["holder"] == "李**"
    assert second["admitted"] is False
    assert second["reason"] == "already_used"
    assert second["since"] == first["at"]
    assert second["since_place"] == "东门1"
    assert other.status_code == 409


def test_a_body_need_not_say_its_kind_and_says_no_other(database):
    async def main():
        async with Stage(database) as stage:
            head = await stage.head()
            plain, other = stage.ask("nonce-one"), stage.ask("nonce-two", type="heartbeat")
            del plain["type"]
            door = "/check/v1/admissions"
            taken = await stage.http.post(door, headers=head, json=plain)
            refused = await stage.http.post(door, headers=head, json=other)
            async with stage.link() as link:
                await link.recv()
                await link.send(json.dumps(plain))
                fault = json.loads(await link.recv())
            return taken, refused, fault

    taken, refused, fault = run(main())
    assert (taken.status_code, taken.json()["type"]) == (200, "answer")
    assert refused.status_code == 422
    assert fault["type"] == "fault", "a link must be told what comes"


def test_many_asks_in_flight_on_a_link_are_answered_by_nonce(database):
    async def main():
        async with Stage(database, people=5) as stage, stage.link() as link:
            welcome = json.loads(await link.recv())
            for i in range(40):
                await link.send(json.dumps(stage.ask(f"nonce-{i:03d}", people=1)))
            answers = [json.loads(await asyncio.wait_for(link.recv(), 10)) for _ in range(40)]
            await link.send("{broken")
            fault = json.loads(await link.recv())
            await link.send(json.dumps({"type": "heartbeat", "at": "2026-01-01T00:00:00Z"}))
            beat = json.loads(await link.recv())
            return welcome, answers, fault, beat

    welcome, answers, fault, beat = run(main())
    assert welcome["type"] == "welcome"
    assert {a["nonce"] for a in answers} == {f"nonce-{i:03d}" for i in range(40)}
    assert sum(a["admitted"] for a in answers) == 5
    assert fault["type"] == "fault"
    assert fault["code"] == "bad_request"
    assert beat["type"] == "heartbeat"


def test_a_wrong_key_opens_no_link_and_no_session(database):
    async def main():
        async with Stage(database) as stage:
            stranger = Ed25519PrivateKey.generate()
            async with stage.link(stranger) as link:
                fault = json.loads(await link.recv())
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    await link.recv()
            challenge = (await stage.http.post("/check/v1/challenges")).json()["challenge"]
            session = await stage.http.post(
                "/check/v1/sessions", json=stage.proof(challenge, stranger)
            )
            forged = await stage.http.post(
                "/check/v1/sessions",
                json=stage.proof(challenge[:-1] + ("B" if challenge[-1] == "A" else "A")),
            )
            bare = await stage.http.post("/check/v1/admissions", json=stage.ask("nonce-one"))
            return fault, closed.value.rcvd.code, session, forged, bare

    fault, code, session, forged, bare = run(main())
    assert fault["code"] == "device_unknown"
    assert code == 4401
    assert [r.status_code for r in (session, forged, bare)] == [401, 401, 401]


def test_a_revoked_device_is_refused_within_seconds(database):
    async def main():
        async with Stage(database) as stage:
            head = await stage.head()
            await stage.pool.execute("UPDATE device SET revoked_at = now()")
            await asyncio.sleep(2.2)
            return await stage.http.post(
                "/check/v1/admissions", headers=head, json=stage.ask("nonce-one")
            )

    answer = run(main())
    assert answer.status_code == 401
    assert answer.json()["code"] == "device_revoked"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"nonce": "short"}, 422),
        ({"nonce": "x" * 65}, 422),
        ({"gate_id": 999_999}, 403),
        ({"gate_id": True}, 422),
        ({"people": 0}, 422),
        ({"surplus": 1}, 422),
        ({"credential": {"kind": "library_card", "number": "1"}}, 422),
    ],
)
def test_bad_asks_get_a_clear_error_and_change_nothing(database, change, status):
    async def main():
        async with Stage(database) as stage:
            head = await stage.head()
            answer = await stage.http.post(
                "/check/v1/admissions", headers=head, json=stage.ask("nonce-one") | change
            )
            scans = await stage.pool.fetchval("SELECT count(*) FROM admission")
            return answer, scans

    answer, scans = run(main())
    assert answer.status_code == status, answer.text
    assert answer.json()["zh"]
    assert person(1) not in answer.text
    assert scans == 0


def test_a_one_time_code_enrols_one_key_once(database):
    async def main():
        async with Stage(database) as stage:
            digest = hashlib.sha256(b"menpiao-enrol:ABCD1234EFGH").digest()
            later = datetime.now(UTC) + timedelta(hours=1)
            code = await stage.pool.fetchval(
                "INSERT INTO enrolment_code (site_id, code_hash, expires_at)"
                " VALUES ($1, $2, $3) RETURNING id",
                stage.park.site,
                digest,
                later,
            )
            await stage.pool.execute(
                "INSERT INTO enrolment_code_gates (enrolmentcode_id, gate_id) VALUES ($1, $2)",
                code,
                stage.park.gate,
            )
            one, two = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()

            async def enrol(key, text="abcd-1234-efgh"):
                body = {"code": text, "public_key": b64(raw_key(key))}
                return await stage.http.post("/check/v1/devices", json=body)

            return [
                await enrol(one),
                await enrol(one),
                await enrol(two),
                await enrol(two, "wrong-code-1"),
            ]

    first, again, other, wrong = run(main())
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert [g["name"] for g in first.json()["gates"]] == ["东门1"]
    assert other.status_code == wrong.status_code == 403
