"""A document on the list of barred ones is sold nothing, by no channel, and nobody is told why."""

import secrets
import time

import httpx
import psycopg
import pytest
from tests.centre.booking.test_pages import fill, slot_page
from tests.centre.console.desk import sign_in
from tests.centre.console.test_barring import bar, last, lift
from tests.centre.counter.conftest import Window
from tests.support_clock import site_today
from tests.support_db import person
from tests.support_pages import served_park

from menpiao.storage.database.catalogue import MAX_AGE_S

WHY = "倒票"


@pytest.fixture(scope="module")
def park():
    with served_park("booking", "counter") as served:
        yield served


@pytest.fixture
def manager(park):
    with park.client() as client:
        assert sign_in(client, "manager").status_code == 302
        yield client


def settle():
    time.sleep(MAX_AGE_S + 0.1)


def asked(park, *numbers, token=""):
    """An order of the last slot of the last day."""
    with psycopg.connect(park.database.url) as connection:
        slot, product = connection.execute(
            "SELECT id, product_id FROM slot ORDER BY starts_at DESC, id LIMIT 1"
        ).fetchone()
    return {
        "token": token or secrets.token_hex(12),
        "product_id": product,
        "slot_id": slot,
        "visitors": [
            {"document_type": "resident_card", "number": n, "name": "李样例"} for n in numbers
        ],
        "phone": "13800000000",
    }


def post(park, door, body):
    return httpx.post(f"{park.address}/booking/v1/{door}", json=body, timeout=20)


def kept(park):
    with psycopg.connect(park.database.url) as connection:
        count = "SELECT (SELECT count(*) FROM orders), (SELECT sum(sold) FROM slot)"
        return connection.execute(count).fetchone()


def assert_sent_to_the_desk(answer, field):
    told = answer.json()
    assert (answer.status_code, told["code"], told["field"]) == (422, "sale_at_desk", field), told
    assert "服务台" in told["zh"]
    assert "service desk" in told["en"]
    assert "barred" not in answer.text
    assert WHY not in answer.text


def test_nothing_is_sold_to_a_barred_document_by_any_channel_until_it_is_lifted(park, manager):
    number, friend = person(901), person(902)
    earlier = asked(park, number)
    first = post(park, "orders", earlier)
    assert first.status_code == 201, first.text
    assert bar(park, manager, number).status_code == 302
    settle()
    before = kept(park)
    for door in ("quotes", "orders"):
        answer = post(park, door, asked(park, friend, number))
        assert_sent_to_the_desk(answer, "visitors.1.number")
    with park.client() as client:
        address = slot_page(client)
        sent = fill(client, address, ("李样例", number)) | {"do": "review"}
        page = client.post(address, data=sent)
        assert "请到服务台" in page.text
        assert "网上无法办理" in page.text
        assert "请修改" not in page.text
        assert "需要修改" not in page.text
        assert WHY not in page.text
    with park.client() as client:
        window = Window(client)
        window.sign_in()
        visitor = {"document_type": "resident_card", "number": number, "name": "李样例"}
        answer = window.ask("POST", "orders", window.sale(visitors=[visitor]))
        assert_sent_to_the_desk(answer, "visitors.0.number")
    assert kept(park) == before
    # What was sold under a token stands: asking again gives the same order.
    again = post(park, "orders", earlier)
    assert (again.status_code, again.json()) == (201, first.json())
    assert lift(manager, last(park)["id"]).status_code == 302
    settle()
    assert post(park, "quotes", asked(park, friend, number)).status_code == 200
    assert post(park, "orders", asked(park, friend)).status_code == 201


def test_who_is_barred_till_a_day_may_buy_for_the_days_after_it(park, manager):
    number = person(903)
    assert bar(park, manager, number, last_day=str(site_today())).status_code == 302
    settle()
    assert post(park, "orders", asked(park, number)).status_code == 201
