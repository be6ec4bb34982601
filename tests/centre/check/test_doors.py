"""The check server's doors: enrolment, sessions, one ask over HTTP, many over the link."""

import asyncio
import base64
import contextlib
import hashlib
import json
import socket
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import uvicorn
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.support_db import FreshDatabase, person, plant_park, run

from menpiao.compose.centre import CentreApp
from menpiao.wire.check import LINK_SUBPROTOCOL, proof_text


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_key(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


class Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):
        yield


class Stage:
    """A real server on a free port, a park, a device with its key, a paid ticket for person(1)."""

    def __init__(self, database, people=3):
        self.database, self.people = database, people
        self.key = Ed25519PrivateKey.generate()

    async def __aenter__(self):
        self.app = CentreApp(self.database.settings)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.server = Quiet(
            uvicorn.Config(
                self.app.app,
                log_level="error",
                access_log=False,
                ws="websockets-sansio",
                ws_per_message_deflate=False,
            )
        )
        self.task = asyncio.create_task(self.server.serve(sockets=[self.listener]))
        while not self.server.started:  # noqa: ASYNC110 - its only sign
            await asyncio.sleep(0.01)
        self.pool = self.app.centre.pool
        self.park = await plant_park(
            self.pool, people_per_document=self.people, public_key=raw_key(self.key)
        )
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}")
        order = {
            "token": "a" * 20,
            "product_id": self.park.product,
            "slot_id": 1,
            "phone": "13800000000",
            "visitors": [
                {
                    "document_type": "resident_card",
                    "number": person(1),
                    "name": "李样例",
                    "people": self.people,
                }
            ],
        }
        assert (await self.http.post("/booking/v1/orders", json=order)).status_code == 201
        await self.pool.execute("UPDATE ticket SET state = 'valid'")
        return self

    async def __aexit__(self, *_):
        await self.http.aclose()
        self.server.should_exit = True
        await self.task
        self.listener.close()

    def proof(self, challenge, key=None):
        signature = (key or self.key).sign(proof_text(self.park.device, challenge))
        return {
            "type": "proof",
            "device_id": self.park.device,
            "challenge": challenge,
            "signature": b64(signature),
        }

    async def head(self):
        challenge = (await self.http.post("/check/v1/challenges")).json()["challenge"]
        session = await self.http.post("/check/v1/sessions", json=self.proof(challenge))
        assert session.status_code == 200, session.text
        return {"Authorization": f"Bearer {session.json()['token']}"}

    def ask(self, nonce, **changes):
        return {
            "type": "ask",
            "nonce": nonce,
            "gate_id": self.park.gate,
            "credential": {"kind": "resident_card", "number": person(1)},
        } | changes

    @contextlib.asynccontextmanager
    async def link(self, key=None):
        url = f"ws://127.0.0.1:{self.port}/check/v1/link"
        async with websockets.connect(url, subprotocols=[LINK_SUBPROTOCOL]) as link:
            hello = json.loads(await link.recv())
            await link.send(json.dumps(self.proof(hello["challenge"], key)))
            yield link


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
