"""Giving up and giving back on the visitor's pages, as a browser without JavaScript uses them."""

import re
from datetime import date

import psycopg
import pytest
from tests.centre.booking.test_pages import booked, grown, pay_code, settle
from tests.support_db import person
from tests.support_pages import hidden, served_park

_children = iter(range(700, 900))


@pytest.fixture(scope="module")
def pages():
    with served_park("booking") as served:
        yield served


def order_of(answer):
    """The number, the identifier and the secret of a new order."""
    order_no, secret = re.search(
        r"/orders/([0-9-]+)/pay/\?k=(.*)", answer.headers["Location"]
    ).groups()
    return order_no, int(order_no.replace("-", "")[:-1]), secret


def buy(pages, client, *people):
    _, _, answer = booked(client, *people)
    order_no, order_id, secret = order_of(answer)
    pay_code(pages, order_id)
    settle(pages, order_id)
    with psycopg.connect(pages.database.url) as connection:
        connection.execute("UPDATE payment SET state = 'paid' WHERE order_id = %s", [order_id])
    return f"/orders/{order_no}/cancel/?k={secret}", f"/orders/{order_no}/?k={secret}", order_id


def numbers(html):
    return re.findall(r'name="t" value="([0-9-]+)"', html)


def confirm(client, address, page):
    """Press the button of a page that asks whether one is sure."""
    sent = hidden(page.text) | {"t": numbers(page.text)}
    return client.post(address, data=sent)


def returned(pages, order_id):
    with psycopg.connect(pages.database.url) as connection:
        return connection.execute(
            "SELECT coalesce(sum(amount_fen), 0) FROM refund WHERE order_id = %s", [order_id]
        ).fetchone()[0]


def test_an_unpaid_order_is_cancelled(pages):
    with pages.client() as client:
        who = grown()
        _, _, answer = booked(client, who)
        pay = client.get(answer.headers["Location"])
        address = re.search(r'href="(/orders/[^"]*/cancel/[^"]*)"', pay.text)[1]
        asked = client.get(address)
        assert "取消这个未支付的订单" in asked.text
        done = confirm(client, address, asked)
        assert done.status_code == 303
        assert "已取消" in client.get(done.headers["Location"]).text
        again = confirm(client, address, asked)
        assert again.headers["Location"] == done.headers["Location"]
        assert booked(client, who)[2].status_code == 303


def test_the_sum_is_shown_before_anything_is_done(pages):
    with pages.client() as client:
        address, order, order_id = buy(pages, client, grown())
        assert "退票规则" in client.get(order).text
        asked = client.get(address)
        assert "确认退票，退款 ¥100" in asked.text
        assert returned(pages, order_id) == 0
        done = confirm(client, address, asked)
        shown = client.get(done.headers["Location"]).text
        assert "退款中" in shown
        assert "¥100" in shown
        assert returned(pages, order_id) == 10000
        assert confirm(client, address, asked).headers["Location"] == done.headers["Location"]
        assert returned(pages, order_id) == 10000
        assert "有一笔退款正在处理" in client.get(address).text


def test_single_tickets_are_chosen(pages):
    with pages.client("en-GB") as client:
        address, order, order_id = buy(pages, client, grown(), grown())
        choice = client.get(address)
        first, second = numbers(choice.text)
        assert "Which tickets to cancel" in choice.text
        none = client.get(address + "&step=2")
        assert none.status_code == 422
        assert "Choose at least one ticket" in none.text
        asked = client.get(f"{address}&step=2&t={second}")
        assert numbers(asked.text) == [second]
        confirm(client, address, asked)
        shown = client.get(order).text
        assert "The other tickets stay valid" in shown
        assert shown.count("Ready to use") == 1
        assert returned(pages, order_id) == 10000
        assert first in shown


def test_another_sum_than_the_one_shown_is_shown_again(pages):
    with pages.client() as client:
        address, _, order_id = buy(pages, client, grown())
        asked = client.get(address)
        sent = hidden(asked.text) | {"t": numbers(asked.text), "expected_fen": "9999"}
        answer = client.post(address, data=sent)
        assert answer.status_code == 422
        assert "退款金额已变动" in answer.text
        assert hidden(answer.text)["expected_fen"] == "10000"
        assert returned(pages, order_id) == 0


def test_money_that_came_while_one_cancels_is_not_given_back_unasked(pages):
    with pages.client() as client:
        _, _, answer = booked(client, grown())
        order_no, order_id, secret = order_of(answer)
        address = f"/orders/{order_no}/cancel/?k={secret}"
        asked = client.get(address)
        settle(pages, order_id)
        with psycopg.connect(pages.database.url) as connection:
            connection.execute("UPDATE payment SET state = 'paid' WHERE order_id = %s", [order_id])
        late = confirm(client, address, asked)
        shown = client.get(late.headers["Location"]) if late.is_redirect else late
        assert "¥100" in shown.text
        assert returned(pages, order_id) == 0


def test_children_are_not_left_alone(pages):
    with pages.client() as client:
        child = ("张小宝", person(next(_children), born=date(2017, 3, 4)))
        address, _, order_id = buy(pages, client, grown(), child)
        adult, _ = numbers(client.get(address).text)
        asked = client.get(f"{address}&t={adult}")
        assert asked.status_code == 422
        assert "须有成人陪同" in asked.text
        assert "expected_fen" not in asked.text
        assert returned(pages, order_id) == 0


def test_what_was_used_is_not_given_back(pages):
    with pages.client() as client:
        address, order, order_id = buy(pages, client, grown())
        with psycopg.connect(pages.database.url) as connection:
            connection.execute("UPDATE ticket SET used = 1 WHERE order_id = %s", [order_id])
        assert "cancel/" not in client.get(order).text
        assert "没有可退的票" in client.get(address).text


def test_odd_posts_change_nothing(pages):
    with pages.client() as client:
        address, _, order_id = buy(pages, client, grown(), grown())
        good = hidden(client.get(address).text)
        for odd in ({}, {"t": "x\x00"}, {"t": "1" * 9000}, {"expected_fen": "9" * 500, "t": "12"}):
            token = {"csrfmiddlewaretoken": good["csrfmiddlewaretoken"]}
            answer = client.post(address, data=token | odd)
            assert answer.status_code in {303, 422}, odd
        assert returned(pages, order_id) == 0


def test_whoever_tries_secrets_is_stopped(pages):
    with pages.client() as client:
        address, order, _ = buy(pages, client, grown())
        wrong = re.sub("k=.*", "k=" + "0" * 24, address)
        codes = [client.get(wrong).status_code for _ in range(105)]
        assert codes[0] == 404
        assert codes[-1] == 429
        assert client.get(order).status_code == 200
