"""The clerk's page in a real browser, with the real agent on a simulated reader and printer."""

import os
import re
import subprocess
import sys
import time
from datetime import date

import httpx
import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from tests.centre.counter.conftest import sign_in
from tests.support_db import person
from tests.support_ports import free_port

from menpiao.simulation.cards import resident
from menpiao.simulation.payment import wallet_path
from menpiao.simulation.printer import SimulatedPrinter
from menpiao.simulation.reader import SimulatedReader

pytestmark = pytest.mark.needs("chromium", "wqy-microhei")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
_people = iter(range(400, 500))


@pytest.fixture
def desk(pages, world, tmp_path):
    """The real agent process on a pty reader and a printer: reader, printer, port, process."""
    reader, port = SimulatedReader(), free_port()
    with reader.threaded(), world.enter(SimulatedPrinter()) as printer:
        host, printer_port = printer.address
        config = tmp_path / "counter.toml"
        config.write_text(
            f'origins = ["{pages.address}"]\nport = {port}\n'
            f'[reader]\nport = "{reader.port}"\n'
            f'[printer]\nhost = "{host}"\nport = {printer_port}\n'
        )
        command = [sys.executable, "-m", "menpiao", "counter", str(config)]
        process = subprocess.Popen(command)
        try:
            yield reader, printer, port, process
        finally:
            process.terminate()
            process.wait(20)


def sold(pages):
    with psycopg.connect(pages.database.url) as connection:
        return connection.execute("SELECT count(*) FROM orders").fetchone()[0]


def type_in(page, number=None, name="张测试"):
    page.keyboard.press("F2")
    page.keyboard.type(number or person(next(_people)))
    page.fill("#name", name)
    page.press("#name", "Enter")


def test_a_card_on_the_reader_is_sold_for_cash_and_the_slip_comes_out(browser, pages, desk, world):
    reader, printer, port, _ = desk
    page = sign_in(browser, pages, port)
    expect(page.locator("#agent")).to_have_text("读卡器就绪", timeout=15000)
    expect(page.locator("#drawer")).to_contain_text("¥")
    drawer, before = int(page.text_content("#drawer")[1:]), sold(pages)
    number = person(next(_people), date(1958, 1, 1))
    reader.lay(resident(number, "李样例"))
    expect(page.locator("#visitors li")).to_have_count(1)
    reader.lift()
    expect(page.locator("#visitors")).to_contain_text("长者免票，游玩日满65周岁")
    type_in(page)
    expect(page.locator("#visitors li")).to_have_count(2)
    expect(page.locator("#total")).to_have_text("¥120")
    page.fill("#received", "100")
    page.keyboard.press("F8")
    expect(page.locator("#status")).to_have_text("实收不足")
    page.fill("#received", "150")
    expect(page.locator("#change")).to_have_text("找零 ¥30")
    page.keyboard.press("F8")
    page.keyboard.press("F8")
    expect(page.locator("#status")).to_contain_text("已售出")
    expect(page.locator("#status")).to_contain_text("找零 ¥30")
    expect(page.locator("#slip-note")).to_have_text("凭条已打印")
    slip = world.do(printer.wait_for_job(10))
    paper = "\n".join(slip.lines)
    order = re.search(r"\d+-\d{4}", page.text_content("#status"))[0]
    for fact in ("云山风景区", "购票凭证", order, "全天门票", "人数：2", "￥120.00", "李**"):
        assert fact in paper
    assert number not in paper
    assert not slip.unknown
    assert slip.png()[:4] == b"\x89PNG"
    expect(page.locator("#drawer")).to_have_text(f"¥{drawer + 120}")
    page.keyboard.press("F4")
    page.keyboard.type(order)
    page.keyboard.press("Enter")
    expect(page.locator("#reprint")).to_be_focused()
    page.keyboard.press("Enter")
    assert world.do(printer.wait_for_job(10, after=1)).lines == slip.lines
    assert not page.broken
    assert sold(pages) == before + 1
    page.context.close()


def test_without_the_agent_the_page_says_so_and_sells(browser, pages, desk):
    _, _, port, process = desk
    page = sign_in(browser, pages, port)
    expect(page.locator("#agent")).to_have_text("读卡器就绪", timeout=15000)
    process.terminate()
    expect(page.locator("#agent")).to_contain_text("未连接")
    type_in(page)
    expect(page.locator("#cash")).to_be_enabled()
    page.keyboard.press("F8")
    expect(page.locator("#slip-note")).to_contain_text("凭条未打印")
    page.evaluate("window.print = () => { window.shown = document.body.className; }")
    page.click("#browser")
    assert page.evaluate("window.shown") == "slip"
    assert "购票凭证" in page.text_content("#paper")
    page.context.close()


def test_a_cut_line_is_retried_and_sold_once(browser, pages):
    before = sold(pages)
    page = sign_in(browser, pages)
    type_in(page)
    expect(page.locator("#cash")).to_be_enabled()

    def lose(route):
        route.fetch()
        route.abort()

    page.route("**/counter/v1/orders", lose, times=1)
    page.keyboard.press("F8")
    expect(page.locator("#status")).to_contain_text("不知是否售出")
    page.keyboard.press("Escape")
    expect(page.locator("#again")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("已售出")
    assert sold(pages) == before + 1
    page.context.close()


def test_the_same_document_again_is_refused_with_the_reason(browser, pages):
    page = sign_in(browser, pages)
    number = person(next(_people))
    for _ in range(2):
        type_in(page, number)
        expect(page.locator("#cash")).to_be_enabled()
        page.keyboard.press("F8")
        expect(page.locator("#status")).not_to_be_empty()
        expect(page.locator("#status")).not_to_have_text("正在出票")
        page.keyboard.press("Escape") if "已售出" in page.text_content("#status") else None
    expect(page.locator("#status")).to_have_text("1. 该证件已预订，请选择其他时段或日期")
    page.context.close()


def waiting_trade(sim):
    """The number of the charge that waits for its visitor; the worker makes it a moment later."""
    for _ in range(100):
        for trade in httpx.get(f"{sim.base_url}/_sim/trades").json():
            if trade["trade_state"] == "USERPAYING":
                return trade["out_trade_no"]
        time.sleep(0.1)
    raise AssertionError("nothing was charged")


@pytest.mark.parametrize("behaviour", ["pay", "ask", "poor"])
def test_a_payment_code_typed_by_a_scanner_wherever_the_focus_is(
    browser, pages, platform, behaviour
):
    sim, _ = platform
    issued = httpx.post(f"{sim.base_url}/_sim/auth-codes", json={"behaviour": behaviour}).json()
    page = sign_in(browser, pages)
    type_in(page)
    expect(page.locator("#code")).to_be_enabled()
    page.keyboard.press("F10")
    expect(page.locator("#status")).to_have_text("请扫描游客的付款码")
    page.focus("#order")
    page.keyboard.type(issued["auth_code"], delay=5)
    page.keyboard.press("Enter")
    if behaviour == "ask":
        expect(page.locator("#status")).to_contain_text("等待游客确认")
        number = waiting_trade(sim)
        httpx.post(f"{sim.base_url}/_sim/trades/{number}/pay", json={"copies": "none"})
    told = "未收到款" if behaviour == "poor" else "已售出"
    expect(page.locator("#status")).to_contain_text(told, timeout=15000)
    assert page.input_value("#order") == ""
    page.context.close()


def test_a_code_that_we_show_is_paid_from_a_wallet(browser, pages, platform):
    sim, _ = platform
    page = sign_in(browser, pages)
    type_in(page)
    expect(page.locator("#qr")).to_be_enabled()
    page.keyboard.press("F9")
    expect(page.locator("#show svg")).to_be_visible(timeout=15000)
    trades = httpx.get(f"{sim.base_url}/_sim/trades").json()
    code_url = next(t["code_url"] for t in trades if t["trade_state"] == "NOTPAY")
    with httpx.Client(base_url=sim.base_url, follow_redirects=True) as wallet:
        wallet.post(wallet.get(wallet_path(code_url)).url, data={"action": "silent"})
    expect(page.locator("#status")).to_contain_text("已售出", timeout=20000)
    expect(page.locator("#show")).to_be_hidden()
    page.keyboard.press("Escape")
    type_in(page)
    expect(page.locator("#qr")).to_be_enabled()
    page.keyboard.press("F9")
    expect(page.locator("#show svg")).to_be_visible(timeout=15000)
    page.keyboard.press("Escape")
    expect(page.locator("#status")).to_contain_text("未收到款", timeout=15000)
    assert not page.broken
    page.context.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_every_clerk_can_use_the_page(browser, pages, width, language):
    page = sign_in(browser, pages, locale=language, viewport={"width": width, "height": 844})
    for step in ("empty", "edit", "done"):
        if step == "edit":
            type_in(page)
            expect(page.locator("#cash")).to_be_enabled()
        if step == "done":
            page.click("#cash")
            expect(page.locator("#next")).to_be_focused()
        found = Axe().run(page, options=RULES).response["violations"]
        assert not found, (step, [(v["id"], v["nodes"][0]["html"]) for v in found])
        assert page.evaluate("document.documentElement.scrollWidth") <= width, step
    assert not page.broken
    page.context.close()


def test_the_page_is_light(pages):
    with pages.client() as client:
        files = (
            "counter/counter.js",
            "counter/back.js",
            "counter/counter.css",
            "design/menpiao.css",
        )
        assert sum(len(client.get(f"/static/{name}").content) for name in files) < 100 * 1024


def refunds_of(pages, order):
    count = "SELECT count(*), coalesce(sum(amount_fen), 0) FROM refund WHERE order_id = %s"
    with psycopg.connect(pages.database.url) as connection:
        return connection.execute(count, [int(order.replace("-", "")[:-1])]).fetchone()


def sell_two(page):
    """Two visitors sold for cash; the first one's document and the order's number."""
    number = person(next(_people))
    type_in(page, number)
    type_in(page)
    expect(page.locator("#total")).to_have_text("¥240")
    expect(page.locator("#cash")).to_be_enabled()
    page.keyboard.press("F8")
    expect(page.locator("#next")).to_be_focused()
    return number, re.search(r"\d+-\d{4}", page.text_content("#status"))[0]


def test_a_ticket_is_given_back_for_cash_by_card_and_keys_alone(browser, pages, desk, world):
    reader, printer, port, _ = desk
    page = sign_in(browser, pages, port)
    expect(page.locator("#agent")).to_have_text("读卡器就绪", timeout=15000)
    expect(page.locator("#drawer")).to_contain_text("¥")
    number, order = sell_two(page)
    world.do(printer.wait_for_job(10))
    expect(page.locator("#slip-note")).to_have_text("凭条已打印")
    drawer = int(page.text_content("#drawer")[1:])
    page.keyboard.press("Escape")
    page.keyboard.press("F7")
    expect(page.locator("#back-number")).to_be_focused()
    reader.lay(resident(number, "张测试"))
    expect(page.locator("#back-title")).to_contain_text(order)
    reader.lift()
    expect(page.locator("#back-rule")).to_contain_text("全额退")
    expect(page.locator("#back-tickets input")).to_have_count(2)
    expect(page.locator("#back-go")).to_be_disabled()
    page.keyboard.press("Space")
    expect(page.locator("#back-sum")).to_have_text("¥120")
    page.keyboard.press("F8")
    expect(page.locator("#back-question")).to_be_focused()
    expect(page.locator("#back-question")).to_contain_text("退 1 张票，退款 ¥120 现金")
    page.keyboard.press("F9")
    page.keyboard.press("F9")
    expect(page.locator("#back-status")).to_contain_text("请付现金 ¥120")
    expect(page.locator("#slip-note")).to_have_text("凭条已打印")
    paper = "\n".join(world.do(printer.wait_for_job(10, after=1)).lines)
    for fact in ("退票凭证", order, "退票张数：1", "退款金额：￥120.00", "退款方式：现金", "张**"):
        assert fact in paper
    assert number not in paper
    assert refunds_of(pages, order) == (1, 12000)
    expect(page.locator("#back-tickets")).to_contain_text("门票已退款")
    page.keyboard.press("Escape")
    expect(page.locator("#selling")).to_be_visible()
    expect(page.locator("#drawer")).to_have_text(f"¥{drawer - 120}")
    assert not page.broken
    page.context.close()


def test_a_cut_line_in_the_middle_of_a_refund_is_retried_and_paid_once(browser, pages):
    page = sign_in(browser, pages)
    _, order = sell_two(page)
    page.click("#give-back")
    expect(page.locator("#back-tickets input")).to_have_count(2)
    page.click("#back-all")
    expect(page.locator("#back-sum")).to_have_text("¥240")
    page.keyboard.press("F8")

    def lose(route):
        route.fetch()
        route.abort()

    page.route("**/refunds", lose, times=1)
    page.keyboard.press("F9")
    expect(page.locator("#back-status")).to_contain_text("不知是否已退")
    page.keyboard.press("Escape")
    expect(page.locator("#back-again")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#back-status")).to_contain_text("请付现金 ¥240")
    assert refunds_of(pages, order) == (1, 24000)
    page.context.close()


def test_what_was_paid_through_the_platform_goes_back_there(browser, pages, platform):
    sim, _ = platform
    issued = httpx.post(f"{sim.base_url}/_sim/auth-codes", json={"behaviour": "pay"}).json()
    page = sign_in(browser, pages)
    type_in(page)
    expect(page.locator("#code")).to_be_enabled()
    page.keyboard.press("F10")
    page.keyboard.type(issued["auth_code"], delay=5)
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("已售出", timeout=15000)
    order = re.search(r"\d+-\d{4}", page.text_content("#status"))[0]
    page.keyboard.press("Escape")
    page.keyboard.press("F7")
    page.keyboard.type(order)
    page.keyboard.press("Enter")
    expect(page.locator("#back-sum")).to_have_text("¥120")
    expect(page.locator("#back-way")).to_have_text("原路退回")
    page.click("#back-go")
    page.click("#back-yes")
    expect(page.locator("#back-status")).to_contain_text("退款处理中")
    # No notice reaches this house; the platform is asked about a refund after a minute: now.
    due = "UPDATE refund SET next_query_at = now() WHERE state = 'submitted' RETURNING 1"
    for _ in range(150):
        with psycopg.connect(pages.database.url) as connection:
            asked = connection.execute(due).fetchall()
        if not asked and "已原路退回" in page.text_content("#back-status"):
            break
        time.sleep(0.2)
    expect(page.locator("#back-status")).to_contain_text("已原路退回 ¥120")
    assert refunds_of(pages, order) == (1, 12000)
    page.context.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_every_clerk_can_give_back(browser, pages, width, language):
    page = sign_in(browser, pages, locale=language, viewport={"width": width, "height": 844})
    _, order = sell_two(page)
    page.keyboard.press("Escape")
    for step in ("find", "choose", "confirm", "done"):
        if step == "find":
            page.click("#back-open")
            expect(page.locator("#back-number")).to_be_focused()
        if step == "choose":
            page.fill("#back-number", order)
            page.press("#back-number", "Enter")
            page.locator("#back-tickets input").first.check()
            expect(page.locator("#back-go")).to_be_enabled()
        if step == "confirm":
            page.click("#back-go")
            expect(page.locator("#back-question")).to_be_focused()
        if step == "done":
            page.click("#back-yes")
            expect(page.locator("#back-next")).to_be_focused()
        found = Axe().run(page, options=RULES).response["violations"]
        assert not found, (step, [(v["id"], v["nodes"][0]["html"]) for v in found])
        assert page.evaluate("document.documentElement.scrollWidth") <= width, step
        if folder := os.environ.get("PICTURES"):
            page.screenshot(path=f"{folder}/back-{step}-{width}-{language}.png", full_page=True)
    assert not page.broken
    page.context.close()
