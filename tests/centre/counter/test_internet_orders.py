"""Orders bought over the internet, given back at the window: the money goes to the wallet."""

import os
import secrets

import httpx
import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from psycopg.rows import dict_row
from tests.centre.counter.conftest import Window, sign_in, visitor
from tests.support_serve import until

pytestmark = pytest.mark.needs("chromium", "wqy-microhei")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}


def rows(pages, sql, *values):
    with psycopg.connect(pages.database.url, row_factory=dict_row) as connection:
        found = connection.execute(sql, values)
        return found.fetchall() if found.description else []


def plain(number):
    """The identifier that a number shows."""
    return int(number.replace("-", "")[:-1])


@pytest.fixture
def window(pages):
    with pages.client() as client:
        at = Window(client)
        at.sign_in()
        yield at


@pytest.fixture
def refunds_end(platform):
    """Say how the platform ends refunds; as usual again at the end."""
    sim, _ = platform

    def steer(result):
        body = {"refund_result": result, "refund_s": 0}
        assert httpx.post(f"{sim.base_url}/_sim/mode", json=body).status_code < 300

    yield steer
    steer("SUCCESS")


def bought(pages, platform, window, people=1):
    """An order that visitors booked and paid on their telephones."""
    sim, _ = platform
    sale = window.sale(visitors=[visitor() for _ in range(people)])
    asked = {name: sale[name] for name in ("token", "product_id", "slot_id", "visitors")}
    made = httpx.post(f"{pages.address}/booking/v1/orders", json=asked | {"phone": "13800000000"})
    assert made.status_code in {200, 201}, made.text
    number = made.json()["order_no"]
    find = "SELECT out_trade_no FROM payment WHERE order_id = %s AND state = 'pending'"
    trade = until(lambda: rows(pages, find, plain(number)), "a code to pay")[0]["out_trade_no"]
    paid = httpx.post(f"{sim.base_url}/_sim/trades/{trade}/pay", json={"copies": "none"})
    assert paid.status_code == 204, paid.text

    def arrived():
        # No notice reaches this house: the platform is asked now.
        rows(pages, "UPDATE payment SET next_query_at = now() WHERE state = 'pending'")
        order = "SELECT 1 FROM orders WHERE id = %s AND state = 'paid'"
        return rows(pages, order, plain(number))

    until(arrived, "the order is paid")
    return number


def give(window, number, tickets, fen):
    asked = {"tickets": tickets, "expected_fen": fen, "token": secrets.token_hex(12)}
    answer = window.ask("POST", f"orders/{number}/refunds", asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ended(pages, window, number, state):
    """The order as the window sees it once its refund has come to this end."""

    def look():
        rows(pages, "UPDATE refund SET next_query_at = now() WHERE state = 'submitted'")
        view = window.ask("GET", f"orders/{number}/refunds").json()
        return view if [one["state"] for one in view["refunds"]] == [state] else None

    return until(look, f"the refund is {state}")


def readable(page, width):
    """Nothing that a tool finds in the way of anybody, and nothing beside the screen."""
    found = Axe().run(page, options=RULES).response["violations"]
    assert not found, [(v["id"], v["nodes"][0]["html"]) for v in found]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_money_goes_to_the_wallet_and_the_drawer_stays(pages, platform, window, refunds_end):
    refunds_end("SUCCESS")
    number = bought(pages, platform, window, 2)
    drawer = window.ask("GET", "sales").json()["drawer_fen"]
    view = window.ask("GET", f"orders/{number}/refunds").json()
    first, second = (one["ticket_no"] for one in view["tickets"])
    made = give(window, number, [first], 12000)["refund"]
    assert made["state"] in {"requested", "submitted"}
    after = ended(pages, window, number, "done")
    assert [one["state"] for one in after["tickets"]] == ["refunded", "valid"]
    assert after["order"]["state"] == "paid"
    assert after["tickets"][1]["ticket_no"] == second
    day = window.ask("GET", "sales").json()
    assert day["drawer_fen"] == drawer
    assert sum(one["refunded_fen"] for one in day["sums"] if one["means"] != "cash") >= 12000
    slip = window.ask("GET", f"orders/{number}/refunds/{made['refund_no']}/slip").json()["lines"]
    text = "\n".join(line.get("text", "") for line in slip)
    assert "退款方式：原路退回" in text
    assert "￥120.00" in text
    (kept,) = rows(pages, "SELECT * FROM refund WHERE order_id = %s", plain(number))
    assert (kept["amount_fen"], kept["reason"]) == (12000, "counter")
    assert kept["staff_id"] is not None
    told = "SELECT 1 FROM outbox WHERE kind = 'refund.done' AND payload->>'refund_id' = %s"
    assert len(rows(pages, told, str(kept["id"]))) == 1


@pytest.mark.parametrize("result", ["ABNORMAL", "CLOSED"])
@pytest.mark.parametrize(("width", "language"), [(390, "zh-CN"), (1280, "en-GB")])
def test_a_stopped_refund_stays_in_sight_with_what_to_do(
    browser, pages, platform, window, refunds_end, result, width, language
):
    refunds_end(result)
    number = bought(pages, platform, window, 2)
    view = window.ask("GET", f"orders/{number}/refunds").json()
    made = give(window, number, [view["tickets"][0]["ticket_no"]], 12000)["refund"]
    after = ended(pages, window, number, result.lower())
    assert after["tickets"][0]["state"] == "refunding"
    page = sign_in(browser, pages, locale=language, viewport={"width": width, "height": 844})
    page.click("#back-open")
    page.fill("#back-number", number)
    page.press("#back-number", "Enter")
    chinese = language.startswith("zh")
    notice = page.locator("#back-stopped")
    expect(notice).to_be_visible()
    expect(notice).to_contain_text("退款未到账" if chinese else "The refund did not arrive")
    expect(notice).to_contain_text("不要另付现金" if chinese else "Do not pay cash")
    expect(notice).to_contain_text(made["refund_no"])
    expect(page.locator("#back-made")).to_contain_text(made["refund_no"])
    readable(page, width)
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/stopped-{result}-{width}.png", full_page=True)
    assert not page.broken
    page.context.close()


@pytest.mark.parametrize(("width", "language"), [(390, "zh-CN"), (1280, "en-GB")])
def test_the_console_lists_it_and_a_closed_one_goes_again_once(
    browser, pages, platform, window, refunds_end, width, language
):
    refunds_end("CLOSED")
    number = bought(pages, platform, window)
    view = window.ask("GET", f"orders/{number}/refunds").json()
    made = give(window, number, [view["tickets"][0]["ticket_no"]], 12000)["refund"]
    ended(pages, window, number, "closed")
    refunds_end("SUCCESS")
    context = browser.new_context(locale=language, viewport={"width": width, "height": 844})
    page = context.new_page()
    page.goto(f"{pages.address}/console/login/?next=/console/console/refund/%3Fstopped=1")
    page.fill("[name=username]", "manager")
    page.fill("[name=password]", "demo-manager")
    page.press("[name=password]", "Enter")
    expect(page.locator("#result_list")).to_contain_text(number)
    readable(page, width)
    folder = os.environ.get("PICTURES")
    if folder:
        page.screenshot(path=f"{folder}/stopped-list-{width}.png", full_page=True)
    page.locator(".console-alarm").click()
    page.wait_for_url("**/console/console/refund/?stopped=1")
    page.goto(f"{pages.address}/console/console/refund/?q={made['refund_no']}&stopped=1")
    page.locator("#result_list tbody a").first.click()
    chinese = language.startswith("zh")
    told = "不要另付现金" if chinese else "Do not pay cash"
    expect(page.locator("#content")).to_contain_text(told)
    why = "平台关闭了退款" if chinese else "The platform closed the refund"
    expect(page.locator(".field-trouble")).to_contain_text(why)
    readable(page, width)
    if folder:
        page.screenshot(path=f"{folder}/stopped-act-{width}.png", full_page=True)
    address = page.url
    page.locator("[name=_save]").click()
    page.wait_for_url("**/refund/**")
    after = window.ask("GET", f"orders/{number}/refunds").json()["refunds"]
    assert after[0]["state"] == "replaced"
    assert len(after) == 2
    assert after[1]["amount_fen"] == 12000
    page.goto(address)
    expect(page.locator("#content")).to_contain_text(
        "已用新单号再退" if chinese else "under a new number"
    )
    expect(page.locator("[name=_save]")).to_have_count(0)
    readable(page, width)
    context.close()
