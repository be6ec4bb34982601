"""The booking pages in a real browser: no faults of access, no overflow, large enough to touch."""

import re

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from tests.support_db import person
from tests.support_pages import served_park

pytestmark = pytest.mark.needs("chromium", "wqy-microhei")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
_people = iter(range(200, 400))


@pytest.fixture(scope="module")
def pages():
    with served_park("booking") as served:
        yield served


def follow(page, link):
    """Click, and wait for the page that comes: a click alone does not, and what is looked at
    next would be the old page or none."""
    with page.expect_event("load"):
        link.click()


def walk(page, pages):
    """Every page of a booking, one after the other, each ready to be looked at."""
    address = pages.address
    page.goto(address + "/")
    yield "start"
    page.goto(address + "/book/slot/")
    yield "calendar"
    follow(page, page.locator("a.day").last)
    yield "slots"
    follow(page, page.locator("a.slot").last)
    yield "visitors"
    follow(page, page.locator("button.main"))
    yield "faults"
    page.fill("[name=v0-name]", "张测试")
    page.fill("[name=v0-number]", person(next(_people)))
    page.fill("[name=phone]", "13800000000")
    page.click("button[value=more]")
    page.fill("[name=v1-name]", "欧阳测试")
    page.fill("[name=v1-number]", person(next(_people)))
    follow(page, page.locator("button.main"))
    yield "review"
    follow(page, page.locator("button[value=book]"))
    yield "terms"
    page.check("[name=terms]")
    follow(page, page.locator("button[value=book]"))
    page.wait_for_url("**/pay/**")
    yield "pay"
    follow(page, page.locator("a.lone"))
    yield "cancel"
    paid = pay(pages, page.url)
    page.goto(page.url)
    yield "choose"
    page.uncheck("[name=t] >> nth=0")
    follow(page, page.locator("button.main"))
    yield "confirm"
    follow(page, page.locator("button.danger"))
    page.wait_for_url(f"**/orders/{paid}/?*")
    yield "order"
    page.goto(page.url.replace("/?", "/cancel/?"))
    yield "refused"
    page.goto(address + "/orders/")
    yield "find"
    page.goto(address + "/nowhere/")
    yield "not found"


def pay(pages, address):
    """The order of this address is paid; its number."""
    order_no = re.search(r"/orders/([0-9-]+)/", address)[1]
    order_id = int(order_no.replace("-", "")[:-1])
    with psycopg.connect(pages.database.url) as connection:
        for change in (
            "UPDATE payment SET state = 'paid' WHERE order_id = %s",
            "UPDATE orders SET state = 'paid', paid_at = now(), expires_at = NULL WHERE id = %s",
            "UPDATE ticket SET state = 'valid' WHERE order_id = %s",
        ):
            connection.execute(change, [order_id])
    return order_no


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
@pytest.mark.parametrize("elder", [False, True])
def test_everybody_can_use_every_page(pages, browser, width, language, elder):
    context = browser.new_context(locale=language, viewport={"width": width, "height": 844})
    if elder:
        context.add_cookies([{"name": "elder", "value": "1", "url": pages.address}])
    page = context.new_page()
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on(
        "console", lambda message: broken.append(message.text) if "Policy" in message.text else 0
    )
    seen = 0
    for name in walk(page, pages):
        seen += 1
        found = Axe().run(page, options=RULES).response["violations"]
        assert not found, (name, [(v["id"], v["nodes"][0]["html"]) for v in found])
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        small = page.evaluate(_SMALL, 60 if elder else 44)
        assert not small, (name, small)
        if elder:
            assert page.evaluate(_SMALLEST_TEXT) >= 18, name
    assert seen == 15
    assert not broken
    context.close()


_SMALL = """least => [...document.querySelectorAll(
    'button:not([tabindex="-1"]), .button, input:not([type=hidden], [type=checkbox]), select, '
    + 'a.day, a.slot, a.lone, label.check, .top-actions a')]
  .filter(e => e.getBoundingClientRect().height < least
      || (e.matches('button, .button, .check') && e.getBoundingClientRect().width < least))
  .map(e => e.outerHTML.slice(0, 80))"""

_SMALLEST_TEXT = """Math.min(...[...document.querySelectorAll('body *')]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
  .filter(e => e.getClientRects().length && !e.closest('.visually-hidden, noscript, script'))
  .map(e => parseFloat(getComputedStyle(e).fontSize)))"""


def test_the_payment_page_asks_by_itself(pages, browser):
    context = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 844})
    page = context.new_page()
    for name in walk(page, pages):
        if name == "pay":
            break
    with page.expect_response(lambda answer: "/pay/" in answer.url, timeout=8000) as asked:
        pass
    assert asked.value.request.headers["hx-request"] == "true"
    context.close()


def test_keyboard_alone_reaches_the_first_ticket(pages, browser):
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 844})
    page = context.new_page()
    page.goto(pages.address + "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className").startswith("button")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/book/**")
    context.close()


def to_visitors(page, address, product):
    page.goto(f"{address}/book/{product}/")
    page.locator("a.day").last.click()
    if product == "slot":
        page.locator("a.slot").last.click()


def test_the_stepper_keeps_what_was_typed_and_where_one_is(pages, browser):
    context = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 844})
    page = context.new_page()
    to_visitors(page, pages.address, "day")
    page.fill("[name=v0-name]", "张测试")
    page.fill("[name=phone]", "13800000000")
    page.focus("#more")
    page.keyboard.press("Enter")
    page.wait_for_selector("[name=v1-name]")
    page.wait_for_function("document.activeElement.id === 'more'")
    page.keyboard.press("Enter")
    page.wait_for_selector("[name=v2-name]")
    page.fill("#wanted", "2")
    page.press("#wanted", "Tab")
    page.wait_for_selector("[name=v2-name]", state="detached")
    assert page.input_value("[name=v0-name]") == "张测试"
    assert page.input_value("[name=phone]") == "13800000000"
    page.click("button[value=add]")
    page.wait_for_selector("[name=v2-name]")
    page.wait_for_function("document.activeElement.name === 'v2-name'")
    for _ in range(9):
        page.click("[name=v1-people] + button")
    assert page.input_value("[name=v1-people]") == "5"
    for _ in range(9):
        page.click("button:has(+ [name=v1-people])")
    assert page.input_value("[name=v1-people]") == "1"
    context.close()


def test_the_stepper_needs_no_script(pages, browser):
    context = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    to_visitors(page, pages.address, "day")
    page.click("button[value=more]")
    expect(page.locator("fieldset")).to_have_count(2)
    page.fill("#wanted", "4")
    page.press("#wanted", "Enter")
    expect(page.locator("fieldset")).to_have_count(4)
    page.click("button[value=less]")
    expect(page.locator("fieldset")).to_have_count(3)
    assert not page.locator("button[data-step]").first.is_visible()
    page.fill("[name=v0-people]", "2")
    context.close()
