"""Take the pictures of the documents anew: ``docs/images``, from a demo in a folder of its own.

    scripts/pictures.py [NAME …] [--into FOLDER]

Everybody on them is synthetic: typed here, or drawn by the demo. What is typed, what is done and
in which order is the same each time; the hour and what the demo draws are not. Look at every
picture before it is committed. Needs Chromium at /usr/bin/chromium and the fonts of the slips.
"""

import argparse
import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from menpiao.domain.document import resident_number
from menpiao.simulation.demo.hosting import free_port

IMAGES: Final = Path(__file__).resolve().parents[1] / "docs/images"
_SOON_MS: Final = 20_000
_COLOURS: Final = 256
_SAME_CARD_S: Final = 3
"""How long a lane takes no notice of the card that it has just taken, and some more."""
_CROWD, _CROWD_S = 120, 30
_ADULT: Final = resident_number("110105", date(1990, 1, 1), 11)
_ELDER: Final = resident_number("110105", date(1958, 3, 9), 22)


class Park:
    """An open demo: its addresses, a browser, and the folder that the pictures go to."""

    def __init__(self, dock: str, centre: str, browser: Browser, into: Path) -> None:
        """Know where everything is."""
        self.dock, self.centre, self._browser, self._into = dock, centre, browser, into

    @contextlib.contextmanager
    def page(self, size: tuple[int, int], *, english: bool = False) -> Iterator[Page]:
        """A page of a new visitor."""
        locale = "en-GB" if english else "zh-CN"
        context = self._browser.new_context(
            locale=locale,
            timezone_id="Asia/Shanghai",
            viewport={"width": size[0], "height": size[1]},
        )
        context.set_default_timeout(_SOON_MS)
        try:
            yield context.new_page()
        finally:
            context.close()

    @contextlib.contextmanager
    def staff(self, name: str, path: str, size: tuple[int, int], **options: bool) -> Iterator[Page]:
        """A page of somebody of the house, signed in at this path."""
        with self.page(size, **options) as page:
            page.goto(self.centre + path)
            page.fill("[name=username]", name)
            page.fill("[name=password]", f"demo-{name}")
            page.press("[name=password]", "Enter")
            page.wait_for_url(f"**{path}**")
            page.wait_for_load_state("load")
            yield page

    def tell(self, path: str, body: dict[str, Any]) -> None:
        """Do something on the demo's bench."""
        head = {"Origin": self.dock.rstrip("/")}
        httpx.post(self.dock + path, json=body, headers=head).raise_for_status()

    def state(self) -> dict[str, Any]:
        """What the demo says of itself."""
        told: dict[str, Any] = httpx.get(self.dock + "state.json", timeout=20).json()
        return told

    def keep(self, name: str, png: bytes) -> None:
        """Write a picture with a palette: it is in the repository for ever."""
        picture = Image.open(io.BytesIO(png)).convert("RGB")
        small = picture.quantize(_COLOURS, dither=Image.Dither.NONE)
        small.save(self._into / f"{name}.png", optimize=True)
        print(f"{name}.png {small.width}x{small.height}")


def lane(park: Park) -> None:
    """The lane's screen, twice the same card, and the slip of the first time."""
    screen = park.state()["parts"]["304"]["link"]
    with park.page((1000, 760)) as page:
        page.goto(screen)
        for name, signal in (("lane-admit", "admit"), ("lane-refuse", "refuse")):
            page.locator("body[data-signal=ready]").wait_for()
            park.tell("bench/lay", {"reader": "gate", "card": "adult"})
            page.locator(f"body[data-signal={signal}]").wait_for()
            park.keep(name, page.screenshot())
            park.tell("bench/lift", {"reader": "gate"})
            time.sleep(_SAME_CARD_S)
        number = park.state()["readers"]["gate"]["slips"][0]
        park.keep("slip", httpx.get(f"{park.dock}slips/gate/{number}.png").content)


def booking(park: Park) -> None:
    """Checking an order on a telephone."""
    for name, english in (("booking-zh", False), ("booking-en", True)):
        with park.page((390, 760), english=english) as page:
            page.goto(park.centre + "/book/slot/")
            page.locator("a.day").last.click()
            page.locator("a.slot").last.click()
            page.click("button[value=add], button[value=more]")
            page.wait_for_selector("[name=v1-name]")
            for field, value in (
                *(("v0-name", "张测试"), ("v0-number", _ADULT)),
                *(("v1-name", "王测试"), ("v1-number", _ELDER), ("phone", "13800000000")),
            ):
                page.fill(f"[name={field}]", value)
            page.click("button.main")
            page.check("[name=terms]")
            page.evaluate("scrollTo(0, 0)")
            park.keep(name, page.screenshot())


def counter(park: Park) -> None:
    """A sale at the counter about to be paid, and one ticket of it about to be given back."""
    with park.staff("clerk", "/counter/", (1280, 900)) as page:
        page.wait_for_selector("#slot option", state="attached")
        for name, number in (("张测试", _ADULT), ("王测试", _ELDER)):
            page.fill("#number", number)
            page.fill("#name", name)
            page.press("#name", "Enter")
        expect(page.locator("#cash")).to_be_enabled(timeout=_SOON_MS)
        page.fill("#received", "200")
        park.keep("counter", page.screenshot(full_page=True))
        page.keyboard.press("F8")
        expect(page.locator("#next")).to_be_focused(timeout=_SOON_MS)
        found = re.search(r"\d+-\d{4}", page.text_content("#status") or "")
        page.keyboard.press("Escape")
        page.keyboard.press("F7")
        page.fill("#back-number", found[0] if found else "")
        page.press("#back-number", "Enter")
        page.locator("#back-tickets input").first.check()
        expect(page.locator("#back-go")).to_be_enabled(timeout=_SOON_MS)
        page.keyboard.press("F8")
        expect(page.locator("#back-question")).to_be_focused()
        park.keep("counter-return", page.screenshot(full_page=True))


def statistics(park: Park) -> None:
    """Live figures."""
    for name, english in (("statistics-zh", False), ("statistics-en", True)):
        with park.staff("manager", "/statistics/", (1100, 900), english=english) as page:
            expect(page.locator("#entries")).not_to_have_text("0", timeout=_SOON_MS)
            page.wait_for_timeout(1500)
            park.keep(name, page.screenshot())


def console(park: Park) -> None:
    """The back office, and the lower part of a product."""
    with park.staff("manager", "/console/", (1280, 820)) as page:
        park.keep("console", page.screenshot(full_page=True))
        page.set_viewport_size({"width": 970, "height": 1220})
        page.goto(park.centre + "/console/menpiao/product/")
        page.click("#result_list tbody th a")
        page.wait_for_selector(".inline-group")
        page.click("#toggle-nav-sidebar")
        page.wait_for_timeout(500)
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        park.keep("console-product", page.screenshot())


def lanes(park: Park) -> None:
    """The board: a cut lane, an empty printer's, a release that waits; then terminals and one."""
    with park.staff("supervisor", "/lanes/", (1280, 900)) as page:
        park.tell("bench/trouble", {"reader": "gate", "kind": "paper"})
        park.tell("bench/lay", {"reader": "gate", "card": "elder"})
        page.fill("#reason-all", "园区消防演练")
        page.locator("#act-all button.danger").first.click()
        page.wait_for_selector("#awaiting .notice")
        page.wait_for_timeout(12_000)  # lanes say how they are every ten seconds
        with park.staff("manager", "/lanes/", (1280, 900)) as other:
            expect(other.locator("#line")).to_have_text("实时", timeout=_SOON_MS)
            other.wait_for_timeout(1500)
            park.keep("lanes", other.screenshot(full_page=True))
            other.goto(park.centre + "/lanes/devices/")
            expect(other.locator("#line")).to_have_text("实时", timeout=_SOON_MS)
            park.keep("devices", other.screenshot(full_page=True))
            other.locator("#live a").last.click()
            expect(other.locator("#line")).to_have_text("实时", timeout=_SOON_MS)
            park.keep("device", other.screenshot(full_page=True))
    park.tell("bench/trouble", {"reader": "gate", "kind": "none"})


def demo(park: Park) -> None:
    """The demo's own page while a crowd walks in."""
    park.tell("crowd", {"rate": _CROWD})
    time.sleep(_CROWD_S)
    for name, language in (("demo", "zh"), ("demo-en", "en")):
        with park.page((1280, 1500), english=language == "en") as page:
            page.goto(f"{park.dock}?lang={language}")
            page.wait_for_selector("#tray button")
            page.locator("#tray button").first.click()
            page.wait_for_timeout(2000)
            park.keep(name, page.screenshot())
            time.sleep(3)
    park.tell("crowd", {"rate": 0})


PICTURES: Final[tuple[Callable[[Park], None], ...]] = (
    lane,
    booking,
    counter,
    statistics,
    demo,
    console,
    lanes,
)


@contextlib.contextmanager
def an_open_demo(folder: Path) -> Iterator[tuple[str, str]]:
    """``menpiao demo`` on a free port; the addresses of its page and of its centre."""
    environment = os.environ | {
        "MENPIAO_DATA_DIR": str(folder),
        "MENPIAO_HTTP_PORT": str(free_port()),
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "menpiao", "demo"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = ""
            for line in process.stdout:
                told += line
                if found := re.search(r"the demo:\s+(\S+)\s+the centre:\s+(\S+)", told):
                    yield found[1], found[2].rstrip("/")
                    return
            msg = f"the demo did not start:\n{told}"
            raise RuntimeError(msg)
        finally:
            process.terminate()
            process.wait(60)


def main() -> None:
    """Take the pictures that are named, or all."""
    parser = argparse.ArgumentParser(description="take the pictures of docs/images anew")
    names = [one.__name__ for one in PICTURES]
    parser.add_argument("names", nargs="*", choices=[*names, []], help="which; none: all")
    parser.add_argument("--into", type=Path, default=IMAGES)
    asked = parser.parse_args()
    chosen = [one for one in PICTURES if not asked.names or one.__name__ in asked.names]
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with tempfile.TemporaryDirectory(prefix="menpiao-pictures-") as name:
        Path(name).chmod(0o755)
        with an_open_demo(Path(name)) as (dock, centre), sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=arguments
            )
            park = Park(dock, centre, browser, asked.into)
            for one in chosen:
                one(park)
            browser.close()


if __name__ == "__main__":
    main()
