"""The sale of a slot that ends before the slot does: nobody is offered what nobody can buy."""

import time
from datetime import timedelta

import psycopg
import pytest
from tests.centre.booking.test_pages import fill, grown
from tests.centre.counter.conftest import Window
from tests.support_clock import site_today
from tests.support_pages import hidden, served_park

from menpiao.storage.database.catalogue import MAX_AGE_S


@pytest.fixture
def park():
    with served_park("booking", "counter") as served:
        yield served


def test_what_is_no_longer_sold_is_offered_nowhere(park):
    today = site_today()
    with park.client() as client, park.client() as office:
        window = Window(office)
        window.sign_in()

        def offered():
            """The first day and today's slots at the doors, on the pages and at the counter."""
            door = "/booking/v1/products/1"
            days = client.get(f"{door}/days?from={today}&days=2").json()
            at_counter = window.ask("GET", "offer").json()["products"][0]["slots"]
            slots = client.get(f"{door}/slots?date={today}").json()
            pages = client.get("/book/day/").text.count(f'href="/book/day/{today}/"')
            return days[0]["date"], len(slots), pages, len(at_counter)

        assert offered() == (str(today), 1, 1, 1)
        address = client.get(f"/book/day/{today}/").headers["location"]
        form = fill(client, address, grown())
        review = hidden(client.post(address, data=form | {"do": "review"}).text)
        with psycopg.connect(park.database.url) as connection:
            connection.execute("UPDATE product SET sale_ends_s = 86400")
        time.sleep(MAX_AGE_S + 0.1)
        assert offered() == (str(today + timedelta(days=1)), 0, 0, 0)
        assert "这一天没有可预订的时段" in client.get(f"/book/day/{today}/").text
        # Who was filling in the form is told so, and not led away from it.
        late = client.post(address, data=review | {"terms": "1", "do": "book"})
        assert late.status_code == 422
        assert "已停止销售" in late.text
