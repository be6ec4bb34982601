"""The lane screen in a real browser: every state, on a 7-inch panel, upright, and on a wall."""

import asyncio
import os
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from tests.support_browser import chromium

from menpiao.domain.reasons import WORDINGS, Reason
from menpiao.terminals.gate.views import Place, Views
from menpiao.terminals.parts.display.base import Signal
from menpiao.terminals.parts.display.kiosk import KioskDisplay
from menpiao.wire.check import Answer

pytestmark = pytest.mark.needs("chromium", "wqy-microhei")

SIZES = {"panel": (800, 480), "phone": (390, 844), "wall": (1920, 1080)}
# A 7-inch panel of 800 x 480 is 154 mm wide. At 3 m a character of 9 mm is 10 minutes of arc,
# twice what a good eye needs.
MM_PER_PIXEL = 154 / 800
READ_AT_3_M = 9.0
NOW = datetime(2026, 10, 1, 3, 4, tzinfo=UTC)


def answer(reason: Reason, **facts: object) -> Answer:
    words = WORDINGS[reason]
    known = {
        "nonce": "0" * 8,
        "admitted": reason in {Reason.PASS, Reason.EXIT_OK},
        "reason": reason.value,
        "status": "valid",
        "people": 0,
        "count": 1,
        "remaining": 0,
        "ticket_no": "231-4276",
        "at": NOW,
        "place": "东门1号",
        "place_en": "East Gate 1",
        "zh": words.zh,
        "en": words.en,
        "zh_next": words.zh_next,
        "en_next": words.en_next,
        "voice": words.voice,
        "product": "全天门票",
        "product_en": "Day ticket",
        "holder": "欧阳**",
    }
    return Answer(**(known | facts))


def all_views() -> dict[str, object]:
    """Everything that a lane can show, by name."""
    views = Views()
    views.place = Place(
        "云山风景区", "Cloud Hill Scenic Area", "东门1号", "East Gate 1", "entry", 28800
    )
    views.link = "up"
    first = NOW - timedelta(minutes=32)
    found = {
        "ready": views.ready(),
        "checking": views.checking(),
        "pass": views.answer(answer(Reason.PASS, people=1)),
        "pass-many": views.answer(answer(Reason.PASS, people=3, count=5, remaining=2)),
        "exit": views.answer(answer(Reason.EXIT_OK, people=1)),
        "inside": views.answer(
            answer(Reason.ALREADY_INSIDE, status="used", since=first, since_place="东门1号")
        ),
        "early": views.answer(answer(Reason.SLOT_EARLY, since=NOW + timedelta(hours=3))),
        "another-day": views.answer(answer(Reason.NOT_YET, since=NOW + timedelta(days=3))),
        "reread": views.refusal(Reason.REREAD),
        "fault": views.closed("fault"),
        "revoked": views.closed("out_of_service", Reason.DEVICE_REVOKED),
        "starting": KioskDisplay(0)._view,
    }
    for reason in (
        Reason.NO_TICKET,
        Reason.WRONG_GATE,
        Reason.TOO_MANY_PEOPLE,
        Reason.SITE_FULL,
        Reason.DOCUMENT_INVALID,
        Reason.NO_REENTRY,
    ):
        found[reason.value] = views.answer(answer(reason))
    views.link = "down"
    found["cut"] = views.offline()
    return found


@contextmanager
def a_screen(clips: Path | None = None) -> Iterator[KioskDisplay]:
    """The real display, on a loop of its own; gone at the end, like a program that is killed."""
    loop = asyncio.new_event_loop()
    display = KioskDisplay(0, clips=clips)
    task = loop.create_task(display.run())
    thread = threading.Thread(target=loop.run_until_complete, args=(_quietly(task),))
    thread.start()
    asyncio.run_coroutine_threadsafe(display.ready.wait(), loop).result(10)
    display.tell = lambda view: loop.call_soon_threadsafe(display.show, view)  # type: ignore[attr-defined]
    display.end = lambda: loop.call_soon_threadsafe(task.cancel)  # type: ignore[attr-defined]
    try:
        yield display
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)
        loop.close()


async def _quietly(task: asyncio.Task) -> None:
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(scope="module")
def browser():
    with chromium("--autoplay-policy=no-user-gesture-required") as found:
        yield found


def on(page, view):
    """Wait until the page shows this view."""
    page.wait_for_function("zh => document.getElementById('zh').textContent === zh", arg=view.zh)


# What is shown and does not fit: outside the panel, cut off by its own box, or over a neighbour.
_MISFITS = """() => {
  const seen = [...document.querySelectorAll('p, h1, #glyph')]
    .filter(e => e.getClientRects().length);
  const boxes = seen.map(e => [e, e.getBoundingClientRect()]);
  const out = boxes.filter(([e, b]) => b.left < -1 || b.top < -1 || b.right > innerWidth + 1
    || b.bottom > innerHeight + 1
    || (e.id !== 'product' && e.scrollWidth > e.clientWidth + 1)).map(([e]) => e.outerHTML);
  for (const [e, a] of boxes) for (const [f, b] of boxes)
    if (e !== f && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1
        && b.top < a.bottom - 1 && e.textContent.trim() && f.textContent.trim())
      out.push(e.outerHTML + ' over ' + f.outerHTML);
  return out;
}"""


@pytest.mark.parametrize("size", SIZES)
def test_every_state_fits_and_is_read_from_afar(browser, size):
    width, height = SIZES[size]
    shots = os.environ.get("TEST_SHOTS")
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda message: broken.append(message.text))
    with a_screen() as screen:
        page.goto(f"http://127.0.0.1:{screen.port}/")
        for name, view in all_views().items():
            screen.tell(view)
            on(page, view)
            page.evaluate("document.getAnimations().forEach(a => a.finish())")
            if shots:
                page.screenshot(path=Path(shots) / f"lane-{size}-{name}.png")
            assert not page.evaluate(_MISFITS), name
            found = Axe().run(page).response["violations"]
            assert not found, (name, [(v["id"], v["nodes"][0]["html"]) for v in found])
            if size == "panel":
                letter = page.evaluate("parseFloat(getComputedStyle(zh).fontSize)")
                assert letter * MM_PER_PIXEL >= READ_AT_3_M, name
    assert not broken
    context.close()


def test_each_signal_draws_a_glyph_of_its_own(browser):
    context = browser.new_context(viewport={"width": 800, "height": 480})
    page = context.new_page()
    views = all_views()
    pictures = {}
    with a_screen() as screen:
        page.goto(f"http://127.0.0.1:{screen.port}/")
        for view in (views[n] for n in ("ready", "checking", "pass", "inside", "fault")):
            screen.tell(view)
            on(page, view)
            # The arrival is over: what stays is what is looked at.
            page.evaluate("document.getAnimations().forEach(a => a.finish())")
            ink = "getComputedStyle(document.body).color"
            drawn = page.evaluate(
                "[...document.querySelectorAll('#glyph g')]"
                ".filter(g => getComputedStyle(g).display !== 'none')"
                ".map(g => [g.getAttribute('class'), g.getBoundingClientRect().width])"
            )
            assert [name for name, _ in drawn] == [view.signal.value]
            assert drawn[0][1] > 100
            assert page.evaluate(f"getComputedStyle(glyph).stroke === {ink}")
            pictures[view.signal] = page.locator("#glyph").screenshot()
    assert set(pictures) == set(Signal)
    assert len(set(pictures.values())) == len(Signal)
    assert all(len(picture) > 800 for picture in pictures.values()), "an empty square"
    context.close()


_LISTEN = """
window.heard = [];
const make = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () {
  const node = make.call(this);
  const start = node.start.bind(node);
  node.start = at => { heard.push(this.state + ' ' + node.frequency.value); start(at); };
  return node;
};
"""


def test_an_answer_sounds_and_a_lane_at_rest_does_not(browser):
    context = browser.new_context(viewport={"width": 800, "height": 480})
    page = context.new_page()
    page.add_init_script(_LISTEN)
    views = all_views()
    heard = {}
    with a_screen() as screen:
        page.goto(f"http://127.0.0.1:{screen.port}/")
        screen.tell(views["ready"])
        on(page, views["ready"])
        for name in ("pass", "inside", "ready", "cut", "early", "reread", "ready"):
            page.evaluate("heard = []")
            screen.tell(views[name])
            on(page, views[name])
            heard[name] = page.evaluate("heard")
        assert heard["ready"] == heard["cut"] == []
        answers = [tuple(heard[name]) for name in ("pass", "inside", "early", "reread")]
        assert all(answers)
        assert len(set(answers)) == len(answers)
        assert all(note.startswith("running") for notes in answers for note in notes)
    context.close()


def test_every_voice_of_an_answer_has_tones():
    script = (
        files("menpiao.terminals.parts.display")
        .joinpath("static", "lane.js")
        .read_text(encoding="utf-8")
    )
    table = script.partition("const TONES = {")[2].partition("\n};")[0]
    for words in WORDINGS.values():
        assert f"\n  {words.voice}: " in table, words.voice
    sounds = [line.partition(": ")[2] for line in table.splitlines() if ": " in line]
    assert len(set(sounds)) == len(sounds), "no two sound alike"


_SPOKEN = """
window.spoken = [];
const begin = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  const at = spoken.push([new URL(this.src).pathname, "asked"]) - 1;
  this.addEventListener("ended", () => { spoken[at][1] = "ended"; });
  this.addEventListener("pause", () => { if (!this.ended) spoken[at][1] = "stopped"; });
  return begin.call(this);
};
"""


def a_clip(path: Path, seconds: float) -> None:
    with wave.open(str(path), "wb") as clip:
        clip.setnchannels(1)
        clip.setsampwidth(1)
        clip.setframerate(8000)
        clip.writeframes(b"\x80\x90" * round(4000 * seconds))


def test_a_recorded_voice_is_heard_in_both_languages_and_ends_for_the_next(browser, tmp_path):
    a_clip(tmp_path / "pass.zh.wav", 0.2)
    a_clip(tmp_path / "pass.en.wav", 0.2)
    a_clip(tmp_path / "already_inside.zh.wav", 20)
    (tmp_path / "slot_early.zh.mp3").write_bytes(b"no sound at all")
    context = browser.new_context(viewport={"width": 800, "height": 480})
    page = context.new_page()
    page.add_init_script(_LISTEN + _SPOKEN)
    views = all_views()
    with a_screen(tmp_path) as screen:
        page.goto(f"http://127.0.0.1:{screen.port}/")
        for name in ("ready", "pass"):
            screen.tell(views[name])
            on(page, views[name])
        both = [["/clips/pass.zh.wav", "ended"], ["/clips/pass.en.wav", "ended"]]
        page.wait_for_function("b => JSON.stringify(spoken) === JSON.stringify(b)", arg=both)
        assert page.evaluate("heard") == [], "no tones beside a voice"
        screen.tell(views["inside"])
        on(page, views["inside"])
        page.wait_for_function("() => spoken.length === 3")
        screen.tell(views["early"])
        on(page, views["early"])
        # The next visitor's answer ends the voice; a clip that cannot be played leaves the tones.
        page.wait_for_function("() => spoken[2][1] === 'stopped' && heard.length > 0")
        screen.tell(views["reread"])
        on(page, views["reread"])
        assert page.evaluate("spoken.length") == 4, "what has no clip has its tones"
    context.close()


def test_the_refusal_says_when_and_where_the_first_entry_was(browser):
    context = browser.new_context(viewport={"width": 800, "height": 480})
    page = context.new_page()
    with a_screen() as screen:
        page.goto(f"http://127.0.0.1:{screen.port}/")
        view = all_views()["inside"]
        screen.tell(view)
        on(page, view)
        assert page.inner_text("#since").split("\n")[0].startswith("首次入园 10:32 东门1号")
        assert page.inner_text("#zh_next") == "请到服务台"
        screen.tell(all_views()["ready"])
        on(page, all_views()["ready"])
        assert page.locator("#since").is_hidden()
        assert page.inner_text("#link") == "在线"
        assert page.inner_text("#direction") == "入口"
    context.close()


def test_the_clock_is_the_sites_whatever_the_computers_zone_is(browser):
    context = browser.new_context(timezone_id="America/New_York")
    page = context.new_page()
    page.clock.set_fixed_time(NOW)
    with a_screen() as screen:
        page.goto(f"http://127.0.0.1:{screen.port}/")
        for offset, shown in ((28800, "11:04"), (0, "03:04")):
            view = replace(all_views()["ready"], utc_offset_s=offset)
            screen.tell(view)
            page.wait_for_function("t => clock.textContent === t", arg=shown)
    context.close()


def test_a_screen_without_its_program_sends_to_the_staffed_lane(browser):
    context = browser.new_context(viewport={"width": 800, "height": 480})
    page = context.new_page()
    with a_screen() as screen:
        page.goto(f"http://127.0.0.1:{screen.port}/")
        view = all_views()["pass"]
        screen.tell(view)
        on(page, view)
        screen.end()
        page.wait_for_function("() => document.body.dataset.state === 'lost'")
        assert page.inner_text("#zh") == "请走人工通道"
        assert page.get_attribute("body", "data-signal") == "caution"
        assert page.locator("#people").is_hidden()
        assert page.inner_text("#holder") == ""
        assert page.inner_text("#gate") == "东门1号"
    context.close()
