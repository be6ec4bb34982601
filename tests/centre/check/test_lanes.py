"""Day bundles, what changes after them, and reports of lanes that decided alone."""

import asyncio
import base64
import hashlib
import json
import secrets
import zlib
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.centre.check.stage import Stage
from tests.support_db import person, run

from menpiao.domain.document import DocumentType, parse_document
from menpiao.domain.identity import day_hash
from menpiao.wire.bundle import TICKET, Content, Manifest, rows_of, signed_text, unpack_ticket


def raw(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def nonce():
    return secrets.token_urlsafe(12)


class Lanes(Stage):
    async def __aenter__(self):
        await super().__aenter__()
        self.authority = await self.head()
        return self

    async def get(self, path, **headers):
        return await self.http.get(f"/check/v1/{path}", headers=self.authority | headers)

    async def post(self, path, body):
        return await self.http.post(f"/check/v1/{path}", json=body, headers=self.authority)

    async def manifest(self, day=None):
        response = await self.get(f"bundles/{day or self.park.today}")
        assert response.status_code == 200, response.text
        return msgspec.json.decode(response.content, type=Manifest)

    async def content(self, manifest):
        response = await self.get(f"bundles/{manifest.day}/{manifest.horizon}")
        assert response.status_code == 200
        packed = response.content
        assert hashlib.sha256(packed).hexdigest() == manifest.sha256
        return Content(zlib.decompress(packed), manifest.tickets, manifest.zones)

    def holder(self, manifest, number):
        document = parse_document(DocumentType.RESIDENT, number, manifest.day)
        return day_hash(raw(manifest.hash_key), document)

    async def admit(self, **changes):
        ask = self.ask(nonce(), **changes)
        answer = await self.http.post("/check/v1/admissions", json=ask, headers=self.authority)
        assert answer.json()["admitted"], answer.text

    async def ticket(self):
        return await self.pool.fetchrow("SELECT * FROM ticket")

    def scan(self, ticket_id, **changes):
        return {
            "nonce": nonce(),
            "sequence": 1,
            "gate_id": self.park.gate,
            "at": datetime.now(UTC).isoformat(),
            "admitted": True,
            "reason": "pass",
            "source": "lane",
            "people": 1,
            "first_entry": 1,
            "ticket_id": ticket_id,
        } | changes

    async def report(self, *scans, now=None):
        body = {"scans": scans, "now": (now or datetime.now(UTC)).isoformat()}
        response = await self.post("reports", body)
        assert response.status_code == 200, response.text
        return [r["outcome"] for r in response.json()["results"]]


def test_a_bundle_holds_the_days_rights_signed_and_without_a_number(database):
    async def scene():
        async with Lanes(database) as lanes:
            manifest = await lanes.manifest()
            async with lanes.link() as link:
                welcome = json.loads(await link.recv())
            key = Ed25519PublicKey.from_public_bytes(raw(welcome["bundle_key"]))
            key.verify(raw(manifest.signature), signed_text(manifest))
            other = msgspec.structs.replace(manifest, alone="refuse")
            with pytest.raises(InvalidSignature):
                key.verify(raw(manifest.signature), signed_text(other))
            content = await lanes.content(manifest)
            (row,) = content.of_holder(lanes.holder(manifest, person(1)))
            ticket = await lanes.ticket()
            assert (row.id, row.people, row.used, row.state) == (ticket["id"], 3, 0, "valid")
            assert row.opens_s == int(ticket["opens_at"].timestamp())
            assert row.closes_s == int(ticket["closes_at"].timestamp())
            assert content.of_holder(lanes.holder(manifest, person(2))) == []
            octets = pack = zlib.decompress(
                (await lanes.get(f"bundles/{manifest.day}/{manifest.horizon}")).content
            )
            for secret in (person(1), "李样例", ticket["holder_masked"]):
                assert secret.encode() not in octets
                assert secret not in msgspec.json.encode(manifest).decode()
            assert ticket["holder_hash"] not in pack

    run(scene())


def test_a_fetch_that_was_cut_goes_on_where_it_was(database):
    async def scene():
        async with Lanes(database) as lanes:
            manifest = await lanes.manifest()
            path = f"bundles/{manifest.day}/{manifest.horizon}"
            whole = (await lanes.get(path)).content
            rest = await lanes.get(path, Range="bytes=10-")
            assert (rest.status_code, rest.content) == (206, whole[10:])
            assert rest.headers["content-range"] == f"bytes 10-{len(whole) - 1}/{len(whole)}"
            assert (await lanes.get(f"bundles/{manifest.day}/1")).status_code == 404
            far = manifest.day + timedelta(days=9)
            assert (await lanes.get(f"bundles/{far}")).status_code == 422
            assert (await lanes.http.get(f"/check/v1/{path}")).status_code == 401

    run(scene())


def test_a_pass_sold_on_another_day_is_found_under_the_key_of_the_day(database):
    async def scene():
        async with Lanes(database) as lanes:
            await lanes.pool.execute(
                "UPDATE ticket SET daily = true, visits_left = 7, visit_date = visit_date - 3,"
                " opens_at = opens_at - interval '3 days', counted_on = visit_date - 1, used = 1"
            )
            manifest = await lanes.manifest()
            content = await lanes.content(manifest)
            (row,) = content.of_holder(lanes.holder(manifest, person(1)))
            assert (row.daily, row.visits_left, row.used) == (True, 7, 1)
            assert row.counted_on == manifest.day - timedelta(days=1)

    run(scene())


async def changes(link, until):
    """The rows that come over a link until ``until`` of them holds."""
    async with asyncio.timeout(10):
        while True:
            message = json.loads(await link.recv())
            if message["type"] != "changes":
                continue
            rows = [
                unpack_ticket(row) for row in rows_of(base64.b64decode(message["tickets"]), TICKET)
            ]
            if any(until(row) for row in rows):
                return message, rows


def test_who_follows_hears_of_admissions_payments_and_refunds(database):
    async def scene():
        async with Lanes(database) as lanes:
            manifest = await lanes.manifest()
            async with lanes.link() as link:
                follow = {
                    "type": "follow",
                    "day": manifest.day.isoformat(),
                    "horizon": manifest.horizon,
                }
                await link.recv()
                await link.send(json.dumps(follow))
                await lanes.admit(people=2)
                message, rows = await changes(link, lambda row: row.used == 2)
                assert message["horizon"] > manifest.horizon
                assert rows[-1].holder == lanes.holder(manifest, person(1))
                ticket = await lanes.ticket()
                await lanes.pool.execute(
                    "WITH void AS (UPDATE ticket SET state = 'refunding' RETURNING site_id, id)"
                    " INSERT INTO ticket_change (site_id, ticket_id) SELECT * FROM void"
                )
                _, rows = await changes(link, lambda row: row.state == "refunding")
                assert rows[-1].id == ticket["id"]

    run(scene())


def test_a_report_counts_once_however_often_it_comes(database):
    async def scene():
        async with Lanes(database) as lanes:
            ticket = await lanes.ticket()
            scan = lanes.scan(ticket["id"])
            refused = lanes.scan(None, admitted=False, reason="no_ticket", people=0, first_entry=0)
            assert await lanes.report(scan, refused) == ["recorded", "recorded"]
            assert await lanes.report(scan, refused) == ["known", "known"]
            after = await lanes.ticket()
            assert (after["used"], after["inside"], after["first_in_gate"]) == (1, 1, "东门1")
            assert await lanes.pool.fetchval("SELECT count(*) FROM admission") == 2
            assert await lanes.pool.fetchval("SELECT count(*) FROM conflict") == 0

    run(scene())


def test_a_known_scan_comes_back_with_what_is_recorded(database):
    """A hub has refused whom the lane then let in: the lane must learn of it to report it anew."""

    async def scene():
        async with Lanes(database) as lanes:
            ticket = await lanes.ticket()
            refused = {"admitted": False, "reason": "already_used", "people": 0, "first_entry": 0}
            scan = lanes.scan(ticket["id"])
            for sent, outcome in ((scan | refused, "recorded"), (scan, "known")):
                body = {"scans": [sent], "now": datetime.now(UTC).isoformat()}
                (result,) = (await lanes.post("reports", body)).json()["results"]
                assert result["outcome"] == outcome
            assert result["detail"] == "refused"
            assert await lanes.report(scan | {"nonce": scan["nonce"] + "-b"}) == ["recorded"]

    run(scene())


def test_what_two_lanes_admitted_twice_becomes_a_conflict_and_is_not_lost(database):
    async def scene():
        async with Lanes(database, people=1) as lanes:
            ticket = await lanes.ticket()
            await lanes.admit()
            outcome = await lanes.report(lanes.scan(ticket["id"]))
            assert outcome == ["conflict"]
            conflict = await lanes.pool.fetchrow("SELECT * FROM conflict")
            assert (conflict["excess"], conflict["state"]) == (1, "open")
            assert conflict["earlier_id"] is not None
            after = await lanes.ticket()
            assert (after["used"], after["inside"]) == (1, 1)
            admitted = await lanes.pool.fetchval("SELECT count(*) FROM admission WHERE admitted")
            assert admitted == 2

    run(scene())


def test_in_and_out_in_one_report_are_counted_in_order(database):
    async def scene():
        async with Lanes(database, people=2) as lanes:
            ticket = await lanes.ticket()
            out = {"gate_id": lanes.park.exit, "reason": "exit_ok", "first_entry": 0}
            scans = [
                lanes.scan(ticket["id"]),
                lanes.scan(ticket["id"]),
                lanes.scan(ticket["id"], **out),
            ]
            assert await lanes.report(*scans) == ["recorded"] * 3
            after = await lanes.ticket()
            assert (after["used"], after["inside"]) == (2, 1)

    run(scene())


@pytest.mark.parametrize("off_s", [-3600, 3600])
def test_a_clock_that_is_off_is_corrected_by_what_it_is_off(database, off_s):
    async def scene():
        async with Lanes(database) as lanes:
            ticket = await lanes.ticket()
            wrong = datetime.now(UTC) + timedelta(seconds=off_s)
            scan = lanes.scan(ticket["id"], at=(wrong - timedelta(minutes=5)).isoformat())
            assert await lanes.report(scan, now=wrong) == ["recorded"]
            row = await lanes.pool.fetchrow("SELECT at, device_at FROM admission")
            ago = datetime.now(UTC) - row["at"]
            assert timedelta(minutes=4) < ago < timedelta(minutes=6)
            assert row["device_at"] == wrong - timedelta(minutes=5)

    run(scene())


@pytest.mark.parametrize(
    "change",
    [
        {"gate_id": 999},
        {"reason": "no_such_reason"},
        {"at": "2020-01-01T00:00:00Z"},
    ],
)
def test_a_scan_that_cannot_be_is_rejected_alone(database, change):
    async def scene():
        async with Lanes(database) as lanes:
            ticket = await lanes.ticket()
            good, bad = lanes.scan(ticket["id"]), lanes.scan(ticket["id"], **change)
            assert await lanes.report(bad, good) == ["rejected", "recorded"]

    run(scene())


def test_passages_are_kept_once_by_their_sequence(database):
    async def scene():
        async with Lanes(database) as lanes:
            event = {
                "sequence": 7,
                "gate_id": lanes.park.gate,
                "at": datetime.now(UTC).isoformat(),
                "kind": "passed",
            }
            body = {"events": [event, event | {"sequence": 8, "kind": "reverse"}]}
            for _ in range(2):
                answer = await lanes.post("passages", body)
                assert answer.json() == {"upto": 8}
            kinds = await lanes.pool.fetch("SELECT kind FROM passage ORDER BY sequence")
            assert [row["kind"] for row in kinds] == ["passed", "reverse"]
            other = await lanes.post("passages", {"events": [event | {"gate_id": 999}]})
            assert other.status_code == 403

    run(scene())
