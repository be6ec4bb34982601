"""The counter's page that stood open through the night sells today's tickets, not yesterday's."""

from datetime import timedelta

import psycopg
import pytest
from playwright.sync_api import expect
from tests.centre.counter.conftest import sign_in
from tests.centre.counter.test_page import type_in
from tests.support_clock import site_today

pytestmark = pytest.mark.needs("chromium", "wqy-microhei")


def a_day_passes(pages, page):
    """The page's day becomes yesterday, and the slots that it shows end."""
    with psycopg.connect(pages.database.url) as connection:
        # Not to the next day at once, where for a moment the slots of two days would meet.
        for days in (-100, 99):
            connection.execute(
                "UPDATE slot SET visit_date = visit_date + %s, starts_at = starts_at + %s,"
                " ends_at = ends_at + %s",
                (days, timedelta(days=days), timedelta(days=days)),
            )
    yesterday = site_today() - timedelta(days=1)
    page.evaluate("day => { document.getElementById('day').value = day; }", str(yesterday))


def test_the_first_visitor_of_a_morning_is_sold_todays_ticket(browser, pages):
    page = sign_in(browser, pages)
    slot = page.input_value("#slot")
    a_day_passes(pages, page)
    type_in(page)
    expect(page.locator("#cash")).to_be_enabled()
    assert page.input_value("#day") == str(site_today())
    assert page.input_value("#slot") not in {"", slot}
    page.keyboard.press("F8")
    expect(page.locator("#status")).to_contain_text("已售出")
    with psycopg.connect(pages.database.url) as connection:
        asked = "SELECT visit_date FROM ticket ORDER BY id DESC LIMIT 1"
        assert connection.execute(asked).fetchone()[0] == site_today()
    assert not page.broken
    page.context.close()
