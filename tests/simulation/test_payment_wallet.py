"""The wallet pages: a person pays, cancels, and rehearses faults."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from menpiao.centre.commerce.provider import CodeCharge, PaymentRequest, Standing
from menpiao.centre.commerce.wechat.client import WechatPay
from menpiao.simulation.payment import make_merchant, running, wallet_path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("wallet")


@pytest.fixture
def visit(folder):
    """``visit(scenario)``: the scenario gets the browser, the client, and the platform."""

    def play(scenario):
        async def main():
            async with running(folder) as sim, WechatPay.http_client() as http:
                account = make_merchant(
                    folder, base_url=sim.base_url, notify_url="http://127.0.0.1:9/notify"
                )
                async with httpx.AsyncClient(
                    base_url=sim.base_url, trust_env=False, follow_redirects=True
                ) as browser:
                    await scenario(browser, WechatPay(account, http), sim.platform)

        asyncio.run(main())

    return play


async def order(client, description="成人票"):
    until = datetime.now(UTC) + timedelta(minutes=15)
    made = await client.create_qr(PaymentRequest("ORDER0001", 12050, description, until))
    return wallet_path(made.code_url)


def state(page):
    return re.search(r'data-state="(\w+)"', page.text)[1]


def test_a_scanned_code_opens_the_order_and_paying_pays(visit):
    async def scenario(browser, client, platform):
        page = await browser.get(await order(client))
        assert page.status_code == 200
        assert 'lang="zh-CN"' in page.text
        for text in ("¥120.50", "成人票", "模拟景区", "ORDER0001", "立即支付", "Pay"):
            assert text in page.text
        assert state(page) == "NOTPAY"
        page = await browser.post(page.url, data={"action": "pay"})
        assert state(page) == "SUCCESS"
        assert "立即支付" not in page.text
        assert (await client.query("ORDER0001")).standing is Standing.SUCCEEDED
        assert len(platform.notifier.notices) == 1

    visit(scenario)


def test_cancelling_leaves_the_order_payable(visit):
    async def scenario(browser, client, platform):
        page = await browser.get(await order(client))
        page = await browser.post(page.url.copy_with(query=None), data={"action": "cancel"})
        assert "已取消" in page.text
        assert state(page) == "NOTPAY"

    visit(scenario)


def test_a_closed_order_cannot_be_paid(visit):
    async def scenario(browser, client, platform):
        page = await browser.get(await order(client))
        await client.close("ORDER0001")
        page = await browser.post(page.url.copy_with(query=None), data={"action": "pay"})
        assert "无法支付" in page.text
        assert state(page) == "CLOSED"

    visit(scenario)


def test_text_from_outside_is_text_on_the_page(visit):
    async def scenario(browser, client, platform):
        page = await browser.get(await order(client, "<script>alert(1)</script>&"))
        assert "<script" not in page.text
        assert "&lt;script&gt;" in page.text
        assert "<script" not in (await browser.get("/wallet")).text

    visit(scenario)


def test_an_unknown_code_is_said_to_be_unknown(visit):
    async def scenario(browser, client, platform):
        for path in (wallet_path("weixin://wxpay/bizpayurl?pr=zzz"), wallet_path("x"), "/wallet/z"):
            page = await browser.get(path)
            assert page.status_code == 404
        assert (await browser.post("/wallet/z", data={"action": "pay"})).status_code == 404

    visit(scenario)


def test_the_visitors_own_code_can_be_charged(visit):
    async def scenario(browser, client, platform):
        for behaviour, standing in (("", Standing.SUCCEEDED), ("ask", Standing.PENDING)):
            page = await browser.get("/wallet/code", params={"behaviour": behaviour})
            assert "<svg" in page.text
            code = re.search(r'id="auth-code">(\d{18})<', page.text)[1]
            number = f"TILL-{standing}"
            outcome = await client.charge_code(CodeCharge(number, 100, "成人票", code))
            assert outcome.standing is standing
        page = await browser.get(f"/wallet/{number}")
        assert state(page) == "USERPAYING"
        page = await browser.post(page.url, data={"action": "pay"})
        assert (await client.query(number)).standing is Standing.SUCCEEDED

    visit(scenario)


@pytest.mark.parametrize(("action", "copies"), [("silent", 0), ("twice", 2)])
def test_faults_are_rehearsed_by_hand(visit, action, copies):
    async def scenario(browser, client, platform):
        sent = []

        async def send(notice, *_):
            sent.append(notice.id)
            return 204

        platform.notifier.send = send
        page = await browser.get(await order(client))
        page = await browser.post(page.url, data={"action": action})
        assert state(page) == "SUCCESS"
        await asyncio.sleep(1.1 if copies else 0.1)
        assert len(sent) == copies

    visit(scenario)
