"""The page of a simulated telephone, over HTTP."""

import asyncio

import httpx
import pytest
from tests.centre.messaging.cmpp_lane import NUMBER

from menpiao.centre.messaging.cmpp.packets import Submit
from menpiao.simulation.sms.operator import Fault, Operator, Plan
from menpiao.simulation.sms.pages import make_app
from menpiao.simulation.sms.phones import Phones


async def arrived(phones, *texts, number=NUMBER):
    for text in texts:
        content = text.encode("utf-16-be")
        submit = Submit(
            destinations=(number,), content=content, msg_src="901234", src_id="10690012"
        )
        await phones.take(submit, number)


def asked(work):
    async def main():
        operator = Operator(Phones(), Plan())
        transport = httpx.ASGITransport(make_app(operator))
        async with httpx.AsyncClient(transport=transport, base_url="http://phones") as client:
            await work(operator, client)

    asyncio.run(main())


def test_a_telephone_shows_its_messages_and_who_sent_them():
    async def work(operator, client):
        await arrived(operator.phones, "【青岚山】订单1已确认", "【青岚山】订单2已确认")
        page = await client.get(f"/phone/{NUMBER}")
        assert page.status_code == 200
        assert page.text.index("订单1已确认") < page.text.index("订单2已确认")
        assert "10690012" in page.text
        assert 'lang="zh-CN"' in page.text
        assert 'aria-live="polite"' in page.text

    asked(work)


def test_a_telephone_can_be_read_in_english():
    async def work(operator, client):
        for page in (
            await client.get(f"/phone/{NUMBER}?lang=en"),
            await client.get(f"/phone/{NUMBER}", headers={"Accept-Language": "en-GB"}),
        ):
            assert 'lang="en"' in page.text
            assert "No messages yet" in page.text

    asked(work)


def test_the_list_of_messages_is_what_the_page_asks_for_again():
    async def work(operator, client):
        page = await client.get(f"/phone/{NUMBER}")
        live = page.text.partition('data-live="')[2].partition('"')[0].replace("&amp;", "&")
        assert "还没有短信" in (await client.get(live)).text
        await arrived(operator.phones, "票")
        again = await client.get(live)
        assert '<p class="bubble">票</p>' in again.text
        assert again.headers["cache-control"] == "no-store"

    asked(work)


def test_a_text_is_never_markup():
    async def work(operator, client):
        await arrived(operator.phones, "<script>alert(1)</script>&")
        for path in (f"/phone/{NUMBER}", f"/phone/{NUMBER}/messages", "/phone"):
            text = (await client.get(path)).text
            assert "<script>alert" not in text
            assert "&lt;script&gt;alert(1)" in text

    asked(work)


def test_the_inbox_as_json():
    async def work(operator, client):
        await arrived(operator.phones, "票")
        (message,) = (await client.get(f"/phone/{NUMBER}/inbox.json")).json()
        assert (message["text"], message["sender"], message["parts"]) == ("票", "10690012", 1)
        assert (await client.get("/phone/13900000000/inbox.json")).json() == []

    asked(work)


def test_the_index_leads_to_every_telephone():
    async def work(operator, client):
        assert "还没有任何手机收到短信" in (await client.get("/phone")).text
        await arrived(operator.phones, "票")
        await arrived(operator.phones, "票", number="+8613900000000")
        page = (await client.get("/phone")).text
        assert page.index('href="/phone/13900000000') < page.index(f'href="/phone/{NUMBER}')

    asked(work)


@pytest.mark.parametrize("number", ["abc", "<b>", "1" * 21, "１３８"])
@pytest.mark.parametrize("tail", ["", "/messages", "/inbox.json"])
def test_what_is_no_number_has_no_telephone(number, tail):
    async def work(operator, client):
        assert (await client.get(f"/phone/{number}{tail}")).status_code == 404

    asked(work)


def test_faults_are_planned_over_http():
    async def work(operator, client):
        answer = await client.post("/_sim/sms", json={"faults": ["silent", "flow"]})
        assert answer.json() == {"faults": ["silent", "flow"]}
        assert list(operator.plan.faults) == [Fault.SILENT, Fault.FLOW]
        await client.post("/_sim/sms", json={"unreachable": [NUMBER], "cut": True})
        assert NUMBER in operator.phones.unreachable

    asked(work)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"faults": ["none such"]}', b'{"x": 1}', b"\xff"])
def test_a_plan_that_cannot_be_read_is_refused(body):
    async def work(operator, client):
        assert (await client.post("/_sim/sms", content=body)).status_code == 400
        assert not operator.plan.faults

    asked(work)
