"""Back-entry through the page: checked line by line, entered once, counted when it happened."""

import re
import secrets
import threading
import time
from datetime import datetime, timedelta

import pytest
from tests.centre.check.house import a_house, forms
from tests.support_clock import site_now
from tests.support_db import person

from menpiao.domain.ticket import serial_number

_people = iter(range(1, 400))


@pytest.fixture(scope="module")
def house():
    with a_house() as served:
        yield served


class Sold:
    """A paid order of so many people, each with a document; good from a day ago on."""

    def __init__(self, house, people=1):
        slot, product = house.value(
            "SELECT ARRAY[s.id, s.product_id] FROM slot s JOIN product p ON p.id = s.product_id"
            " WHERE s.starts_at <= now() AND s.ends_at > now()"
            " ORDER BY p.people_per_order DESC, s.id LIMIT 1"
        )
        self.numbers = [person(next(_people)) for _ in range(people)]
        order = {
            "token": secrets.token_hex(12),
            "product_id": product,
            "slot_id": slot,
            "phone": "13800000000",
            "visitors": [
                {"document_type": "resident_card", "number": number, "name": "李样例"}
                for number in self.numbers
            ],
        }
        with house.served.client() as client:
            answer = client.post("/booking/v1/orders", json=order)
        assert answer.status_code == 201, answer.text
        self.house = house
        self.order_id = house.value("SELECT max(id) FROM orders")
        house.run(
            "UPDATE ticket SET state = 'valid', opens_at = now() - interval '1 day',"
            " closes_at = now() + interval '3 hours' WHERE order_id = %s",
            self.order_id,
        )

    @property
    def used(self):
        return self.house.value(
            "SELECT sum(used)::int FROM ticket WHERE order_id = %s", self.order_id
        )


def ago(minutes):
    """A time at the site as people write it, on a whole minute."""
    at = site_now() - timedelta(minutes=minutes)
    return at.replace(second=0, microsecond=0)


def written(at, gate, number, people=""):
    return f"{at:%Y-%m-%d %H:%M}, {gate}, {number}, {people}"


def post(client, act, *lines):
    form = dict(forms(client.get("/lanes/papers/").text))["/lanes/papers/"]
    answer = client.post("/lanes/papers/", data=form | {"lines": "\n".join(lines), "act": act})
    assert answer.status_code == 200
    return answer.text


def results(page):
    """What the page says of each line: (sign, why)."""
    rows = re.findall(
        r'<td><span class="sign[^"]*"><span aria-hidden="true">.</span> ([^<]*)</span>'
        r"(?:<br>([^<]*))?</td>",
        page,
    )
    return [(sign, why) for sign, why in rows]


def entered(house):
    return house.value("SELECT count(*) FROM admission WHERE device_id = 0 AND people > 0")


def test_only_supervisors_enter(house):
    with house.signed_in("sold") as clerk:
        assert clerk.get("/lanes/papers/").status_code == 403
    with house.served.client() as stranger:
        assert "/login/" in stranger.get("/lanes/papers/").headers["location"]


def test_lines_are_checked_first_and_entered_once_as_what_they_are(house):
    family, single, at = Sold(house, 3), Sold(house), ago(40)
    lines = [
        "时间,闸机,号码,人数",
        written(at, "东门1号", serial_number(family.order_id), 3),
        written(at, house.gate, single.numbers[0].lower()).replace(",", "，").replace(":", "："),
        written(at, "East Gate 1", person(399), 1),
    ]
    before = entered(house)
    with house.signed_in("first") as client:
        page = post(client, "check", *lines)
        assert [sign for sign, _ in results(page)] == ["可补录", "可补录", "不能补录"]
        assert results(page)[2] == ("不能补录", "未查到订单")
        assert "李**" in page
        assert (entered(house), family.used) == (before, 0)  # nothing is written
        page = post(client, "enter", *lines)
        assert [sign for sign, _ in results(page)] == ["已补录", "已补录", "不能补录"]
        assert "已补录 2 行，未补录 1 行" in page
        left = re.search(r"<textarea[^>]*>([^<]*)</textarea>", page)[1]
        assert left.strip() == lines[3].strip()
        assert (entered(house), family.used, single.used) == (before + 4, 3, 1)
        row = house.value(
            "SELECT ARRAY[a.at::text, n.kind, u.username, a.reason] FROM admission a"
            " JOIN ticket t ON t.id = a.ticket_id JOIN admission_note n ON n.admission_id = a.id"
            " JOIN staff s ON s.id = n.staff_id JOIN auth_user u ON u.id = s.user_id"
            " WHERE t.order_id = %s",
            single.order_id,
        )
        assert datetime.fromisoformat(row[0]) == at
        assert row[1:] == ["back_entry", "first", "pass"]
        # The same line again, by somebody else, spelled differently.
        again = written(at, "东门 1号", serial_number(family.order_id).replace("-", ""), "3人")
        with house.signed_in("second") as other:
            for act in ("check", "enter"):
                assert results(post(other, act, again)) == [("此前已补录，不重复计", "")]
        assert (entered(house), family.used) == (before + 4, 3)
        # A card at the gate afterwards: the ticket is used.
        stored = house.value("SELECT string_agg(nonce, ' ') FROM admission WHERE device_id = 0")
        assert single.numbers[0] not in stored


def test_what_a_released_gate_does_not_ask_is_waived_and_said(house):
    late = Sold(house)
    house.run(
        "UPDATE ticket SET closes_at = now() - interval '2 hours' WHERE order_id = %s",
        late.order_id,
    )
    house.run("UPDATE gate SET is_open = false WHERE id = %s", house.gate)
    try:
        line = written(ago(30), "东门1号", serial_number(late.order_id))
        with house.signed_in("first") as client:
            assert results(post(client, "enter", line))[0][0] == "已补录"
    finally:
        house.run("UPDATE gate SET is_open = true WHERE id = %s", house.gate)
    detail = house.value(
        "SELECT n.detail FROM admission_note n JOIN admission a ON a.id = n.admission_id"
        " JOIN ticket t ON t.id = a.ticket_id WHERE t.order_id = %s AND n.kind = 'forced'",
        late.order_id,
    )
    assert detail == "slot_late: back_entry"
    assert late.used == 1


def test_statistics_count_it_at_the_time_on_paper(house):
    sold, at = Sold(house, 2), ago(95)

    def counted():
        return house.value(
            "SELECT coalesce(sum(entries), 0)::int FROM flow_bucket WHERE bucket ="
            " date_bin('5 minutes', %s::timestamptz, '1970-01-01 00:00:00+00')",
            at,
        )

    before = counted()
    with house.signed_in("first") as client:
        post(client, "enter", written(at, "东门1号", serial_number(sold.order_id), 2))
    end = time.monotonic() + 15
    while counted() != before + 2:
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("09:31, 东门1号", "一行须写：时间, 闸机, 号码, 人数"),
        ("25:31, 东门1号, 18, 1", "时间看不懂，请写 09:31 或 2026-10-01 09:31"),
        ("2020-10-01 09:31, 东门1号, 18, 1", "超过7天，不能补录"),
        ("2099-10-01 09:31, 东门1号, 18, 1", "时间还没有到"),
        ("{now}, 西门9号, 18, 1", "没有这个闸机"),
        ("{now}, 东门1号, 18, 0", "人数须为1至500"),
        ("{now}, 东门1号, 1-2-3, 1", "不是有效的订单号、票号或证件号"),
        ("{now}, <script>, 18, 1", "没有这个闸机"),
    ],
)
def test_a_line_that_cannot_be_read_says_why(house, line, why):
    before = entered(house)
    text = line.format(now=f"{ago(5):%Y-%m-%d %H:%M}")
    with house.signed_in("first") as client:
        page = post(client, "enter", text)
    assert results(page) == [("看不懂", why)]
    assert "<script>, 18" not in page
    assert entered(house) == before


def test_two_people_who_enter_the_same_sheet_at_once_enter_it_once(house):
    orders, at = [Sold(house) for _ in range(5)], ago(20)
    sheet = [written(at, "东门1号", serial_number(one.order_id)) for one in orders]
    before, pages = entered(house), []

    def enter(name, lines):
        with house.signed_in(name) as client:
            pages.append(post(client, "enter", *lines))

    names = ("first", "second", "first", "second")
    sheets = (sheet, sheet[::-1], sheet, sheet[::-1])
    threads = [threading.Thread(target=enter, args=a) for a in zip(names, sheets, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    signs = [sign for page in pages for sign, _ in results(page)]
    assert signs.count("已补录") == 5
    assert signs.count("此前已补录，不重复计") == 15
    assert entered(house) == before + 5
    assert [one.used for one in orders] == [1] * 5


def test_an_entry_is_taken_back_once(house):
    sold = Sold(house)
    line = written(ago(15), "东门1号", serial_number(sold.order_id))
    with house.signed_in("first") as client, house.signed_in("second") as other:
        assert results(post(client, "enter", line, line)) == [
            ("已补录", ""),
            ("看不懂", "与前面某一行相同"),
        ]
        page = other.get("/lanes/papers/").text
        fields = next(f for action, f in forms(page) if action == "/lanes/papers/undo/")
        assert other.post("/lanes/papers/undo/", data=fields).status_code == 302
        assert "已撤销一条补录" in other.get("/lanes/papers/").text
        assert sold.used == 0
        assert other.post("/lanes/papers/undo/", data=fields).status_code == 302
        assert "没有撤销" in other.get("/lanes/papers/").text
    people = house.value(
        "SELECT sum(a.people)::int FROM admission a JOIN ticket t ON t.id = a.ticket_id"
        " WHERE t.order_id = %s",
        sold.order_id,
    )
    assert (people, sold.used) == (0, 0)
