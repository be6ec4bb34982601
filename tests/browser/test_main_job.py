"""The main job as people see it, in one browser: book, pay, read the message, walk in, once."""

import asyncio
import contextlib
import io
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import msgspec
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import expect
from tests.support_browser import chromium
from tests.support_db import FreshDatabase, person
from tests.support_ports import free_port

from menpiao.centre.commerce.doors import NOTIFICATIONS
from menpiao.simulation import sms
from menpiao.simulation.cards import resident
from menpiao.simulation.payment import make_merchant, running, wallet_path
from menpiao.simulation.printer import SimulatedPrinter
from menpiao.simulation.reader import SimulatedReader

pytestmark = pytest.mark.needs("chromium", "wqy-microhei", "tesseract", "chi_sim")

MENPIAO = [sys.executable, "-m", "menpiao"]
BUYER = "13900000001"
NAME = "张测试"
GATE = "东门1号"
_WAIT_S = 20


class World:
    """What is around the park: platform, operator, reader, printer; on a loop of their own."""

    def __init__(self, folder, centre):
        self.folder, self.centre = folder, centre
        self._loop = asyncio.new_event_loop()
        self._ready, self._over = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(_WAIT_S), "the world around the park did not start"
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(_WAIT_S)
        self._loop.close()

    async def _run(self):
        async with (
            running(self.folder) as platform,
            sms.running() as operator,
            SimulatedReader() as self.reader,
            SimulatedPrinter() as self.printer,
        ):
            notify = self.centre + NOTIFICATIONS
            self.merchant = make_merchant(
                self.folder, base_url=platform.base_url, notify_url=notify
            )
            self.account, self.wallets = operator.account(), platform.base_url
            self.phones = operator.base_url
            self._ready.set()
            await self._over.wait()

    def slip(self, after=0):
        """The next slip that comes out of the printer."""
        waiting = self.printer.wait_for_job(_WAIT_S, after=after)
        return asyncio.run_coroutine_threadsafe(waiting, self._loop).result(_WAIT_S)


def environment(folder, database, world, port):
    """What the centre's command is told, as an operator would: account by account."""
    told = {"DATABASE_URL": database.url, "DATA_DIR": str(folder), "HTTP_PORT": str(port)}
    for section, values in (("WECHAT", world.merchant), ("SMS", world.account)):
        for name, value in msgspec.structs.asdict(values).items():
            told[f"{section}_{name.upper()}"] = str(value)
    return os.environ | {f"MENPIAO_{name}": value for name, value in told.items() if value}


def until(met, what):
    """Wait for another process; it has its time, and then this fails."""
    end = time.monotonic() + _WAIT_S
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            if found := met():
                return found
        time.sleep(0.05)
    raise AssertionError(what)


@contextlib.contextmanager
def command(env, *arguments):
    """A process of the one command, ended when the block is."""
    with subprocess.Popen([*MENPIAO, *arguments], env=env, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(_WAIT_S)


@contextlib.contextmanager
def a_lane(folder, world, env, code):
    """A lane enrolled and run by the command; the address of its screen."""
    file, port = folder / "gate.toml", free_port()
    enrol = [*MENPIAO, "gate", str(file), "--centre", world.centre, "--enrol", code]
    subprocess.run(enrol, env=env, check=True, stdout=subprocess.DEVNULL)
    text = re.sub(r'port = "[^"]*"', f'port = "{world.reader.port}"', file.read_text(), count=1)
    text = text.replace('host = ""', 'host = "127.0.0.1"')
    text = text.replace("port = 9100", f"port = {world.printer.address[1]}")
    file.write_text(text.replace("port = 8750", f"port = {port}"))
    with command(env, "gate", str(file)):
        screen = f"http://127.0.0.1:{port}"
        until(lambda: httpx.get(f"{screen}/state.json").json()["view"]["link"] == "up", "no link")
        yield screen


def read_by_machine(png, folder):
    """The text of a picture by OCR, without the spaces that it puts between characters."""
    picture = folder / "slip.png"
    picture.write_bytes(png)
    done = subprocess.run(
        ["tesseract", str(picture), "-", "-l", "chi_sim+eng", "--psm", "6"],
        check=True,
        capture_output=True,
        text=True,
    )
    return re.sub(r"[ \t]+", "", done.stdout)


def keep(page, name):
    """A picture of a page, for those who ask for pictures."""
    if folder := os.environ.get("TEST_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def book(page, centre, number):
    """Book today's day ticket on the pages, up to the payment page; the order's number."""
    page.goto(centre + "/book/day/")
    page.locator("a.day").first.click()
    page.fill("[name=v0-name]", NAME)
    page.fill("[name=v0-number]", number)
    page.fill("[name=phone]", BUYER)
    page.click("button.main")
    page.check("[name=terms]")
    page.click("button[value=book]")
    page.wait_for_url("**/pay/**")
    return re.search(r"/orders/([0-9-]+)/", page.url)[1]


def scan(page):
    """What a telephone's camera reads off the payment page."""
    expect(page.locator(".qr svg")).to_be_visible()
    picture = Image.open(io.BytesIO(page.locator(".qr").screenshot()))
    return zxingcpp.read_barcode(picture).text


def sign_in(page, centre):
    page.goto(centre + "/statistics/")
    page.fill("[name=username]", "manager")
    page.fill("[name=password]", "demo-manager")
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/statistics/")


@contextlib.contextmanager
def a_browser():
    with chromium() as browser:
        context = browser.new_context(locale="zh-CN", viewport={"width": 1000, "height": 760})
        context.set_default_timeout(_WAIT_S * 1000)
        expect.set_options(timeout=_WAIT_S * 1000)
        yield context


@contextlib.contextmanager
def a_park(folder, database):
    """The demo park with all its servers, and the world around it; a one-time code for a gate."""
    port = free_port()
    centre = f"http://127.0.0.1:{port}"
    with World(folder / "world", centre) as world:
        env = environment(folder, database, world, port)
        park = [*MENPIAO, "park", "--demo", "--days", "2", "--enrol", GATE]
        told = subprocess.run(park, env=env, check=True, capture_output=True, text=True).stdout
        code = told.rpartition(": ")[2].strip()
        with command(env, "serve", "all"):
            until(lambda: httpx.get(f"{centre}/readyz").is_success, "the centre is not ready")
            with a_lane(folder, world, env, code) as screen:
                yield world, screen


def test_book_pay_read_the_message_walk_in_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "world").mkdir()
    database, number = FreshDatabase(tmp_path), person(4321)
    with a_park(tmp_path, database) as (world, screen), a_browser() as context:
        lane = context.new_page()
        lane.goto(screen)
        expect(lane.locator("#zh")).to_have_text("请刷身份证")
        board = context.new_page()
        sign_in(board, world.centre)
        expect(board.locator("#entries")).to_have_text("0")

        visitor = context.new_page()
        order_no = book(visitor, world.centre, number)
        keep(visitor, "pay")
        wallet = context.new_page()
        wallet.goto(world.wallets + wallet_path(scan(visitor)))
        wallet.click("button[value=pay]")
        # The payment page notices by itself.
        expect(visitor.locator("h1")).to_have_text("预订成功")
        expect(visitor.locator("main")).to_contain_text("张**")

        phone = context.new_page()
        phone.goto(f"{world.phones}/phone/{BUYER}")
        expect(phone.locator(".bubble").last).to_contain_text(order_no)

        world.reader.lay(resident(number, NAME))
        expect(lane.locator("body")).to_have_attribute("data-signal", "admit")
        expect(lane.locator("#zh")).to_have_text("请通行")
        expect(lane.locator("#count")).to_have_text("1")
        expect(lane.locator("#holder")).to_have_text("张**")
        slip = world.slip()
        world.reader.lift()
        keep(lane, "lane-admit")

        ticket_no = re.search(r"票号 ([0-9-]+)", visitor.inner_text("main"))[1]
        entered = re.search(r"\d\d:\d\d", "\n".join(slip.lines))[0]
        text = read_by_machine(slip.png(), tmp_path)
        for fact in ("请通行", ticket_no, entered, GATE, "云山风景区"):
            assert fact in text, (fact, text)
        assert re.search(r"人数\D{0,3}1\b", text), text
        assert number not in text + "".join(slip.lines)

        expect(board.locator("#entries")).to_have_text("1")
        expect(board.locator("#inside")).to_have_text("1")
        keep(board, "statistics")

        expect(lane.locator("body")).to_have_attribute("data-signal", "ready")
        world.reader.lay(resident(number, NAME))
        expect(lane.locator("body")).to_have_attribute("data-signal", "refuse")
        expect(lane.locator("#zh")).to_have_text("已在园内")
        expect(lane.locator("#since")).to_have_text(f"首次入园 {entered} {GATE}")
        expect(lane.locator("#zh_next")).to_have_text("请到服务台")
        keep(lane, "lane-refuse")
        expect(board.locator("#entries")).to_have_text("1")
    database.drop()
