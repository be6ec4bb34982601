"""The demo's page in a real browser: the drawing lives, cards are laid, a crowd comes."""

import time

import httpx
import pytest
from playwright.sync_api import expect
from tests.simulation.support_demo import Demo, let_through

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    place = tmp_path_factory.mktemp("demo-page")
    let_through(place)
    demo = Demo(place / "data")
    try:
        yield demo.wait()
    finally:
        demo.end()
        assert not demo.left_behind()


@pytest.fixture
def page(browser, address):
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    faults = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto(f"{address}?lang=zh")
    opened.wait_for_selector("[data-card=adult]")
    yield opened
    opened.close()
    assert not faults


def state(address):
    return httpx.get(f"{address}state.json").json()


def post(address, path, body):
    return httpx.post(f"{address}{path}", json=body, headers={"Origin": address.rstrip("/")})


def part(page, numeral):
    return page.locator(f"[data-part='{numeral}'] > .state")


def test_a_card_on_the_gate_admits_prints_and_moves_the_boxes(page, address):
    before = state(address)["parts"]
    page.click("[data-card=elder]")
    expect(page.locator("#screen")).to_have_attribute("data-signal", "admit", timeout=15_000)
    expect(page.locator("#slips img").first).to_have_js_property("complete", True, timeout=15_000)
    assert page.evaluate("document.querySelector('#slips img').naturalWidth") > 300
    printed = int("".join(filter(str.isdigit, before["305"]["text"])) or 0)
    expect(part(page, "305")).to_have_text(f"已出 {printed + 1} 张", timeout=15_000)
    expect(part(page, "701")).not_to_have_text(before["701"]["text"], timeout=15_000)
    expect(part(page, "2")).not_to_have_text(before["2"]["text"], timeout=15_000)
    # the visitor takes the card away, and laying it again is refused with time and gate
    expect(page.locator("#lift")).to_be_hidden(timeout=15_000)
    time.sleep(4)  # the reader takes a card of three seconds ago for the same presentation
    page.click("[data-card=elder]")
    expect(page.locator("#screen")).to_have_attribute("data-signal", "refuse", timeout=15_000)
    expect(page.locator("#screen span")).to_contain_text("东门1号")


def test_the_message_of_a_booking_is_on_the_bench(page):
    expect(page.locator("#messages .bubble").first).to_contain_text("已确认", timeout=20_000)


def test_parts_that_are_not_built_say_so_and_lead_nowhere(page, address):
    for numeral, found in state(address)["parts"].items():
        if found["level"] == "todo":
            expect(part(page, numeral)).to_have_text("尚未建成")
            assert page.locator(f"[data-part='{numeral}'] > .name").get_attribute("href") is None
        elif found["link"]:
            answer = httpx.get(found["link"], follow_redirects=True)
            assert answer.status_code == 200, (numeral, found["link"])


def test_a_pulled_cable_shows_and_the_lane_goes_on(page, address):
    page.click("[data-trouble=cable]")
    expect(part(page, "303")).to_contain_text("断开", timeout=15_000)
    # the lane decides by itself: whoever has booked for today walks in all the same
    page.click("[data-card=foreigner]")
    expect(page.locator("#screen")).to_have_attribute("data-signal", "admit", timeout=20_000)
    assert state(address)["parts"]["303"]["text"] == "断开，自行核验"
    page.click("[data-trouble=none]")
    expect(part(page, "303")).to_have_text("已连中心", timeout=30_000)


def test_an_unplugged_reader_shows_and_heals(page):
    page.click("[data-trouble=unplug]")
    expect(part(page, "301")).to_have_text("已拔出", timeout=15_000)
    page.click("[data-trouble=none]")
    expect(part(page, "301")).not_to_have_text("已拔出", timeout=15_000)


def test_a_crowd_books_pays_enters_and_stops(page, address):
    page.evaluate("document.getElementById('rate').value = 120")
    page.click("#crowd")
    until = time.monotonic() + 90
    while time.monotonic() < until:
        crowd = state(address)["crowd"]
        assert crowd["under_way"] <= 48
        if crowd["entered"] >= 5:
            break
        time.sleep(0.5)
    assert crowd["entered"] >= 5, crowd
    assert crowd["rate"] == 120
    page.click("#crowd")
    expect(page.locator("#crowd")).to_have_text("开始", timeout=15_000)
    assert state(address)["crowd"]["rate"] == 0


def test_the_bench_is_moved_by_its_own_page_alone_and_says_what_is_wrong(address):
    lay = {"reader": "gate", "card": "adult"}
    assert httpx.post(f"{address}bench/lay", json=lay).status_code == 403
    elsewhere = {"Origin": "http://elsewhere.example"}
    assert httpx.post(f"{address}bench/lay", json=lay, headers=elsewhere).status_code == 403
    assert httpx.get(address, headers={"Host": "elsewhere.example"}).status_code == 400
    assert post(address, "bench/lay", {"reader": "gate"}).status_code == 400
    assert post(address, "bench/lay", {"reader": "gate", "card": "nobody"}).status_code == 404
    assert post(address, "bench/trouble", {"reader": "gate", "kind": "flood"}).status_code == 404
    assert httpx.get(f"{address}slips/gate/999.png").status_code == 404
    assert post(address, "crowd", {"rate": 10_000}).status_code == 200
    assert state(address)["crowd"]["rate"] == 120
    assert post(address, "crowd", {"rate": 0}).status_code == 200


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_runs_off_the_page(browser, address, width, language):
    opened = browser.new_page(viewport={"width": width, "height": 844})
    opened.goto(f"{address}?lang={language}")
    opened.wait_for_selector(".id-card")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    opened.close()
