"""A person with an empty database and a browser: from the first administrator to the first place
on sale, a lane's one-time code and a clerk who can sign in."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect
from tests.support_browser import chromium
from tests.support_db import FreshDatabase
from tests.support_ports import free_port

pytestmark = pytest.mark.needs("chromium", "wqy-microhei")
MENPIAO = [sys.executable, "-m", "menpiao"]
WORD = "violet-harbour-91"


@pytest.fixture
def centre(tmp_path):
    tmp_path.chmod(0o755)
    database, port = FreshDatabase(tmp_path), free_port()
    environment = os.environ | {
        "MENPIAO_DATABASE_URL": database.url,
        "MENPIAO_DATA_DIR": str(tmp_path),
        "MENPIAO_HTTP_PORT": str(port),
    }
    with subprocess.Popen([*MENPIAO, "serve", "all"], env=environment) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            yield environment, address
        finally:
            process.terminate()
            process.wait(20)
    database.drop()


def administrator(environment, name, password):
    command = [*MENPIAO, "user", name]
    return subprocess.run(
        command, env=environment, input=password + "\n", capture_output=True, text=True, check=False
    )


def save(page):
    page.click("input[name=_save]")
    page.wait_for_selector(".messagelist .success, .messagelist .warning")
    return page.inner_text(".messagelist")


def set_up_a_park(page, console):
    page.goto(f"{console}menpiao/site/add/")
    page.fill("[name=code]", "lakeside")
    page.fill("[name=name]", "湖畔景区")
    save(page)
    page.goto(f"{console}menpiao/gate/add/")
    page.select_option("[name=site]", label="湖畔景区")
    page.fill("[name=name]", "正门1号")
    save(page)
    page.goto(f"{console}menpiao/product/add/")
    page.select_option("[name=site]", label="湖畔景区")
    page.fill("[name=code]", "day")
    page.fill("[name=name]", "成人票")
    page.fill("[name=price_fen]", "8000")
    page.locator("#pricerule_set-group .add-row a").click()
    page.fill("[name=pricerule_set-0-code]", "senior")
    page.fill("[name=pricerule_set-0-name]", "老人半价")
    page.fill("[name=pricerule_set-0-age_from]", "60")
    page.fill("[name=pricerule_set-0-price_fen]", "4000")
    page.locator("#slotplan_set-group .add-row a").click()
    page.fill("[name=slotplan_set-0-starts_at]", "00:00")
    page.fill("[name=slotplan_set-0-ends_at]", "23:59:59")
    page.fill("[name=slotplan_set-0-capacity]", "500")
    return save(page)


def hire_a_clerk(page, console):
    page.goto(f"{console}auth/user/add/")
    page.fill("[name=username]", "wang")
    page.fill("[name=password1]", WORD)
    page.fill("[name=password2]", WORD)
    save(page)
    page.goto(f"{console}menpiao/staff/add/")
    page.locator(".select2-selection").first.click()
    page.locator(".select2-results__option", has_text="wang").click()
    page.select_option("[name=site]", label="湖畔景区")
    page.select_option("[name=role]", "clerk")
    save(page)


def a_code(page, console):
    page.goto(f"{console}menpiao/enrolmentcode/add/")
    page.select_option("[name=site]", label="湖畔景区")
    page.locator("[name=gates_old] option").first.dblclick()
    return re.search(r"(?:[0-9A-F]{4}-){3}[0-9A-F]{4}", save(page))[0]


def sign_in(page, address, name, password):
    page.goto(address)
    page.fill("[name=username]", name)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")


def test_from_nothing_to_a_place_on_sale(centre, tmp_path: Path):
    environment, address = centre
    console = f"{address}/console/"
    weak = administrator(environment, "chief", "12345678")
    assert weak.returncode == 1
    assert "Traceback" not in weak.stderr
    made = administrator(environment, "chief", WORD)
    assert made.returncode == 0, made.stderr
    assert console in made.stdout
    ready(address)
    with chromium() as browser:
        page = browser.new_context(locale="zh-CN").new_page()
        page.goto(address + "/")
        sign_in(page, console, "chief", WORD)
        said = set_up_a_park(page, console)
        assert "可预订的新时段：8" in said, said
        hire_a_clerk(page, console)
        code = a_code(page, console)
        lane = [*MENPIAO, "gate", str(tmp_path / "gate.toml"), "--centre", address, "--enrol", code]
        enrolled = subprocess.run(lane, capture_output=True, text=True, check=True, env=environment)
        assert "正门1号" in enrolled.stdout
        page.goto(f"{console}menpiao/device/")
        expect(page.locator("#result_list tbody tr")).to_have_count(1)

        visitor = browser.new_context(locale="zh-CN").new_page()
        visitor.goto(address + "/")
        expect(visitor.locator("main")).to_contain_text("老人半价")
        visitor.goto(address + "/book/day/")
        assert visitor.locator("a.day").count() == 8
        clerk = browser.new_context(locale="zh-CN").new_page()
        sign_in(clerk, address + "/view/login/", "wang", WORD)
        clerk.wait_for_url(address + "/")


def ready(address):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            if httpx.get(f"{address}/healthz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the centre is not there")
