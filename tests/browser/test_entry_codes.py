"""The entry codes of a paid order, as a visitor's phone shows them and a scanner reads them."""

import io
import os
from pathlib import Path

import httpx
import pytest
import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from tests.browser.test_booking_pages import RULES, pages, pay, walk

__all__ = ["pages"]
pytestmark = pytest.mark.needs("chromium", "wqy-microhei")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_a_paid_order_shows_codes_that_a_scanner_reads(pages, browser, width, language):
    shots = os.environ.get("TEST_SHOTS")
    context = browser.new_context(viewport={"width": width, "height": 844}, locale=language)
    page = context.new_page()
    for stage in walk(page, pages):
        if stage == "pay":
            break
    secret = page.url.partition("k=")[2]
    number = pay(pages, page.url)
    page.goto(f"{pages.address}/orders/{number}/?k={secret}")
    assert page.locator("details.code").count() == 2
    for closed in page.locator("details.code summary").all():
        closed.click()
    head = {"x-order-secret": secret}
    order = httpx.get(f"{pages.address}/booking/v1/orders/{number}", headers=head).json()
    for box, ticket in zip(page.locator(".code .qr").all(), order["tickets"], strict=True):
        picture = Image.open(io.BytesIO(box.screenshot()))
        assert [found.text for found in zxingcpp.read_barcodes(picture)] == [ticket["code"]]
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    found = Axe().run(page, options=RULES).response["violations"]
    assert not found, [(v["id"], v["nodes"][0]["html"]) for v in found]
    if shots:
        page.screenshot(path=Path(shots) / f"order-{language}-{width}.png", full_page=True)
    context.close()
