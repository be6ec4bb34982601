"""The browser of the tests: one way to start it, for fixtures and for tests that open their own."""

import contextlib
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, sync_playwright

LAUNCH: dict[str, Any] = {
    "executable_path": "/usr/bin/chromium",
    "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
}
"""Chromium as a container's root may start it, and as it calls nobody by itself."""


@contextlib.contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """A running browser; ``more``: further arguments of its command line."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(**LAUNCH | {"args": [*LAUNCH["args"], *more]})
        try:
            yield found
        finally:
            found.close()
