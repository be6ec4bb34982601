"""The live page as managers get it: the real command, a real browser, people at the gates."""

import subprocess
import sys

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from tests.support_clock import site_now
from tests.support_pages import served_park

pytestmark = pytest.mark.needs("chromium", "wqy-microhei")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
_HIRE = """
import django
django.setup()
from django.contrib.auth.models import User
from menpiao.storage.database.models import Site, Staff
for role in ("manager", "clerk"):
    user = User.objects.create_user(f"live-{role}", password="a-test-word", is_staff=True)
    Staff.objects.create(user=user, site=Site.objects.order_by("pk").first(), role=role)
"""


@pytest.fixture(scope="module")
def pages():
    with served_park() as served:
        environment = {
            "MENPIAO_DATABASE_URL": served.database.url,
            "MENPIAO_DATA_DIR": str(served.database.settings.data_dir),
            "DJANGO_SETTINGS_MODULE": "menpiao.compose.django_settings",
        }
        subprocess.run([sys.executable, "-c", _HIRE], env=environment, check=True)
        yield served


def walk_in(served, people, number, province="51", way="entry"):
    at = site_now()
    with psycopg.connect(served.database.url) as connection:
        site = connection.execute("SELECT min(id) FROM site").fetchone()[0]
        connection.execute(
            "INSERT INTO ticket (site_id, id, order_id, product_id, product_class, slot_id,"
            " visit_date, opens_at, closes_at, state, holder_hash, holder_masked, document_type,"
            " people, price_fen, list_fen, province, city, age_band, sex) VALUES (%s, %s, 1, 1,"
            " 'entry', 1, %s, %s, %s, 'valid', %s, '*', 'resident', 9999, 1, 1, %s, '成都市',"
            " '25-34', 'female')",
            [site, number, at.date(), at, at, number.to_bytes(8), province],
        )
        connection.execute(
            "INSERT INTO admission (site_id, id, device_id, nonce, digest, gate_id, direction, at,"
            " admitted, reason, ticket_id, people, first_entry, answer) VALUES (%s, %s, 1, %s, '',"
            " 1, %s, %s, true, 'pass', %s, %s, %s, '')",
            [site, number, str(number), way, at, number, people, people if way == "entry" else 0],
        )


def log_in(page, served, name="manager"):
    page.goto(served.address + "/statistics/")
    page.fill("[name=username]", f"live-{name}")
    page.fill("[name=password]", "a-test-word")
    page.press("[name=password]", "Enter")


def test_strangers_and_clerks_see_no_figures(pages, browser):
    with pages.client() as client:
        for door in ("/statistics/", "/statistics/ticket/"):
            answer = client.get(door)
            assert answer.status_code == 302
            assert "/login/" in answer.headers["location"]
        assert client.get("/statistics/v1/live").status_code == 403
    page = browser.new_page()
    log_in(page, pages, "clerk")
    assert page.goto(pages.address + "/statistics/").status == 403
    assert page.goto(pages.address + "/statistics/ticket/").status == 403
    page.context.close()


def test_figures_move_while_the_page_is_looked_at(pages, browser):
    page = browser.new_page(locale="zh-CN")
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda said: broken.append(said.text) if said.type == "error" else 0)
    log_in(page, pages)
    expect(page.locator("#line")).to_have_text("实时")
    expect(page.locator("#inside")).to_have_text("0")
    with psycopg.connect(pages.database.url) as connection:
        connection.execute("UPDATE site SET instant_capacity = 1000")
    walk_in(pages, 700, 1)
    walk_in(pages, 250, 2, province="11")
    expect(page.locator("#inside")).to_have_text("950")
    expect(page.locator("#level")).to_contain_text("红色")
    walk_in(pages, 150, 3, way="exit")
    expect(page.locator("#inside")).to_have_text("800")
    expect(page.locator("#level")).to_contain_text("黄色")
    assert page.text_content("#tile-51 .tile-people") == "700"
    assert page.text_content("#provinces tr:first-child th") == "四川"
    assert page.locator("#flow rect").count() >= 1
    assert not broken
    page.context.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_everybody_can_use_the_page(pages, browser, width, language):
    context = browser.new_context(locale=language, viewport={"width": width, "height": 844})
    page = context.new_page()
    log_in(page, pages)
    title = "Live visitor flow" if language.startswith("en") else "实时客流"
    expect(page.locator("#line")).to_have_class("tag")
    expect(page.locator("#inside")).not_to_have_text("–")
    assert title in page.text_content("h1")
    found = Axe().run(page, options=RULES).response["violations"]
    assert not found, [(v["id"], v["nodes"][0]["html"]) for v in found]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
