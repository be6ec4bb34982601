"""The pages of terminals in a real browser, with a real ``menpiao gate`` behind them."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from tests.browser.test_lane_board import RULES, SOON_MS, a_real_lane, signed_in
from tests.centre.check.house import LinkedLane, a_house
from tests.centre.check.stage import raw_key

pytestmark = pytest.mark.needs("chromium", "wqy-microhei")


@pytest.fixture(scope="module")
def house():
    with a_house() as served:
        yield served


def last(page, text):
    """The newest line of the table says so."""
    expect(page.locator("#asked-wrap tbody tr").first).to_contain_text(text, timeout=SOON_MS)


def says(page, selector, text):
    expect(page.locator(selector)).to_contain_text(text, timeout=SOON_MS)


def press(page, form, action, reason):
    """Fill in why and press a button of a form; the page that comes is loaded."""
    page.fill(f"#{form} [name=reason]", reason)
    with page.expect_navigation():
        page.click(f"#{form} button[value={action}]")


def known_key(house):
    return bytes(house.value("SELECT public_key FROM device WHERE id = %s", house.device))


def give_back(house):
    """The key that the device was enrolled with, and its right to come in."""
    house.run(
        "UPDATE device SET revoked_at = NULL, public_key = %s WHERE id = %s",
        raw_key(house.key),
        house.device,
    )


def test_a_real_lane_is_looked_after_from_its_page(house, browser, tmp_path):
    path = f"/lanes/devices/{house.device}/"
    with signed_in(browser, house, "first", path) as page:
        with a_real_lane(house, tmp_path):
            says(page, "#standing", "在线")
            expect(page.locator("#away")).to_have_count(0, timeout=SOON_MS)
            before = known_key(house)
            press(page, "identity", "roll_key", "例行更换")
            last(page, "更换密钥✔ 已完成")
            assert known_key(house) != before
            says(page, "#key", "已用 0 天")
            # What the lane can use, it takes; what is out of bounds does not leave the page.
            page.fill("#set-hold_s", "900")
            page.fill("#set-reason", "大字久些")
            with page.expect_navigation():
                page.click("#set button.main")
            expect(page.locator("#set-hold_s")).to_have_attribute("aria-invalid", "true")
            says(page, "#hint-hold_s", "须在 0.1 至 60 之间")
            page.fill("#set-hold_s", "4.5")
            with page.expect_navigation():
                page.click("#set button.main")
            says(page, "#setting", "✔ 已采用")
            assert '"hold_s":4.5' in (tmp_path / "gate-data" / "pushed.json").read_text()
            # What a newer centre may know and this lane does not.
            house.run(
                "INSERT INTO lane_setting SELECT site_id, id + 1, gate_id, '{\"glow_s\": 1}',"
                " reason, staff_id, made_at FROM lane_setting ORDER BY id DESC LIMIT 1"
            )
            says(page, "#setting", "终端拒绝：终端不认识 glow_s")
            press(page, "fetch", "logs", "屏幕黑过")
            last(page, "取日志（50 行）")
            last(page, "✔ 已完成")
            says(page, "#log", "gate_starts")
            with page.expect_download() as download:
                page.click("#download")
            kept = (tmp_path / "log.txt").with_suffix(".log")
            download.value.save_as(kept)
            assert "gate_starts" in kept.read_text()
            press(page, "lane", "show", "请走东门")
            last(page, "显示文字✔ 已完成")
            press(page, "lane", "reload", "数据有疑")
            last(page, "重新载入配置✔ 已完成")
        # Switched off: the page says so, and what is asked now waits.
        says(page, "#away", "终端离线")
        press(page, "fetch", "logs", "为何关机")
        last(page, "终端离线，等它上线")
        last(page, "已等")
        press(page, "lane", "show", "有人吗")
        says(page, "[role=alert]", "没有发出：终端离线")
        with a_real_lane(house, tmp_path):
            expect(page.locator("#asked-wrap")).not_to_contain_text("等它上线", timeout=SOON_MS)
            page.once("dialog", lambda dialog: dialog.accept())
            press(page, "identity", "revoke", "设备被盗")
            says(page, "#standing", "已停用")
            expect(page.locator("form#identity")).to_have_count(0)
        give_back(house)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
@pytest.mark.parametrize("which", ["", "settings/", "device", "hub"])
def test_everybody_can_use_the_pages(house, browser, width, language, which, tmp_path):
    options = {"locale": language, "viewport": {"width": width, "height": 844}}
    path = "/lanes/devices/" + (f"{house.device}/" if which in {"device", "hub"} else which)
    house.run(
        "INSERT INTO device_task (site_id, id, device_id, action, detail, reason, staff_id,"
        " made_at, expires_at, state, done_at, lines) VALUES (%s, 7, %s, 'logs', '50', '例行', 0,"
        " now() - interval '1 hour', now(), 'done', now(), %s) ON CONFLICT DO NOTHING",
        house.site,
        house.device,
        ["2026-10-01T01:00:00Z [info     ] gate_starts  gate=1"] * 40,
    )
    software = "menpiao test hub" if which == "hub" else "menpiao test"
    with (
        LinkedLane(house, software=software) as lane,
        signed_in(browser, house, "first", path, **options) as page,
    ):
        lane.say(state="idle", paper="low", mode="centre", queue=0, software=software)
        expect(page.locator("#line")).to_have_class("tag", timeout=SOON_MS)
        if which == "device":
            online = "Online" if language.startswith("en") else "在线"
            says(page, "#standing", online)
        if which == "hub":  # it said so a moment ago; the forms are those of the page as it came
            says(page, "#live", "Site hub" if language.startswith("en") else "本站服务器")
            page.reload()
            expect(page.locator("form#hub")).to_be_visible()
        shots = os.environ.get("TEST_SHOTS")
        if shots:
            name = f"devices-{which.strip('/') or 'all'}-{language[:2]}-{width}.png"
            page.screenshot(path=Path(shots) / name, full_page=True)
        found = Axe().run(page, options=RULES).response["violations"]
        assert not found, [(v["id"], v["nodes"][0]["html"]) for v in found]
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_key_is_rolled_without_a_mouse(house, browser):
    with LinkedLane(house) as lane, signed_in(browser, house, "first", "/lanes/devices/") as page:
        lane.say(state="idle")
        page.focus(f"#open-{house.device}")
        page.wait_for_timeout(2500)  # the list is replaced under the focus
        expect(page.locator(f"#open-{house.device}")).to_be_focused()
        with page.expect_navigation():
            page.keyboard.press("Enter")
        page.focus("#why")
        page.keyboard.type("例行更换")
        page.keyboard.press("Tab")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        last(page, "更换密钥✔ 已完成")
        assert any(command["action"] == "roll_key" for command in lane.commands)
