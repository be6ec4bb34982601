"""A visitor gives a ticket back while its card lies on a reader: one of the two, never both."""

import asyncio
import secrets

import httpx
import pytest
from tests.support_db import FreshDatabase, person, plant_park, run

from menpiao.centre.check.identity import Identity
from menpiao.compose.centre import CentreApp, utc_now
from menpiao.domain.ticket import parse_serial
from menpiao.storage.database import admissions, refunds

PAIRS = 24


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


@pytest.fixture(autouse=True)
def dawdle(monkeypatch):
    """Widen the window between looking at a ticket and writing, with the locks and without."""

    def slowed(function):
        async def slow(*args):
            found = await function(*args)
            await asyncio.sleep(0.03)
            return found

        return slow

    monkeypatch.setattr(refunds, "lock_tickets", slowed(refunds.lock_tickets))
    monkeypatch.setattr(admissions, "lock_tickets", slowed(admissions.lock_tickets))


async def bought(client, centre, park, index):
    """A paid order of one ticket: its number and secret."""
    body = {
        "token": secrets.token_hex(12),
        "product_id": park.product,
        "slot_id": park.slots[0],
        "visitors": [{"document_type": "resident_card", "number": person(index), "name": "李样例"}],
        "phone": "13800000000",
    }
    made = (await client.post("/booking/v1/orders", json=body)).json()
    number, amount_fen = await centre.pool.fetchrow(
        "SELECT out_trade_no, amount_fen FROM payment WHERE order_id = $1",
        parse_serial(made["order_no"]),
    )
    await centre.payments.succeed(park.site, number, amount_fen, "there")
    return made["order_no"], made["secret"]


async def meet(database):
    """Each ticket is cancelled at one server while another decides about its card."""
    one, two = (CentreApp(database.settings, jobs=()) for _ in range(2))
    async with one.app.router.lifespan_context(one.app), two.app.router.lifespan_context(two.app):
        pool = one.centre.pool
        park = await plant_park(pool)
        token, _ = Identity(one.centre.keys.get("device_tokens")).token(park.device, utc_now())
        head = {"Authorization": f"Bearer {token}"}
        async with (
            httpx.AsyncClient(transport=httpx.ASGITransport(one.app), base_url="http://a") as left,
            httpx.AsyncClient(transport=httpx.ASGITransport(two.app), base_url="http://b") as right,
        ):
            orders = [await bought(left, one.centre, park, index) for index in range(PAIRS)]

            async def cancel(index):
                # Some come a moment later than the card: either side must be able to win.
                await asyncio.sleep(0.004 * (index % 12))
                order_no, secret = orders[index]
                return await left.post(
                    f"/booking/v1/orders/{order_no}/cancellation",
                    headers={"X-Order-Secret": secret},
                    json={},
                )

            async def lay(index):
                await asyncio.sleep(0.004 * (11 - index % 12))
                body = {
                    "type": "ask",
                    "gate_id": park.gate,
                    "people": 1,
                    "credential": {"kind": "resident_card", "number": person(index)},
                    "nonce": f"nonce-{index:04d}",
                }
                return await right.post("/check/v1/admissions", headers=head, json=body)

            jobs = [job for i in range(PAIRS) for job in (cancel(i), lay(i))]
            answers = await asyncio.gather(*jobs)
        both = await pool.fetchval(
            "SELECT count(*) FROM ticket t WHERE t.used > 0 AND EXISTS"
            " (SELECT FROM refund r WHERE r.order_id = t.order_id)"
        )
    return answers[::2], answers[1::2], both


def test_never_both_given_back_and_admitted(database):
    cancelled, laid, both = run(meet(database))
    assert both == 0
    entered = [a.json()["admitted"] for a in laid]
    returned = [a.status_code == 200 for a in cancelled]
    assert [a != b for a, b in zip(entered, returned, strict=True)] == [True] * PAIRS
    assert {a.json()["code"] for a in cancelled if a.status_code != 200} <= {"ticket_in_use"}
    assert {a.json()["reason"] for a in laid if not a.json()["admitted"]} <= {"refunding"}


def test_without_the_lock_some_are_both(database, monkeypatch):
    """The control: a refund that locks no ticket gives money back for people inside."""
    monkeypatch.setattr(refunds, "_TICKETS", refunds._TICKETS.replace("FOR UPDATE", ""))
    _, _, both = run(meet(database))
    assert both > 0
