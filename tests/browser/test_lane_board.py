"""The board of lanes in a real browser: live, and down to a real lane's barrier and back."""

import asyncio
import contextlib
import subprocess
import sys
import threading

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from tests.centre.check.house import PASSWORD, LinkedLane, a_house
from tests.support_ports import free_port

from menpiao.simulation.barrier import SimulatedRs485
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.gate.config import new_config
from menpiao.terminals.parts.link.identity import Identity, save_identity

pytestmark = pytest.mark.needs("chromium", "wqy-microhei")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
SOON_MS = 15_000


@pytest.fixture(scope="module")
def house():
    with a_house() as served:
        yield served


@contextlib.contextmanager
def signed_in(browser, house, name, path="/lanes/", **options):
    """A page of somebody's own session; nothing may go wrong on it."""
    context = browser.new_context(**({"locale": "zh-CN"} | options))
    page = context.new_page()
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda said: broken.append(said.text) if said.type == "error" else 0)
    page.goto(house.served.address + path)
    page.fill("[name=username]", name)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_selector("h1")
    yield page
    assert not broken
    context.close()


def card(page, house):
    return page.locator(f"#lane-{house.gate}")


def says(page, house, text):
    expect(card(page, house)).to_contain_text(text, timeout=SOON_MS)


def tell(page, house, action, reason):
    page.click(f"#choose-{house.gate}")
    expect(page.locator("#reason")).to_be_focused()
    page.fill("#reason", reason)
    page.click(f"button[value={action}]")


def test_the_board_moves_while_it_is_looked_at(house, browser):
    with signed_in(browser, house, "first") as page, LinkedLane(house) as lane:
        expect(page.locator("#line")).to_have_text("实时", timeout=SOON_MS)
        lane.say(state="idle", paper="ok", mode="centre", queue=0)
        says(page, house, "✔ 在线")
        page.focus(f"#choose-{house.gate}")
        lane.say(state="fault", paper="out", mode="lane", queue=3)
        for text in ("✖ 缺纸", "✖ 设备故障", "单机"):
            says(page, house, text)
        expect(page.locator(f"#choose-{house.gate}")).to_be_focused()
        tell(page, house, "open_once", "轮椅")
        says(page, house, "开闸一次 · 通道已执行")
        assert [c["action"] for c in lane.commands] == ["open_once"]


@contextlib.contextmanager
def a_real_lane(house, folder):
    """``menpiao gate`` in a process of its own, with a reader and a turnstile on serial lines."""
    ready, end = threading.Event(), threading.Event()
    found = {}

    async def devices():
        async with SimulatedReader() as reader, SimulatedRs485() as board:
            found.update(reader=reader.port, board=board)
            ready.set()
            await asyncio.to_thread(end.wait)

    thread = threading.Thread(target=asyncio.run, args=(devices(),))
    thread.start()
    assert ready.wait(10)
    text = new_config(house.served.address, house.gate, found["reader"])
    text = text.replace("8750", str(free_port()))
    text = text.replace('kind = "none"', f'kind = "frames"\nport = "{found["board"].port}"')
    config = folder / "gate.toml"
    config.write_text(text)
    key_file = folder / "gate-data" / "gate-key.json"
    if not key_file.exists():
        save_identity(key_file, Identity(house.key, house.device))
    process = subprocess.Popen([sys.executable, "-m", "menpiao", "gate", str(config)])
    try:
        yield found["board"].turnstile
    finally:
        process.terminate()
        process.wait(10)
        end.set()
        thread.join(10)


def passages(house):
    found = "SELECT coalesce(string_agg(kind, ' '), '') FROM passage WHERE gate_id = %s"
    return house.value(found, house.gate)


def pushes(page, turnstile, times=100):
    """Somebody pushes the arm for some seconds; whether it turned."""
    for _ in range(times):
        if turnstile.walk():
            return True
        page.wait_for_timeout(50)
    return False


def test_a_command_opens_the_barrier_of_a_real_lane_and_its_answer_comes_back(
    house, browser, tmp_path
):
    with (
        signed_in(browser, house, "first") as page,
        signed_in(browser, house, "second") as other,
        a_real_lane(house, tmp_path) as turnstile,
    ):
        says(page, house, "✔ 在线")
        says(page, house, "就绪")
        assert not pushes(page, turnstile, 4)
        tell(page, house, "open_once", "轮椅")
        assert pushes(page, turnstile)
        says(page, house, "开闸一次 · 通道已执行")
        assert not pushes(page, turnstile, 10), "one pulse, one person"
        for _ in range(100):
            if "passed" in passages(house):
                break
            page.wait_for_timeout(100)
        assert "passed" in passages(house)
        tell(page, house, "hold_closed", "检修")
        says(page, house, "关闭通道 · 通道已执行")
        says(page, house, "○ 已关闭")
        # All lanes, by two people.
        page.fill("#reason-all", "火警")
        page.click("button[value=release_all]")
        expect(page.locator("#awaiting")).to_contain_text("等待另一位主管", timeout=SOON_MS)
        assert not pushes(page, turnstile, 10)
        other.click("#awaiting button", timeout=SOON_MS)
        assert pushes(page, turnstile)
        assert pushes(page, turnstile), "held open"
        says(page, house, "保持常开 · 通道已执行")
        says(page, house, "常开")
        tell(page, house, "release", "演练结束")
        says(page, house, "恢复正常 · 通道已执行")
        says(page, house, "就绪")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
@pytest.mark.parametrize("path", ["/lanes/", "/lanes/papers/"])
def test_everybody_can_use_the_pages(house, browser, width, language, path):
    options = {"locale": language, "viewport": {"width": width, "height": 844}}
    with LinkedLane(house) as lane, signed_in(browser, house, "first", path, **options) as page:
        lane.say(state="idle", paper="low", mode="centre", queue=0)
        if path == "/lanes/":
            low = "Paper is low" if language.startswith("en") else "纸将用完"
            says(page, house, f"⚠ {low}")
        else:
            page.fill("#lines", "09:31, 东门1号, 1-2-3, 1\n25:99, x, 18")
            page.click("button[value=check]")
            expect(page.locator("#result tbody tr")).to_have_count(2)
        found = Axe().run(page, options=RULES).response["violations"]
        assert not found, [(v["id"], v["nodes"][0]["html"]) for v in found]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
