"""A hot door keeps HTTP's word: whatever way a request comes in, it is answered, in its order."""

import json
import re
import signal
import socket
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
from tests.support_db import person
from tests.support_pages import served_park

_people = iter(range(2000, 3000))


@pytest.fixture(scope="module")
def served():
    with served_park("booking") as found:
        yield found


@pytest.fixture(scope="module")
def slot(served):
    with psycopg.connect(served.database.url) as connection:
        return connection.execute(
            "SELECT product_id, id FROM slot WHERE starts_at > %s AND capacity > sold + 60"
            " ORDER BY starts_at, id LIMIT 1",
            [datetime.now(UTC) + timedelta(hours=20)],
        ).fetchone()


class Line:
    """One connection; what comes is read answer by answer."""

    def __init__(self, served):
        where = urlsplit(served.address)
        self._socket = socket.create_connection((where.hostname, where.port), timeout=20)
        self._file = self._socket.makefile("rb")

    def close(self):
        self._file.close()
        self._socket.close()

    def send(self, *parts):
        for part in parts:
            self._socket.sendall(part)

    def answer(self):
        """Status, headers and body of the next answer."""
        status = int(self._file.readline().split()[1])
        headers = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        body = self._file.read(int(headers["content-length"]))
        return status, headers, json.loads(body) if body else None

    def ended(self):
        return self._file.read() == b""


@pytest.fixture
def line(served):
    with closing(Line(served)) as found:
        yield found


def body(slot, token, number=None):
    return json.dumps(
        {
            "token": f"{token}-of-a-test",
            "product_id": slot[0],
            "slot_id": slot[1],
            "visitors": [
                {
                    "document_type": "resident_card",
                    "number": number or person(next(_people)),
                    "name": "测试",
                }
            ],
            "phone": "13800000000",
        }
    ).encode()


def post(content, *headers):
    head = ["POST /booking/v1/orders HTTP/1.1", "host: park", *headers]
    if not any("chunked" in header for header in headers):
        head.append(f"content-length: {len(content)}")
    return "\r\n".join([*head, "", ""]).encode() + content


def tokens(served, *tokens):
    with psycopg.connect(served.database.url) as connection:
        rows = connection.execute(
            "SELECT token FROM orders WHERE token = ANY(%s)",
            [[f"web:{t}-of-a-test" for t in tokens]],
        ).fetchall()
    return {row[0].removeprefix("web:").removesuffix("-of-a-test") for row in rows}


def test_one_after_the_other_on_one_connection(served, slot, line):
    names = set()
    for token in ("one-after-1", "one-after-2", "one-after-3"):
        line.send(post(body(slot, token)))
        status, headers, answer = line.answer()
        assert status == 201
        assert answer["state"] == "awaiting_payment"
        assert headers["content-type"] == "application/json"
        assert headers["date"]
        names.add(headers["x-request-id"])
    assert len(names) == 3
    assert len(tokens(served, "one-after-1", "one-after-2", "one-after-3")) == 3


def test_a_name_that_the_asker_gave_is_kept(slot, line):
    line.send(post(body(slot, "named-0001"), "X-Request-ID: asker-named-it"))
    assert line.answer()[1]["x-request-id"] == "asker-named-it"


def test_many_in_one_write_are_answered_in_their_order(served, slot, line):
    """Hot, usual, hot, not fit, hot: no answer overtakes another."""
    get = b"GET /booking/v1/nowhere HTTP/1.1\r\nhost: park\r\n\r\n"
    line.send(
        post(body(slot, "in-order-1"), "x-request-id: in-order-1")
        + get
        + post(body(slot, "in-order-2"), "x-request-id: in-order-2")
        + post(b'{"token": 7}', "x-request-id: in-order-3")
        + post(body(slot, "in-order-4"), "x-request-id: in-order-4")
    )
    seen = [line.answer() for _ in range(5)]
    assert [status for status, _, _ in seen] == [201, 404, 201, 422, 201]
    named = [headers["x-request-id"] for _, headers, _ in seen]
    assert [named[n] for n in (0, 2, 3, 4)] == [f"in-order-{n}" for n in (1, 2, 3, 4)]
    made = tokens(served, *(f"in-order-{n}" for n in (1, 2, 4)))
    assert len(made) == 3


def test_a_request_may_come_octet_by_octet(slot, line):
    whole = post(body(slot, "in-octets-1"))
    line.send(*(whole[n : n + 7] for n in range(0, len(whole), 7)))
    assert line.answer()[0] == 201
    line.send(post(body(slot, "in-octets-2")))
    assert line.answer()[0] == 201


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["transfer-encoding: chunked"], 201),
        (["content-type: application/json; charset=utf-8"], 201),
        (["content-type: text/plain"], 415),
        (["expect: 100-continue"], 201),
        (["connection: close"], 201),
    ],
)
def test_what_is_not_plain_takes_the_usual_way(slot, line, headers, status):
    content = body(slot, f"unusual-{re.sub('[^a-z]', '', headers[0])}")
    if "chunked" in headers[0]:
        content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
    line.send(post(content, *headers))
    if "expect" in headers[0]:
        assert b"100 Continue" in line._file.readline()
        line._file.readline()
    assert line.answer()[0] == status
    if "close" in headers[0]:
        assert line.ended()


def test_what_is_refused_names_its_request(slot, line):
    line.send(post(body(slot, "refused-001", "110101199001010000"), "x-request-id: refused-1"))
    status, headers, answer = line.answer()
    assert (status, answer["code"]) == (422, "document_invalid")
    assert headers["x-request-id"] == "refused-1"


def test_the_same_token_is_the_same_order(slot, line):
    content = body(slot, "same-token")
    line.send(post(content) + post(content))
    first, second = line.answer(), line.answer()
    assert (first[0], second[0]) == (201, 201)
    assert first[2] == second[2]


def test_who_goes_away_leaves_an_order_and_a_server_that_serves(served, slot):
    with holding(served, slot), closing(Line(served)) as line:
        line.send(post(body(slot, "gone-away-1")))
        time.sleep(0.3)
    with closing(Line(served)) as line:
        line.send(post(body(slot, "gone-away-2")))
        assert line.answer()[0] == 201
    assert tokens(served, "gone-away-1") == {"gone-away-1"}


class holding:  # noqa: N801 - a context manager
    """Somebody else holds the slot while the block runs."""

    def __init__(self, served, slot):
        self._connection = psycopg.connect(served.database.url)
        self._slot = slot

    def __enter__(self):
        sql = "SELECT 1 FROM slot WHERE id = %s FOR UPDATE"
        self._connection.execute(sql, [self._slot[1]])

    def __exit__(self, *_):
        self._connection.rollback()
        self._connection.close()


def test_a_stop_answers_what_is_under_way(slot):
    """SIGTERM while a sale waits for its slot: the buyer hears of it, then the line ends."""
    with served_park("booking") as served:
        with psycopg.connect(served.database.url) as connection:
            mine = connection.execute(
                "SELECT product_id, id FROM slot WHERE starts_at > %s ORDER BY starts_at, id"
                " LIMIT 1",
                [datetime.now(UTC) + timedelta(hours=20)],
            ).fetchone()
        with closing(Line(served)) as line:
            line.send(post(body(mine, "stopped-000")))
            assert line.answer()[0] == 201
            with holding(served, mine):
                line.send(post(body(mine, "stopped-001")))
                time.sleep(0.3)
                served.process.send_signal(signal.SIGTERM)
                time.sleep(0.5)
            status, headers, _ = line.answer()
            assert (status, headers["connection"]) == (201, "close")
            assert line.ended()
        assert tokens(served, "stopped-001") == {"stopped-001"}


def test_many_lines_at_once(served, slot):
    found = []

    def buy(n):
        with closing(Line(served)) as line:
            for k in range(3):
                line.send(post(body(slot, f"many-{n}-{k}-00")))
                found.append(line.answer()[0])

    threads = [threading.Thread(target=buy, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [201] * 36
