"""What every test shares: hypothesis profiles, and programs outside Python that a test needs."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import HealthCheck, settings
from tests.support_clock import stay_within_a_day

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IN_CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}

# A busy machine is not a failure: no deadlines. In CI the same examples every time.
settings.register_profile("menpiao", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("menpiao"), derandomize=True)
settings.load_profile("ci" if IN_CI else "menpiao")

# Programs that have no place on PATH, and files that stand for a package.
PLACES = {
    "postgres": "usr/lib/postgresql/1[5-9]/bin/postgres",
    "wqy-microhei": "usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "chi_sim": "usr/share/tesseract-ocr/*/tessdata/chi_sim.traineddata",
}

# Tests of these folders wait for browsers, servers, pseudo-terminals: one that fails on a machine
# that is busy elsewhere is run once more, and the report names it. Never those of races, rules and
# storage: what went wrong there once is wrong.
TWICE = {"browser", "compose", "fault", "simulation", "terminals"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(tests) and item.path.relative_to(tests).parts[0] in TWICE:
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "needs(*programs): programs outside Python; skipped without them, a failure in CI",
    )


def is_here(program: str) -> bool:
    if program in PLACES:
        return any(Path("/").glob(PLACES[program]))
    return shutil.which(program) is not None


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        missing = [program for program in mark.args if not is_here(program)]
        if missing and IN_CI:
            pytest.fail(f"not on this machine: {', '.join(missing)}")
        if missing:
            pytest.skip(f"not on this machine: {', '.join(missing)}")
    stay_within_a_day()


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Chromium for the tests of one file; it ends with them, as its event loop holds the thread."""
    from tests.support_browser import chromium

    with chromium() as found:
        yield found


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """What a program run inside a test does to the logs of this process ends with the test."""
    yield
    structlog.reset_defaults()
