"""What a real process says: its logs without numbers, its requests by name, its health, figures."""

import asyncio
import base64
import contextlib
import io
import json
import logging
import os
import secrets
import subprocess
import sys

import httpx
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.support_db import FreshDatabase, person, plant_park, run
from tests.support_ports import free_port

from menpiao.compose.logs import configure
from menpiao.settings import Log
from menpiao.wire.check import proof_text

PHONE = "13712345678"
SPEAK = """
import logging, sys
import structlog
from menpiao.compose.logs import configure
from menpiao.settings import Log

configure(Log(format=sys.argv[1], level="debug"))
number, phone = sys.argv[2:]
log = structlog.get_logger("menpiao.test")
log.info(f"the visitor {number} with {phone}", number=number, as_int=int(number[:17] + "1"))
log.warning("nested", told={"who": [number, {"phone": phone}], number: 1}, raw=number.encode())
logging.getLogger("django.request").error("Bad value %s of %s", number, phone)
try:
    raise ValueError(f"Key (number)=({number}) already exists")
except ValueError:
    log.exception("fault", of=ValueError(phone))
    logging.getLogger("asyncio").exception("a library's fault")
log.info("harmless", order="231-4284", amount_fen=12000, ids=[1048576, 231424])
"""


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


def test_the_last_setting_of_logs_counts_also_for_loggers_that_have_spoken():
    log = structlog.get_logger("menpiao.test")
    first, second = io.StringIO(), io.StringIO()
    with _untouched_root():
        configure(Log(format="json"), first)
        log.info("one")
        configure(Log(format="json"), second)
        log.info("two")
    assert ["one" in first.getvalue(), "two" in first.getvalue()] == [True, False]
    assert "two" in second.getvalue()


@contextlib.contextmanager
def _untouched_root():
    root, ours = logging.getLogger(), logging.getLogger("menpiao")
    before = root.handlers[:], root.level, ours.level
    try:
        yield
    finally:
        root.handlers[:], root.level, ours.level = before


@pytest.mark.parametrize("style", ["json", "text"])
def test_nothing_that_is_logged_holds_a_number(style):
    number = person(7)
    done = subprocess.run(
        [sys.executable, "-c", SPEAK, style, number, PHONE],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    assert number[:17] not in done.stderr
    assert PHONE not in done.stderr
    for kept in ("the visitor", "nested", "already exists", "Traceback", "231-4284", "1048576"):
        assert kept in done.stderr, kept
    if style == "json":
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        assert [line["level"] for line in lines] == [
            *("info", "warning", "error", "error", "error", "info")
        ]
        assert lines[-1]["amount_fen"] == 12000
        assert lines[2]["logger"] == "django.request"


class Process:
    """``menpiao`` with its output kept."""

    def __init__(self, database, folder, *command, **settings):
        self.port = free_port()
        self.output = folder / f"output-{self.port}"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MENPIAO_")}
        environment |= {
            "MENPIAO_DATABASE_URL": database.url,
            "MENPIAO_DATA_DIR": str(database.settings.data_dir),
            "MENPIAO_HTTP_PORT": str(self.port),
            "MENPIAO_WORK_PORT": str(self.port),
        } | settings
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "menpiao", *command], env=environment, stderr=file
            )

    async def __aenter__(self):
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=15)
        async with asyncio.timeout(40):
            while True:
                assert self.process.poll() is None, self.said()
                with contextlib.suppress(httpx.TransportError):
                    await self.http.get("/healthz")
                    return self
                await asyncio.sleep(0.05)

    async def __aexit__(self, *exc):
        await self.http.aclose()
        self.process.kill()
        self.process.wait()

    def said(self):
        return self.output.read_text(encoding="utf-8")

    def lines(self):
        return [json.loads(line) for line in self.said().splitlines()]

    async def figures(self):
        text = (await self.http.get("/metrics")).raise_for_status().text
        rows = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in rows}


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def lane(http, key, device):
    challenge = (await http.post("/check/v1/challenges")).json()["challenge"]
    proof = {
        "type": "proof",
        "device_id": device,
        "challenge": challenge,
        "signature": b64(key.sign(proof_text(device, challenge))),
    }
    session = (await http.post("/check/v1/sessions", json=proof)).raise_for_status().json()
    return {"Authorization": f"Bearer {session['token']}"}


async def book(http, park, index, headers=None, **changes):
    visitor = {"document_type": "resident_card", "number": person(index), "name": "李样例"}
    order = {
        "token": secrets.token_hex(12),
        "product_id": park.product,
        "slot_id": park.slots[0],
        "visitors": [visitor],
        "phone": PHONE,
    }
    return await http.post("/booking/v1/orders", json=order | changes, headers=headers)


def test_a_scan_is_followed_by_its_nonce_and_counted(database, tmp_path):
    async def main():
        key = Ed25519PrivateKey.generate()
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        started = Process(database, tmp_path, "serve", "all", MENPIAO_LOG_LEVEL="debug")
        async with started as centre, database.centre() as inside:
            park = await plant_park(inside.pool, public_key=raw)
            await inside.pool.execute("UPDATE product SET price_fen = 0")
            answer = await book(centre.http, park, 1)
            assert answer.status_code == 201, answer.text
            assert (await book(centre.http, park, 1)).status_code == 409
            named = await book(centre.http, park, 2, phone="", token="x" * 16)
            assert len(named.headers["x-request-id"]) >= 8
            head = await lane(centre.http, key, park.device)
            nonce = secrets.token_urlsafe(12)
            ask = {
                "type": "ask",
                "nonce": nonce,
                "gate_id": park.gate,
                "credential": {"kind": "resident_card", "number": person(1)},
            }
            for _ in range(2):
                answer = await centre.http.post("/check/v1/admissions", json=ask, headers=head)
                assert answer.json()["admitted"], answer.text
            batches = [line for line in centre.lines() if line["event"] == "batch"]
            checked = [line for line in batches if line["kind"] == "check"]
            assert [line["request_ids"] for line in checked] == [[nonce], [nonce]]
            assert all(len(line["asked_as"]) == 1 for line in checked)
            figures = await centre.figures()
            told = 'menpiao_requests_total{kind="check",outcome="%s"}'
            assert figures[told % "pass"] == 1
            assert figures[told % "repeated"] == 1
            assert figures['menpiao_requests_total{kind="sale",outcome="sold"}'] == 1
            assert figures['menpiao_batch_seconds_count{kind="check"}'] == 2
            assert figures["menpiao_links_up"] == 0
            assert figures["menpiao_database_up"] == 1
            assert figures['menpiao_outbox_rows{channel="sms",state="pending"}'] == 1
            for secret in (person(1), PHONE, person(2)):
                assert secret not in centre.said()

    run(main())


@pytest.mark.parametrize("door", ["check", "booking"])
def test_a_batch_in_trouble_names_the_requests_that_wait_for_it(database, tmp_path, door):
    """Also by the asker's own name, at the usual level; and every answer bears that name."""

    async def main():
        key = Ed25519PrivateKey.generate()
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        started = Process(database, tmp_path, "serve", "all")
        async with started as centre, database.centre() as inside:
            park = await plant_park(inside.pool, public_key=raw)
            head = await lane(centre.http, key, park.device)
            ask = {
                "type": "ask",
                "nonce": secrets.token_urlsafe(12),
                "gate_id": park.gate,
                "credential": {"kind": "resident_card", "number": person(1)},
            }

            async def asked(name, gate):
                named = {"X-Request-ID": name}
                if door == "booking":
                    return await book(centre.http, park, 1, headers=named)
                return await centre.http.post(
                    "/check/v1/admissions", json=ask | {"gate_id": gate}, headers=head | named
                )

            async with inside.pool.acquire() as holder, holder.transaction():
                await holder.execute("LOCK TABLE ticket IN ACCESS EXCLUSIVE MODE")
                waits = asyncio.create_task(asked("desk-0001.one", park.gate))
                await asyncio.sleep(1.5)  # what is slow is told from a second on
            answer = await waits
            assert answer.headers["x-request-id"] == "desk-0001.one"
            lines = [line for line in centre.lines() if line["event"].startswith("batch_")]
            assert lines
            assert all(line["asked_as"] == ["desk-0001.one"] for line in lines)
            assert all(len(line["request_ids"]) == 1 for line in lines)
            refused = await asked("desk-0001.two", park.gate + 100)
            assert refused.status_code >= 400
            assert refused.headers["x-request-id"] == "desk-0001.two"
            assert not [line for line in centre.lines() if "desk-0001.two" in str(line)]

    run(main())


def test_the_name_that_the_asker_gave_is_kept_and_nonsense_is_not(database, tmp_path):
    async def main():
        async with Process(database, tmp_path, "serve", "check") as centre:
            given = await centre.http.get("/healthz", headers={"X-Request-ID": "switch-0001.a"})
            assert given.headers["x-request-id"] == "switch-0001.a"
            for bad in ("short", "x" * 65, "a b c d e f g", "<script>alert"):
                answer = await centre.http.get("/healthz", headers={"X-Request-ID": bad})
                assert answer.headers["x-request-id"] != bad

    run(main())


def test_ready_tells_role_schema_and_queue(database, tmp_path):
    async def main():
        async with Process(database, tmp_path, "work", "slots") as worker, database.centre() as c:
            await plant_park(c.pool)
            first = await worker.http.get("/readyz")
            assert first.status_code == 200
            expected = {"database": "primary", "migrations": "current", "ready": True}
            assert expected.items() <= first.json().items()
            await c.pool.execute(
                "INSERT INTO outbox (site_id, id, channel, kind, key, ref_id, payload, due_at,"
                " created_at) VALUES (1, 1, 'sms', 'x', 'k', 1, '{}', now() - interval '90 s',"
                " now())"
            )
            await asyncio.sleep(1.1)
            answer = (await worker.http.get("/readyz")).json()
            assert 85 < answer["queue_oldest_s"]["sms"] < 200
            await c.pool.execute(
                "DELETE FROM django_migrations WHERE name = '0002_hot' AND app = 'menpiao'"
            )
            await asyncio.sleep(1.1)
            answer = await worker.http.get("/readyz")
            assert (answer.status_code, answer.json()["migrations"]) == (503, "behind")
            await c.pool.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES"
                " ('menpiao', '0002_hot', now()), ('menpiao', '9999_next', now())"
            )
            await asyncio.sleep(1.1)
            answer = await worker.http.get("/readyz")
            assert (answer.status_code, answer.json()["migrations"]) == (200, "ahead")

    run(main())


@pytest.mark.parametrize(
    ("settings", "given", "status"),
    [
        ({}, None, 200),
        ({"MENPIAO_HTTP_PUBLIC_URL": "https://tickets.example"}, None, 404),
        ({"MENPIAO_HTTP_HOST": "0.0.0.0"}, None, 404),
        ({"MENPIAO_METRICS_TOKEN": "s3cret-token"}, None, 401),
        ({"MENPIAO_METRICS_TOKEN": "s3cret-token"}, "Bearer wrong", 401),
        (
            {
                "MENPIAO_METRICS_TOKEN": "s3cret-token",
                "MENPIAO_HTTP_PUBLIC_URL": "https://tickets.example",
            },
            "Bearer s3cret-token",
            200,
        ),
    ],
)
def test_figures_are_for_those_who_may_see_them(database, tmp_path, settings, given, status):
    async def main():
        async with Process(database, tmp_path, "serve", "check", **settings) as centre:
            head = {"Authorization": given} if given else {}
            answer = await centre.http.get("/metrics", headers=head)
            assert answer.status_code == status
            assert ("menpiao_" in answer.text) == (status == 200)

    run(main())
