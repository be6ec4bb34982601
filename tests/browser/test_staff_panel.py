"""The staff panel on a phone and a tablet: a real centre, a real lane, a real browser."""

import asyncio
import contextlib
import os
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright, expect
from tests.centre.check.test_gate_rules import PIN, Lane
from tests.support_browser import LAUNCH
from tests.support_db import FreshDatabase, person
from tests.terminals.gate.lane import a_lane
from tests.terminals.gate.offline.site import Wired
from tests.terminals.gate.offline.test_newer_centre import OfNewer, meaning
from tests.terminals.gate.test_passing import rs485
from tests.terminals.parts.link.centre import until

from menpiao.simulation.barrier import SimulatedRs485
from menpiao.simulation.cards import resident
from menpiao.terminals.gate.config import Delays, Offline
from menpiao.terminals.gate.staff.desk import Desk
from menpiao.terminals.gate.staff.panel import StaffPanel

pytestmark = pytest.mark.needs("chromium", "wqy-microhei")

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
CARD = resident(person(1), "李样例")
CALM = Delays(
    hold_s=3.0, least_show_s=0.05, ask_timeout_s=4.0, checking_after_s=0.5, same_card_s=0.2
)

COUNT_READINGS = """() => { window.said = 0;
    new MutationObserver(() => { window.said += 1; })
        .observe(document.getElementById("rules"), { childList: true, characterData: true }); }"""

# A busy machine is no cut link: the centre decides as long as it can be reached.
ASKS_ON = Offline(check_s=0.5, answer_within_s=5.0)


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


class Post:
    """A lane with its panel open in a browser."""

    def __init__(self, stage, wired, lane, page):
        self.stage, self.wired, self.lane, self.page = stage, wired, lane, page

    async def sign_in(self, badge="G1", pin=PIN):
        await self.page.get_by_label("工号").fill(badge)
        await self.page.get_by_label("密码").fill(pin)
        await self.page.get_by_role("button", name="登录").click()

    async def lay(self, zh, card=CARD):
        """Lay a card until the lane answers so, and take it away."""
        await self.lane.idle()
        await asyncio.sleep(0.4)  # until the reader takes it for a new presentation
        self.lane.sim.lay(card)
        await self.lane.shows(zh, 15)
        self.lane.sim.lift()

    async def order(self, action, reason, *, both=False):
        """Give an order as the board does; ``both``: one asks for all lanes, another agrees."""
        park, commands = self.stage.park, self.stage.app.centre.lanes.commands
        rows = await self.stage.pool.fetch("SELECT badge, id FROM staff")
        staff = {row["badge"]: row["id"] for row in rows}
        if not both:
            await commands.order(park.site, staff["S1"], park.gate, action, reason)
            return
        names = {"hold_closed": "close_all", "hold_open": "release_all", "release": "normal"}
        asked = await commands.order_all(park.site, staff["S1"], names[action], reason)
        await commands.agree(park.site, staff["G1"], asked)

    async def result(self, text):
        await expect(self.page.locator("#result")).to_contain_text(text)

    async def shoot(self, name, *, dialog=False):
        """Look at the page in both sizes and languages: nothing is cut, no rule is broken."""
        shots = os.environ.get("TEST_SHOTS")
        for language in ("zh",) if dialog else ("zh", "en"):
            if language == "en":
                await self.page.locator("#language").click()
            for size in (PHONE, DESK):
                await self.page.set_viewport_size(size)
                wide = "document.documentElement.scrollWidth - innerWidth"
                assert await self.page.evaluate(wide) <= 0, (name, language, size)
                found = (await Axe().run(self.page)).response["violations"]
                assert not found, (name, [(v["id"], v["nodes"][0]["html"]) for v in found])
                if shots:
                    file = f"staff-{name}-{language}-{size['width']}.png"
                    await self.page.screenshot(path=Path(shots) / file)
        if not dialog:
            await self.page.locator("#language").click()
        await self.page.set_viewport_size(DESK)

    async def note(self):
        return await self.stage.pool.fetchrow(
            "SELECT n.kind, n.detail, s.badge FROM admission_note n"
            " JOIN staff s ON s.id = n.staff_id ORDER BY n.at DESC LIMIT 1"
        )

    async def used(self):
        return await self.stage.pool.fetchval("SELECT used FROM ticket")


@contextlib.asynccontextmanager
async def a_post(database, folder, size=DESK, lock_after_s=120.0, *, barrier=False, way=Wired):
    panel = StaffPanel("127.0.0.1", 0, Desk(), lock_after_s=lock_after_s)
    async with (
        Lane(database) as stage,
        way(stage) as wired,
        SimulatedRs485() as board,
        a_lane(
            folder,
            wired,
            delays=CALM,
            offline=ASKS_ON,
            panel=panel,
            barrier=rs485(board) if barrier else None,
        ) as lane,
        async_playwright() as playwright,
    ):
        await panel.ready.wait()
        browser = await playwright.chromium.launch(**LAUNCH)
        context = await browser.new_context(viewport=size)
        page = await context.new_page()
        broken = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.on("console", lambda message: broken.append(message.text))
        page.set_default_timeout(20_000)
        expect.set_options(timeout=20_000)
        try:
            await lane.idle()
            await page.goto(f"http://127.0.0.1:{panel.port}/")
            await expect(page.locator("#gate")).to_have_text("东门1")
            yield Post(stage, wired, lane, page)
            assert not broken
        finally:
            await browser.close()


def test_a_guard_sees_a_certificate_and_takes_an_admission_back(database, tmp_path):
    async def main():
        async with a_post(database, tmp_path) as post:
            await post.stage.pool.execute(
                "UPDATE ticket SET evidence = '学生证', evidence_en = 'student card',"
                " list_fen = price_fen + 4000"
            )
            await post.shoot("sign-in")
            await post.sign_in(pin="0000")
            await post.result("工号或密码有误，还可试4次")
            await post.shoot("wrong-pin")
            await post.sign_in()
            await expect(post.page.locator("#badge")).to_have_text("G1")
            await post.lay("请出示优惠证件")
            seen = post.page.get_by_role("button", name="已查验：学生证")
            await expect(seen).to_be_visible()
            scan = post.page.locator("#scans li").first
            await expect(scan).to_contain_text("无证补差 40 元")
            await post.shoot("certificate")
            await seen.click()
            await post.lane.shows("请通行", 15)
            await post.result("3 人通行")
            assert tuple(await post.note()) == ("evidence", "学生证", "G1")
            assert await post.used() == 3
            assert person(1) not in await post.page.content()
            await post.page.get_by_role("button", name="撤销").click()
            await post.page.get_by_label("备注").fill("误刷")
            await post.page.locator("#ask-yes").click()
            await post.result("已撤销")
            assert await post.used() == 0
            assert tuple(await post.note()) == ("undoes", "误刷", "G1")
            await expect(post.page.get_by_role("button", name="撤销")).to_have_count(0)

    asyncio.run(main())


def test_a_supervisor_lets_in_what_the_rules_hold_back(database, tmp_path):
    async def main():
        async with a_post(database, tmp_path) as post:
            pool, park = post.stage.pool, post.stage.park
            await pool.execute("UPDATE site SET instant_capacity = 10, holds_when_full = true")
            await pool.execute(
                "INSERT INTO flow_bucket (site_id, bucket, gate_id, entries)"
                " VALUES ($1, now(), $2, 10)",
                park.site,
                park.gate,
            )
            await post.stage.fresh()
            await post.sign_in()
            await post.lay("园内人数已满")
            await post.page.get_by_role("button", name="满员放行").click()
            await post.shoot("force", dialog=True)
            dialog = post.page.locator("#ask")
            await dialog.get_by_label("工号").fill("G1")
            await dialog.get_by_label("密码").fill(PIN)
            await dialog.get_by_label("备注").fill("旅行社已报备")
            await post.page.locator("#ask-yes").click()
            await expect(post.page.locator("#ask-wrong")).to_contain_text("无此权限")
            await dialog.get_by_label("工号").fill("S1")
            await dialog.get_by_label("人数").fill("2")
            await post.page.locator("#ask-yes").click()
            await post.lane.shows("请通行", 15)
            assert post.lane.last.people == 2
            note = await post.note()
            assert tuple(note) == ("forced", "site_full: 满员，同意放行：旅行社已报备", "S1")

    asyncio.run(main())


def test_people_without_a_document_are_looked_up_and_documents_typed(database, tmp_path):
    async def main():
        async with a_post(database, tmp_path) as post:
            await post.stage.pool.execute("UPDATE orders SET state = 'paid'")
            await post.sign_in()
            await post.page.get_by_label("订单号或手机号后四位").fill("0000")
            await post.page.get_by_role("button", name="查找").click()
            row = post.page.locator("#found li")
            await expect(row).to_contain_text("李** 可入园")
            await post.shoot("found")
            await row.get_by_role("button", name="放行").click()
            await post.page.locator("#ask").get_by_label("人数").fill("1")
            await post.page.locator("#ask-yes").click()
            await post.lane.shows("请通行", 15)
            await post.result("余 2 人未入园")
            assert (await post.note())["kind"] == "by_number"
            await post.lane.idle()
            form = post.page.locator("#enter")
            await form.get_by_label("证件号码").fill(person(1))
            await form.get_by_role("button", name="试算").click()
            await post.result("请通行")
            assert await post.used() == 1
            assert post.lane.last.signal.value == "ready"
            await form.get_by_label("证件号码").fill(person(1))
            await form.get_by_label("工号").fill("S1")
            await form.get_by_label("密码").fill(PIN)
            await form.get_by_role("button", name="验票放行").click()
            await post.lane.shows("请通行", 15)
            assert post.lane.last.people == 2
            assert tuple(await post.note()) == ("by_hand", "", "S1")
            await expect(form.get_by_label("证件号码")).to_have_value("")
            await form.get_by_label("证件号码").fill("110101199001011234")
            await form.get_by_label("工号").fill("S1")
            await form.get_by_label("密码").fill(PIN)
            await form.get_by_role("button", name="验票放行").click()
            await post.result("证件号码有误")

    asyncio.run(main())


def test_a_card_is_tried_and_nobody_walks(database, tmp_path):
    async def main():
        async with a_post(database, tmp_path) as post:
            await post.sign_in()
            await post.page.get_by_role("button", name="试刷下一张证件").click()
            await expect(post.page.locator("#try")).to_have_text("等待试刷，点此取消")
            await post.lay("试刷，请勿通行")
            await expect(post.page.locator("#scans li").first).to_contain_text("试刷结果 · 请通行")
            assert await post.used() == 0
            assert await post.stage.pool.fetchval("SELECT count(*) FROM admission") == 0
            await expect(post.page.locator("#try")).to_have_text("试刷下一张证件")
            await post.lay("请通行")
            assert await post.used() == 3

    asyncio.run(main())


def test_without_the_centre_it_says_what_cannot_be_done(database, tmp_path):
    async def main():
        async with a_post(database, tmp_path) as post:
            await until(lambda: post.lane.display.known.tickets == 1, 15)
            await post.stage.pool.execute("UPDATE ticket SET evidence = '学生证'")
            await post.sign_in()
            await post.lay("请出示优惠证件")
            await expect(post.page.get_by_role("button", name="已查验：学生证")).to_be_enabled()
            post.wired.cable.cut()
            await expect(post.page.locator("#offline")).to_contain_text("离线：无法核对密码")
            for name in ("已查验：学生证", "查找", "验票放行"):
                await expect(post.page.get_by_role("button", name=name)).to_be_disabled()
            await post.shoot("offline")
            await post.page.locator("#lock").click()
            await expect(post.page.get_by_role("button", name="登录")).to_be_disabled()
            post.wired.cable.mend()
            await expect(post.page.locator("#offline")).to_be_hidden()
            await post.sign_in()
            await expect(post.page.locator("#badge")).to_have_text("G1")

    asyncio.run(main())


def test_it_locks_itself_and_keeps_nothing_on_the_page(database, tmp_path):
    async def main():
        async with a_post(database, tmp_path, PHONE, lock_after_s=1.5) as post:
            await post.sign_in()
            await expect(post.page.locator("#work")).to_be_visible()
            await post.page.get_by_role("button", name="手输证件").click()
            await post.page.get_by_label("证件号码").fill(person(1))
            await expect(post.page.locator("#warning")).to_be_visible()
            await expect(post.page.locator("#signin")).to_be_visible()
            await expect(post.page.locator("#badge")).to_have_text("")
            await expect(post.page.locator("#en-number")).to_have_value("")
            await expect(post.page.locator("#scans li")).to_have_count(0)

    asyncio.run(main())


def test_what_the_centre_had_the_lane_do_is_among_the_last_acts(database, tmp_path):
    async def main():
        async with a_post(database, tmp_path, barrier=True) as post:
            await post.stage.pool.execute(
                "UPDATE auth_user SET username = 'wang.fang' WHERE username = 'S1'"
            )
            await post.sign_in()
            rows = post.page.locator("#scans li")
            await post.order("open_once", "轮椅")
            await expect(rows.first).to_contain_text("开闸一次")
            await expect(rows.first).to_contain_text("中心下达：wang.fang · 轮椅")
            await post.lay("请通行")
            await expect(rows.first).to_contain_text("3 人通行")
            await post.order("show", "今日索道检修，请持票到三号门乘车")
            await post.order("hold_closed", "检修", both=True)
            await expect(rows.first).to_contain_text("中心下达：wang.fang + G1 · 检修")
            await expect(rows).to_have_count(4)
            await expect(rows.nth(2)).to_contain_text("3 人通行")
            await post.order("reload", "规则已改")
            await expect(rows.first).to_contain_text("重新载入配置")
            await post.shoot("orders")

    asyncio.run(main())


def test_rules_that_the_lane_cannot_go_by_are_told_to_its_staff(database, tmp_path):
    async def main():
        async with a_post(database, tmp_path, way=OfNewer) as post:
            said, newer = post.page.locator("#rules"), post.wired
            await until(lambda: post.lane.display.known.tickets == 1, 15)
            await expect(said).to_be_hidden()
            newer.change = lambda m: (meaning(m), m.update(settings="other"))
            await expect(said).to_contain_text("中心的规则比本机软件新")
            await post.shoot("rules-newer")
            await post.sign_in()
            await post.page.evaluate(COUNT_READINGS)
            await post.lay("请通行")
            await expect(post.page.locator("#scans li")).to_have_count(1)
            # It stands there and is not read out again with every scan.
            assert await post.page.evaluate("window.said") == 0
            await post.shoot("rules-newer-signed-in")
            # Without the centre both are said, and neither hides the other.
            post.wired.cable.cut()
            await expect(post.page.locator("#offline")).to_contain_text("离线：无法核对密码")
            await expect(said).to_be_visible()
            await post.shoot("rules-newer-offline")
            post.wired.cable.mend()
            newer.spoil = lambda octets: octets.replace(b'"settings"', b'"Settings"', 1)
            await expect(said).to_contain_text("收到的规则不能用")
            await post.shoot("rules-unusable")
            newer.change, newer.spoil = (lambda _: None), (lambda octets: octets)
            await expect(said).to_be_hidden()

    asyncio.run(main())
