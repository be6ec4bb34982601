"""The list of barred documents in a real browser, in both languages, on a telephone and a desk."""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from tests.centre.console.desk import row
from tests.support_db import person
from tests.support_pages import served_park

pytestmark = pytest.mark.needs("chromium", "wqy-microhei")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
LIST = "/console/console/barred/"


@pytest.fixture(scope="module")
def park():
    with served_park("booking") as served:
        yield served


@pytest.mark.parametrize(("width", "language"), [(390, "en-GB"), (1280, "zh-CN")])
def test_entries_are_made_read_and_lifted(browser, park, width, language):
    chinese = language.startswith("zh")
    context = browser.new_context(locale=language, viewport={"width": width, "height": 844})
    page = context.new_page()

    def readable(name):
        found = Axe().run(page, options=RULES).response["violations"]
        assert not found, [(v["id"], v["nodes"][0]["html"]) for v in found]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if folder := os.environ.get("PICTURES"):
            page.screenshot(path=f"{folder}/barred-{name}-{width}.png", full_page=True)

    page.goto(f"{park.address}/console/login/?next={LIST}add/")
    page.fill("[name=username]", "manager")
    page.fill("[name=password]", "demo-manager")
    page.press("[name=password]", "Enter")
    page.wait_for_selector("[name=number]")
    readable("add")
    page.fill("[name=number]", person(500 + width)[:-1])
    page.fill("[name=reason]", "倒票")
    page.locator("[name=_save]").click()
    expect(page.locator(".errorlist").first).to_be_visible()
    readable("refused")
    page.fill("[name=number]", person(500 + width))
    page.locator("[name=_save]").click()
    page.wait_for_selector("#result_list")
    # One that has no number kept says the most.
    row(park, "UPDATE barred SET document_sealed = NULL")
    page.reload()
    told = "请用同一证件重新列入" if chinese else "Bar the same document again"
    expect(page.locator("#result_list")).to_contain_text(told)
    readable("list")
    page.locator("#result_list tbody a").first.click()
    expect(page.locator(".field-last_day")).to_contain_text(
        "直到解除" if chinese else "Until it is lifted"
    )
    readable("entry")
    page.fill("[name=lift_reason]", "误登记")
    page.locator("[name=_save]").click()
    page.wait_for_selector("#result_list")
    expect(page.locator("#result_list tbody tr").first).to_contain_text(
        "已解除" if chinese else "Lifted"
    )
    page.locator("#result_list tbody a").first.click()
    expect(page.locator(".field-lifted_by")).to_contain_text("manager")
    readable("lifted")
    context.close()
