"""Giving tickets back at the window, through its doors: found, told why not, done once, kept."""

import re
import secrets
import threading
import time
from datetime import date, timedelta

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.centre.counter.conftest import Window, visitor
from tests.support_pages import hidden

from menpiao.storage.database.catalogue import MAX_AGE_S


def rows(served, sql, *values):
    with psycopg.connect(served.database.url, row_factory=dict_row) as connection:
        return connection.execute(sql, values).fetchall()


def change(served, sql, *values):
    with psycopg.connect(served.database.url) as connection:
        connection.execute(sql, values)


def settle():
    """As long as the server may go by what was arranged before."""
    time.sleep(MAX_AGE_S + 0.1)


def plain(number):
    """The identifier that a number shows."""
    return int(number.replace("-", "")[:-1])


def sell(window, people=1, **changes):
    """An order of so many visitors, paid in cash: its answer and what was asked."""
    asked = window.sale(
        visitors=[visitor() for _ in range(people)], expected_fen=12000 * people, **changes
    )
    sold = window.ask("POST", "orders", asked)
    assert sold.status_code == 200, sold.text
    return sold.json(), asked


def view_of(window, order):
    return window.ask("GET", f"orders/{order['order_no']}/refunds").json()


def giving(tickets, fen, **changes):
    return {"tickets": tickets, "expected_fen": fen, "token": secrets.token_hex(12)} | changes


def give(window, order, asked):
    return window.ask("POST", f"orders/{order['order_no']}/refunds", asked)


def drawer(window):
    return window.ask("GET", "sales").json()["drawer_fen"]


def test_one_of_two_is_given_back_for_cash_and_leaves_the_drawer(served, window):
    order, _ = sell(window, 2)
    before, view = drawer(window), view_of(window, order)
    assert [t["refund_fen"] for t in view["tickets"]] == [12000, 12000]
    assert [(s["percent"], s["now"]) for s in view["rule"]] == [(100, True)]
    first = view["tickets"][0]["ticket_no"]
    path = f"orders/{order['order_no']}/refund-quotes"
    assert window.ask("POST", path, {"tickets": [first]}).json() == {"refund_fen": 12000}
    done = give(window, order, giving([first], 12000)).json()
    made = done["refund"]
    assert (made["state"], made["amount_fen"], made["tickets"]) == ("done", 12000, [first])
    assert [t["state"] for t in done["tickets"]] == ["refunded", "valid"]
    assert done["tickets"][0]["refused"] == "refunded"
    assert done["order"]["state"] == "paid"
    assert drawer(window) == before - 12000
    (kept,) = rows(served, "SELECT * FROM refund WHERE order_id = %s", plain(order["order_no"]))
    (seller,) = rows(served, "SELECT staff_id FROM orders WHERE id = %s", plain(order["order_no"]))
    assert (kept["staff_id"], kept["reason"]) == (seller["staff_id"], "counter")
    assert kept["tickets"] == [plain(first)]


def test_the_console_says_who_gave_it_back(served, window):
    order, _ = sell(window)
    (ticket,) = view_of(window, order)["tickets"]
    give(window, order, giving([ticket["ticket_no"]], 12000))
    with served.client() as client:
        address = "/console/login/?next=/console/console/refund/"
        form = hidden(client.get(address).text)
        sent = form | {"username": "manager", "password": "demo-manager"}
        assert client.post(address, data=sent).status_code == 302
        page = client.get(f"/console/console/refund/?q={order['order_no']}").text
    assert order["order_no"] in page
    assert re.search(r'class="field-given">窗口退票 · clerk<', page)


def test_the_slip_names_what_went_back(window):
    order, _ = sell(window, 2, language="en")
    tickets = [t["ticket_no"] for t in view_of(window, order)["tickets"]]
    made = give(window, order, giving(tickets, 24000)).json()["refund"]
    path = f"orders/{order['order_no']}/refunds/{made['refund_no']}/slip"
    slip = window.ask("GET", path).json()["lines"]
    text = "\n".join(line.get("text", "") for line in slip)
    for fact in (
        *("Refund slip", order["order_no"], made["refund_no"], "￥240.00"),
        *("Tickets returned: 2", "Paid back: cash"),
    ):
        assert fact in text
    assert slip[-1] == {"line": "cut"}
    other, _ = sell(window)
    strange = f"orders/{other['order_no']}/refunds/{made['refund_no']}/slip"
    assert window.ask("GET", strange).status_code == 404


def test_a_press_is_done_once_however_often_it_arrives(served, window):
    order, _ = sell(window, 2)
    first = view_of(window, order)["tickets"][0]["ticket_no"]
    asked, answers = giving([first], 12000), []
    with served.client() as client:
        second = Window(client)
        second.ticket = window.ticket
        threads = [
            threading.Thread(target=lambda at=at: answers.append(give(at, order, asked)))
            for at in (window, second)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    answers.append(give(window, order, asked))
    assert {a.status_code for a in answers} == {200}, [a.text for a in answers]
    assert len({a.json()["refund"]["refund_no"] for a in answers}) == 1
    counted = "SELECT count(*) AS n FROM refund WHERE order_id = %s"
    assert rows(served, counted, plain(order["order_no"])) == [{"n": 1}]
    # Another press for the same ticket is another act, and refused.
    again = give(window, order, giving([first], 12000))
    assert (again.status_code, again.json()["code"]) == (409, "refunded")
    other = view_of(window, order)["tickets"][1]["ticket_no"]
    reused = give(window, order, asked | {"tickets": [other]})
    assert (reused.status_code, reused.json()["code"]) == (409, "token_reused")


def test_a_used_ticket_is_refused_in_words_and_the_rest_can_go(served, window):
    order, _ = sell(window, 2)
    used, free = (t["ticket_no"] for t in view_of(window, order)["tickets"])
    change(served, "UPDATE ticket SET used = 1, inside = 1 WHERE id = %s", plain(used))
    told = view_of(window, order)["tickets"][0]
    assert (told["refund_fen"], told["refused"]) == (None, "ticket_in_use")
    assert told["refused_zh"] == "门票已使用"
    refused = give(window, order, giving([used, free], 24000))
    assert (refused.status_code, refused.json()["code"]) == (422, "ticket_in_use")
    assert give(window, order, giving([free], 12000)).status_code == 200


def test_the_rule_of_the_product_says_how_much(served, window):
    order, _ = sell(window)
    (ticket,) = view_of(window, order)["tickets"]
    change(
        served,
        "INSERT INTO refund_step (product_id, before_end_s, percent) SELECT product_id, 0, 80"
        " FROM orders WHERE id = %s",
        plain(order["order_no"]),
    )
    try:
        settle()
        view = view_of(window, order)
        assert view["tickets"][0]["refund_fen"] == 9600
        assert [(s["percent"], s["now"]) for s in view["rule"]] == [(80, True)]
        told_before = give(window, order, giving([ticket["ticket_no"]], 12000))
        assert (told_before.status_code, told_before.json()["code"]) == (409, "refund_changed")
        done = give(window, order, giving([ticket["ticket_no"]], 9600))
        assert done.json()["refund"]["amount_fen"] == 9600
    finally:
        change(served, "DELETE FROM refund_step")
        settle()


def test_what_cost_nothing_is_given_back_and_says_by_whom(served, window):
    order, _ = sell(window)
    number = plain(order["order_no"])
    change(served, "UPDATE ticket SET price_fen = 0 WHERE order_id = %s", number)
    (ticket,) = view_of(window, order)["tickets"]
    done = give(window, order, giving([ticket["ticket_no"]], 0)).json()
    assert (done["refund"]["amount_fen"], done["order"]["state"]) == (0, "refunded")
    (kept,) = rows(served, "SELECT staff_id, state FROM refund WHERE order_id = %s", number)
    assert kept["state"] == "done"
    assert kept["staff_id"] is not None


def test_an_order_is_found_by_number_document_and_telephone(window):
    order, asked = sell(window, phone="13800007719")
    number = asked["visitors"][0]["number"]
    offered = window.ask("GET", "offer").json()
    ways = (
        {"order_no": order["order_no"]},
        {"document_type": "resident_card", "number": number},
        {"phone_end": "7719"},
        {"phone_end": "7719", "day": offered["today"]},
    )
    for way in ways:
        found = window.ask("POST", "finds", way)
        assert order["order_no"] in [o["order_no"] for o in found.json()["orders"]], way
        assert number not in found.text
        assert "13800007719" not in found.text


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({}, 422, "bad_request"),
        ({"order_no": "1000-0017", "phone_end": "1234"}, 422, "bad_request"),
        ({"order_no": "1-0000"}, 404, "order_unknown"),
        ({"phone_end": "0001"}, 404, "order_unknown"),
        ({"phone_end": "12"}, 422, "bad_request"),
        ({"document_type": "wand", "number": "1"}, 422, "document_type_not_accepted"),
        ({"document_type": "resident_card", "number": "1"}, 422, "document_invalid"),
    ],
)
def test_what_is_not_found_is_said(window, asked, status, code):
    told = window.ask("POST", "finds", asked)
    assert (told.status_code, told.json()["code"]) == (status, code)


def test_a_telephone_is_found_on_the_day_of_its_visit_alone(window):
    sell(window, phone="13800007720")
    offered = window.ask("GET", "offer").json()
    day = date.fromisoformat(offered["today"]) + timedelta(days=2)
    told = window.ask("POST", "finds", {"phone_end": "7720", "day": day.isoformat()})
    assert told.status_code == 404


def test_refusals_of_a_return(window):
    order, _ = sell(window)
    (ticket,) = view_of(window, order)["tickets"]
    good = giving([ticket["ticket_no"]], 12000)
    for asked, status, code in (
        (good | {"expected_fen": 1}, 409, "refund_changed"),
        (good | {"tickets": ["1000-0017"]}, 422, "not_refundable"),
        (good | {"tickets": []}, 422, "bad_request"),
        (good | {"token": "x"}, 422, "bad_request"),
    ):
        told = give(window, order, asked)
        assert (told.status_code, told.json()["code"]) == (status, code), told.text
        assert told.json()["zh"]
    assert view_of(window, order)["tickets"][0]["state"] == "valid"
    assert window.ask("GET", "orders/1-0000/refunds").status_code == 404
    window.ticket = "-"
    assert give(window, order, good).status_code == 403
