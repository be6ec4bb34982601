"""From the outbox to the telephone and back, on a real PostgreSQL and over real TCP."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from tests.centre.messaging.outbox_lane import NUMBER, lane, until
from tests.support_db import FreshDatabase, run

from menpiao.centre.messaging.api import MessagingApi
from menpiao.centre.messaging.channel import Delivery, Receipt
from menpiao.centre.messaging.service import Limits
from menpiao.domain.ticket import serial_number
from menpiao.simulation.sms.operator import Fault


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


def test_a_confirmation_reaches_the_telephone_and_its_row_says_delivered(database):
    async def main():
        async with lane(database) as park, park.working():
            order = await park.order()
            row = await park.becomes(await park.queue(order), "delivered")
            (text,) = park.operator.inbox(NUMBER)
            assert text.startswith("【测试山】")
            assert serial_number(order) in text, "the number with which an order is found again"
            assert "2人" in text
            assert "http" not in text
            assert len(row["provider_ref"]) == 1
            assert row["sent_at"] is not None
            assert row["done_at"] is not None
            (receipt,) = await park.receipts()
            assert receipt["matched"]
            assert [receipt["provider_ref"]] == row["provider_ref"]

    run(main())


def test_an_english_order_gets_one_english_message_in_parts(database):
    async def main():
        async with lane(database) as park, park.working():
            row = await park.becomes(await park.confirm(language="en", people=1), "delivered")
            (message,) = park.operator.phones.inbox(NUMBER)
            assert message.text.startswith("【Test Hill】Order")
            assert "1 person" in message.text
            assert message.parts == len(row["provider_ref"]) == len(park.operator.submits) > 1

    run(main())


def test_the_same_key_twice_is_one_message(database):
    async def main():
        async with lane(database) as park, park.working():
            order = await park.order()
            row_id = await park.queue(order)
            await park.queue(order, row_id=row_id + 1)
            await park.becomes(row_id, "delivered")
            await asyncio.sleep(0.2)
            assert len(park.operator.inbox(NUMBER)) == 1
            assert await park.row(row_id + 1) is None

    run(main())


def test_two_workers_side_by_side_send_each_message_once(database):
    async def main():
        async with lane(database) as park:
            rows = [await park.confirm(phone=f"138{n:08d}") for n in range(60)]
            async with park.working(), park.working():
                for row in rows:
                    await park.becomes(row, "delivered")
            assert len(park.operator.submits) == 60
            assert park.operator.logins == 2
            texts = {park.operator.inbox(f"138{n:08d}")[0] for n in range(60)}
            assert len(texts) == 60

    run(main())


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.DROP])
def test_no_answer_is_unknown_and_never_sent_again(database, fault):
    async def main():
        async with lane(database, faults=_plan(fault)) as park, park.working():
            row = await park.becomes(await park.confirm(), "unknown")
            assert row["provider_ref"] == []
            assert row["last_error"] == "no answer"
            await asyncio.sleep(1.0)
            assert (await park.row(row["id"]))["state"] == "unknown"
            assert len(park.operator.submits) == 1

    run(main())


def test_an_unknown_message_is_found_by_number_and_minute(database):
    async def main():
        async with lane(database, faults=_plan(Fault.ANSWER_LOST)) as park, park.working():
            row_id = await park.confirm()
            await park.becomes(row_id, "unknown")
            row = await park.becomes(row_id, "delivered")
            (receipt,) = await park.receipts()
            assert row["provider_ref"] == [receipt["provider_ref"]]
            assert len(park.operator.submits) == 1

    run(main())


def test_between_two_unknown_messages_to_one_number_nothing_is_guessed(database):
    async def main():
        plan = _plan(Fault.ANSWER_LOST, Fault.SILENT)
        async with lane(database, faults=plan) as park, park.working() as service:
            rows = [await park.confirm(), await park.confirm()]
            for row in rows:
                await park.becomes(row, "unknown")
            await asyncio.sleep(1.2)
            assert [(await park.row(r))["state"] for r in rows] == ["unknown", "unknown"]
            (receipt,) = await park.receipts()
            assert not receipt["matched"]
            assert (await service.status()).counts == {"unknown": 2, "unmatched": 1}

    run(main())


def test_a_late_answer_resolves_the_unknown(database):
    async def main():
        plan = _plan(Fault.ANSWER_LATE)
        async with lane(database, faults=plan, late_s=0.8) as park, park.working():
            row_id = await park.confirm()
            await park.becomes(row_id, "unknown")
            row = await park.becomes(row_id, "delivered")
            assert len(row["provider_ref"]) == 1

    run(main())


def test_a_late_answer_without_a_report_says_sent(database):
    async def main():
        plan = _plan(Fault.ANSWER_LATE)
        async with lane(database, faults=plan, late_s=0.8, delay_s=60) as park, park.working():
            row_id = await park.confirm()
            await park.becomes(row_id, "unknown")
            assert (await park.becomes(row_id, "sent"))["done_at"] is None

    run(main())


def test_a_report_before_its_answer_is_kept_and_matched(database):
    async def main():
        plan = _plan(Fault.REPORT_FIRST)
        async with lane(database, faults=plan, delay_s=0.2) as park, park.working():
            row_id = await park.confirm()
            async with asyncio.timeout(5):
                while not await park.receipts():  # noqa: ASYNC110 - a row has no event
                    await asyncio.sleep(0.01)
            assert (await park.row(row_id))["state"] == "sending"
            row = await park.becomes(row_id, "delivered")
            assert [r["provider_ref"] for r in await park.receipts()] == row["provider_ref"]

    run(main())


def test_the_same_report_twice_changes_nothing(database):
    async def main():
        async with lane(database, faults=_plan(Fault.REPORT_TWICE)) as park, park.working():
            await park.becomes(await park.confirm(), "delivered")
            await until(lambda: park.operator.reports_acknowledged == 2)
            assert len(await park.receipts()) == 1

    run(main())


def test_the_first_final_report_stays(database):
    async def main():
        async with lane(database, faults=_plan(Fault.FAILED)) as park, park.working() as service:
            row = await park.becomes(await park.confirm(), "failed")
            assert row["last_error"] == "UNDELIV"
            other = Receipt(row["provider_ref"][0], NUMBER, Delivery.DELIVERED, "DELIVRD", None)
            assert await service.receipt(other)
            assert (await park.row(row["id"]))["state"] == "failed"
            assert len(await park.receipts()) == 2

    run(main())


def test_one_failed_part_fails_the_message(database):
    async def main():
        plan = _plan(Fault.NONE, Fault.FAILED)
        async with lane(database, faults=plan) as park, park.working():
            row = await park.becomes(await park.confirm(language="en"), "failed")
            assert len(row["provider_ref"]) == len(park.operator.submits)

    run(main())


def test_throttled_it_waits_and_is_sent_later(database):
    async def main():
        async with lane(database, faults=_plan(Fault.FLOW)) as park, park.working():
            row_id = await park.confirm()
            await until(lambda: len(park.operator.submits) == 1)
            row = await park.becomes(row_id, "pending", "sent", "delivered")
            assert row["last_error"] == "8 flow control"
            row = await park.becomes(row_id, "delivered")
            assert row["attempts"] == 2
            assert len(park.operator.inbox(NUMBER)) == 1

    run(main())


def test_throttled_for_ever_it_dies_and_is_shown(database):
    async def main():
        limits = Limits(backoff_first_s=0.01, backoff_most_s=0.01, attempts_max=3)
        plan = _plan(*[Fault.FLOW] * 9)
        async with lane(database, faults=plan) as park, park.working(limits=limits):
            row = await park.becomes(await park.confirm(), "dead", timeout_s=20)
            assert (row["attempts"], row["last_error"]) == (3, "8 flow control")
            assert len(park.operator.submits) == 3

    run(main())


def test_a_refusal_is_final_with_its_code(database):
    async def main():
        async with lane(database, faults=_plan(Fault.REFUSED)) as park, park.working():
            row = await park.becomes(await park.confirm(), "failed")
            assert row["last_error"] == "13 Dest_terminal_Id"

    run(main())


@pytest.mark.parametrize("state", ["refunded", "cancelled", "awaiting_payment"])
def test_an_order_that_is_not_paid_any_more_is_not_confirmed(database, state):
    async def main():
        async with lane(database) as park, park.working():
            row = await park.becomes(await park.confirm(state=state), "dead")
            assert row["last_error"] == f"the order is {state}"
            assert park.operator.submits == []

    run(main())


def test_what_expired_before_it_was_sent_stays_unsent(database):
    async def main():
        async with lane(database) as park:
            row_id = await park.confirm()
            await park.pool.execute("UPDATE outbox SET expires_at = now() - interval '1 second'")
            async with park.working():
                assert (await park.becomes(row_id, "dead"))["last_error"] == "expired"
            assert park.operator.submits == []

    run(main())


def test_a_worker_that_slept_through_its_lease_sends_nothing(database):
    async def main():
        async with lane(database) as park:
            row_id = await park.confirm()
            async with park.working(limits=Limits(lease_s=0)):
                await park.becomes(row_id, "unknown")
                await asyncio.sleep(0.2)
            assert park.operator.submits == []

    run(main())


def test_a_stopped_worker_finishes_what_is_on_its_way(database):
    async def main():
        async with lane(database, faults=_plan(Fault.ANSWER_LATE), late_s=0.3, delay_s=60) as park:
            row_id = await park.confirm()
            async with park.working():
                await until(lambda: park.operator.submits)
            assert (await park.row(row_id))["state"] == "sent"

    run(main())


_WORKER = """
import asyncio, sys
from pathlib import Path
from tests.centre.messaging.cmpp_lane import account
from tests.centre.messaging.outbox_lane import utc_now
from menpiao.centre.messaging.cmpp.channel import CmppChannel
from menpiao.centre.messaging.jobs import work
from menpiao.centre.messaging.service import Limits, MessagingService
from menpiao.centre.messaging.session import Timers
from menpiao.storage.crypto import Vault
from menpiao.storage.database.catalogue import Catalogue
from menpiao.storage.database.connect import open_pool
from menpiao.storage.database.ids import IdBlocks
from menpiao.storage.keys import load_keys

async def main(url, key_file, port):
    pool = await open_pool(url, 4)
    channel = CmppChannel(account(int(port), timers=Timers()))
    service = MessagingService(
        pool, Vault(load_keys(Path(key_file))), Catalogue(pool), IdBlocks(pool), channel, utc_now,
        limits=Limits(lease_s=3),
    )
    await work(service, poll_s=0.02)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("fault", "ends"), [(Fault.SILENT, "unknown"), (Fault.ANSWER_LOST, "delivered")]
)
def test_a_worker_killed_while_sending_leaves_it_unknown_not_pending(database, fault, ends):
    async def main():
        async with lane(database, faults=_plan(fault), delay_s=1.5) as park:
            row_id = await park.confirm()
            arguments = [database.url, str(database.settings.key_file), str(park.port)]
            process = subprocess.Popen(  # noqa: ASYNC220 - started at once, waited for when killed
                [sys.executable, "-c", _WORKER, *arguments],
                env=os.environ | {"PYTHONPATH": str(Path.cwd())},
            )
            try:
                await until(lambda: park.operator.submits, timeout_s=30)
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()
            assert (await park.row(row_id))["state"] == "sending"
            async with park.working():
                assert (await park.becomes(row_id, ends))["attempts"] == 1
                await asyncio.sleep(0.5)
            assert len(park.operator.submits) == 1

    run(main())


def test_no_row_and_no_receipt_shows_the_number(database):
    async def main():
        async with lane(database) as park, park.working():
            await park.becomes(await park.confirm(), "delivered")
            for table in ("outbox", "outbox_receipt"):
                for row in await park.pool.fetch(f"SELECT t::text AS text FROM {table} t"):
                    assert NUMBER not in row["text"]
                    assert NUMBER.encode().hex() not in row["text"]

    run(main())


def test_the_status_says_whether_the_operator_is_there(database):
    async def main():
        async with lane(database) as park, park.working() as service:
            await park.becomes(await park.confirm(), "delivered")
            status = await service.status()
            assert status.channel.connected
            assert status.counts == {"delivered": 1, "unmatched": 0}

    run(main())


def test_the_status_over_http(database):
    async def main():
        async with lane(database) as park:
            service = park.service()
            app = Starlette(routes=MessagingApi(service).routes())
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://centre") as client:
                answer = await client.get("/internal/messaging/status")
                assert answer.status_code == 503
                async with park.working(service):
                    await park.becomes(await park.confirm(), "delivered")
                    answer = await client.get("/internal/messaging/status")
                assert answer.status_code == 200
                assert answer.json()["last_seven_days"] == {"delivered": 1, "unmatched": 0}

    run(main())


def _plan(*faults):
    return deque(faults)
