"""The drawing tells the truth: whatever part is stopped shows it within seconds, and its return."""

import contextlib
import os
import signal
import time
from pathlib import Path

import httpx
import pytest
from tests.simulation.support_demo import Demo, let_through

SECONDS = 15


@contextlib.contextmanager
def running(tmp_path_factory):
    place = tmp_path_factory.mktemp("demo-states")
    let_through(place)
    demo = Demo(place / "data")
    try:
        demo.wait()
        yield demo
    finally:
        demo.end()
        assert not demo.left_behind()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with running(tmp_path_factory) as started:
        yield started


class Page:
    """What the page asks its server."""

    def __init__(self, demo):
        self.address = demo.wait()

    def parts(self):
        return httpx.get(f"{self.address}state.json?lang=en", timeout=10).json()["parts"]

    def trouble(self, kind, reader="gate"):
        headers = {"Origin": self.address.rstrip("/")}
        body = {"reader": reader, "kind": kind}
        assert httpx.post(f"{self.address}bench/trouble", json=body, headers=headers).is_success

    def until(self, **levels):
        """Until these boxes (``p`` and the numeral) have these levels; gives all boxes."""
        return self.until_said({name[1:]: (level, "") for name, level in levels.items()})

    def until_said(self, wanted):
        """Until each of these boxes has this level and this in its text."""
        until = time.monotonic() + SECONDS
        while True:
            parts = self.parts()
            found = {n: parts[n] for n in wanted}
            if all(
                p["level"] == wanted[n][0] and wanted[n][1] in p["text"] for n, p in found.items()
            ):
                return parts
            assert time.monotonic() < until, {
                n: p for n, p in found.items() if p["level"] != wanted[n][0]
            }
            time.sleep(0.2)


LANE = ("3", "301", "302", "303", "304", "305")
SERVERS = ("701", "702", "703", "705", "707")


def all_of(level, *numerals):
    return {f"p{numeral}": level for numeral in numerals}


@pytest.fixture
def page(demo):
    shown = Page(demo)
    shown.trouble("none")
    shown.until(**all_of("ok", *LANE, *SERVERS, "101", "102", "4", "9", "2"), pconsole="ok")
    return shown


def children(parent):
    """The processes that a process has started: a database's overwrite their own names."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry.name))
    return found


@contextlib.contextmanager
def hanging(demo, *words):
    """The processes whose command lines hold one of these words hang while the block runs."""
    found = [n for n, line in demo.processes().items() if any(word in line for word in words)]
    found += [child for parent in found for child in children(parent)]
    assert found
    for process in found:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def test_every_box_that_is_well_says_by_what_that_is_known(page):
    for numeral, part in page.parts().items():
        assert bool(part["proof"]) == (part["level"] not in {"todo", "off"}), numeral


def test_a_gate_that_hangs(demo, page):
    with hanging(demo, " gate "):
        parts = page.until(**all_of("dead", "3", "301", "302", "303", "304"), p101="ok", p703="ok")
        assert "state.json → ?" in parts["3"]["proof"]
    page.until(**all_of("ok", *LANE))


def test_a_counter_that_hangs(demo, page):
    with hanging(demo, " counter "):
        page.until(p101="dead", p3="ok")
    page.until(p101="ok")


def test_a_data_store_that_hangs_takes_the_servers_with_it_and_not_the_page(demo, page):
    with hanging(demo, "postgres"):
        page.until(**all_of("dead", "9", "102", "2", *SERVERS), **all_of("ok", "3", "304", "305"))
    page.until(**all_of("ok", "9", "102", "2", *SERVERS))


@pytest.mark.parametrize(
    ("kind", "reader", "numeral", "text"),
    [
        ("platform", "gate", "705", "platform does not answer"),
        ("operator", "gate", "707", "operator not reached"),
        ("cable", "gate", "303", "cut, decides alone"),
        ("cable", "counter", "4", "cable to East Gate 1 pulled"),
        ("silence", "gate", "301", "answers wrongly or not at all"),
        ("unplug", "gate", "301", "unplugged"),
        ("paper", "gate", "305", "out of paper"),
        ("unplug", "counter", "101", "reader unplugged"),
        ("paper", "counter", "101", "out of paper"),
    ],
)
def test_a_trouble_shows_where_it_is_and_goes(page, kind, reader, numeral, text):
    page.trouble(kind, reader)
    page.until_said({numeral: ("warn", text)})
    # from wherever it is asked, all is well again everywhere
    page.trouble("none", "counter")
    page.until(**all_of("ok", numeral))


def test_programs_that_are_killed(tmp_path_factory):
    """In a demo of its own: nobody starts them again."""
    with running(tmp_path_factory) as demo:
        page = Page(demo)
        page.until(p3="ok", p101="ok")
        for process, line in demo.processes().items():
            if " gate " in line or " counter " in line:
                os.kill(process, signal.SIGKILL)
        parts = page.until(p3="dead", p303="dead", p101="dead", p703="ok", p9="ok")
        assert (parts["3"]["text"], parts["101"]["text"]) == ("program ended", "agent ended")
