"""The counter's doors through HTTP: who may, what is refused, and that a sale happens once."""

import threading
import time

import psycopg
import pytest
from tests.centre.counter.conftest import Window, visitor


def rows(served, sql, *values):
    with psycopg.connect(served.database.url) as connection:
        return connection.execute(sql, values).fetchall()


def test_strangers_are_sent_to_sign_in_and_learn_nothing(served):
    with served.client() as client:
        for page in ("/counter/", "/counter/ticket/"):
            answer = client.get(page)
            assert answer.status_code == 302
            assert "/login/" in answer.headers["location"]
        for ticket in ("-", "1.1.9999999999.00", "x", "é", "1.9999999999.0"):
            head = {"Authorization": f"Bearer {ticket}".encode()}
            answer = client.get("/counter/v1/offer", headers=head)
            assert answer.status_code == 403
            assert answer.json()["code"] == "not_permitted"


def test_a_user_who_is_no_staff_of_a_site_may_not_sell(served):
    hire = "INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email,"
    hire += " is_staff, is_active, date_joined) SELECT password, false, 'guest', '', '', '', true,"
    hire += " true, now() FROM auth_user WHERE username = 'clerk'"
    with psycopg.connect(served.database.url) as connection:
        connection.execute(hire)
    with served.client() as client:
        guest = Window(client)
        assert guest.sign_in("guest").status_code == 302
        assert client.get("/counter/").status_code == 403
        assert client.get("/counter/ticket/").status_code == 403


def test_a_ticket_of_an_hour_ago_and_one_of_another_person_are_refused(window):
    site, staff, until, seal = window.ticket.split(".")
    for forged in (
        f"{site}.{int(staff) + 1}.{until}.{seal}",
        f"{int(site) + 1}.{staff}.{until}.{seal}",
        f"{site}.{staff}.{int(until) + 3600}.{seal}",
    ):
        window.ticket = forged
        assert window.ask("GET", "offer").status_code == 403


def test_cash_is_paid_in_the_moment_of_the_sale_and_counts_in_the_drawer(served, window):
    before = window.ask("GET", "sales").json()["drawer_fen"]
    sold = window.ask("POST", "orders", window.sale()).json()
    assert (sold["state"], sold["means"], sold["total_fen"]) == ("paid", "cash", 12000)
    number = sold["order_no"]
    ((provider, state, settled, channel, staff, tickets),) = rows(
        served,
        "SELECT p.provider, p.state, p.settled_at = o.created_at, o.channel, o.staff_id,"
        " (SELECT array_agg(t.state) FROM ticket t WHERE t.order_id = o.id)"
        " FROM orders o JOIN payment p ON p.order_id = o.id WHERE o.id = %s",
        int(number.replace("-", "")[:-1]),
    )
    assert (provider, state, settled, channel, tickets) == (
        "cash",
        "paid",
        True,
        "counter",
        ["valid"],
    )
    assert (
        staff
        == rows(
            served,
            "SELECT s.id FROM staff s JOIN auth_user u ON u.id = s.user_id"
            " WHERE u.username = 'clerk'",
        )[0][0]
    )
    day = window.ask("GET", "sales").json()
    assert day["drawer_fen"] == before + 12000
    assert day["latest"][0]["order_no"] == number


def test_a_double_click_sells_once(served, window):
    asked = window.sale()
    answers = []
    with served.client() as other:
        second = Window(other)
        second.ticket = window.ticket
        threads = [
            threading.Thread(target=lambda w=w: answers.append(w.ask("POST", "orders", asked)))
            for w in (window, second)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    again = window.ask("POST", "orders", asked)
    assert {a.status_code for a in (*answers, again)} == {200}
    assert len({a.json()["order_no"] for a in (*answers, again)}) == 1
    token = f"counter:{asked['token']}"
    assert rows(served, "SELECT count(*) FROM orders WHERE token = %s", token) == [(1,)]


def test_the_same_token_for_other_people_is_refused(window):
    asked = window.sale()
    assert window.ask("POST", "orders", asked).status_code == 200
    other = window.ask("POST", "orders", asked | {"visitors": [visitor()]})
    assert (other.status_code, other.json()["code"]) == (409, "token_reused")


def test_refusals_say_the_reason_and_the_field(window):
    one = visitor()
    sale = window.sale
    cases = [
        (sale(expected_fen=1), 409, "price_changed", "expected_fen"),
        (sale(visitors=[one, one], expected_fen=24000), 422, "duplicate_in_order", "visitors.1"),
        (
            sale(visitors=[visitor(number="110105194912310021")]),
            422,
            "document_invalid",
            "visitors.0",
        ),
        (sale(visitors=[visitor(name="💥")]), 422, "name_invalid", "visitors.0.name"),
        (sale(visitors=[visitor(people=9)]), 422, "people_invalid", "visitors.0.people"),
        (sale(slot_id=999), 404, "slot_unknown", "slot_id"),
        (sale(means="code"), 422, "payment_refused", "means"),
        (sale(auth_code="130000000000000000"), 422, "bad_request", "auth_code"),
        (sale(phone="12"), 422, "phone_invalid", "phone"),
        (sale(token="short"), 422, "bad_request", ""),
        ({}, 422, "bad_request", ""),
    ]
    for asked, status, code, field in cases:
        answer = window.ask("POST", "orders", asked)
        told = answer.json()
        assert (answer.status_code, told["code"]) == (status, code), told
        assert told["field"].startswith(field)
        assert told["zh"]
        assert told["en"]
        assert one["number"] not in answer.text


def test_a_document_that_has_a_ticket_is_not_sold_another(window):
    asked = window.sale()
    window.ask("POST", "orders", asked)
    again = window.ask("POST", "orders", window.sale(visitors=asked["visitors"]))
    assert (again.status_code, again.json()["code"]) == (409, "duplicate_document")


def test_a_paper_lowers_the_price_only_when_the_clerk_has_seen_it(served, window):
    with psycopg.connect(served.database.url) as connection:
        connection.execute(
            "INSERT INTO price_rule (product_id, code, name, name_en, document_types, provinces,"
            " price_fen, evidence, evidence_en) SELECT id, 'student', '学生半价', 'Student', '[]',"
            " '[]', 6000, '学生证', 'student card' FROM product WHERE code = 'day'"
        )
    asked = window.sale()
    quote = {key: asked[key] for key in ("product_id", "slot_id", "visitors")}
    for _ in range(100):  # the catalogue is read again every two seconds
        time.sleep(0.1)
        told = window.ask("POST", "quotes", quote).json()
        if told["lines"][0]["papers"]:
            break
    assert told["total_fen"] == 12000
    assert told["lines"][0]["papers"] == [
        {"name": "学生证", "name_en": "student card", "price_fen": 6000}
    ]
    quote["visitors"] = [asked["visitors"][0] | {"evidence_seen": True}]
    told = window.ask("POST", "quotes", quote).json()
    assert told["total_fen"] == 6000
    assert "已查验学生证" in told["lines"][0]["reason_zh"]
    sold = window.ask("POST", "orders", asked | quote | {"expected_fen": 6000}).json()
    assert sold["total_fen"] == 6000


def test_the_slip_of_an_order_can_be_had_again(window):
    sold = window.ask("POST", "orders", window.sale(language="en")).json()
    first = window.ask("GET", f"orders/{sold['order_no']}/slip").json()
    assert first == window.ask("GET", f"orders/{sold['order_no'].replace('-', '')}/slip").json()
    text = "\n".join(line.get("text", "") for line in first["lines"])
    for fact in ("Cloud Hill", "Day ticket", sold["order_no"], "￥120.00", "李**"):
        assert fact in text
    assert first["lines"][-1] == {"line": "cut"}


@pytest.mark.parametrize("path", ["orders/1-0000", "orders/zz", "orders/1-0000/slip"])
def test_an_order_that_is_not_there(window, path):
    answer = window.ask("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (404, "order_unknown")
