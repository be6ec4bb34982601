"""Whatever is sent to a door: a clear refusal as JSON, never a 5xx, and nothing is written."""

import json
import socket

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support_pages import served_park

from menpiao.centre.booking.doors import CANCEL, REFUND_QUOTE
from menpiao.compose.doors import TABLES
from menpiao.domain.ticket import serial_number

POSTS = [
    (door.path.format(order_no=serial_number(1)), door.longest)
    for table in TABLES
    for door in table.doors
    if door.body is not None and door.auth is None and door.body is not bytes
]
PATHS = [door.path for table in TABLES[:4] for door in table.doors]
ORDER = {
    "token": "t" * 20,
    "product_id": 1,
    "slot_id": 1,
    "phone": "13800000000",
    "visitors": [{"document_type": "resident_card", "number": "1", "name": "测试"}],
}
# Doors whose body may leave everything out: an order is named by the path.
MAY_BE_EMPTY = {CANCEL.path.format(order_no=serial_number(1))}
MAY_BE_EMPTY |= {REFUND_QUOTE.path.format(order_no=serial_number(1))}
CODES = {"bad_request", "too_long", "content_type"}


@pytest.fixture(scope="module")
def centre():
    with served_park() as served, served.client() as client:
        before = counts(served)
        client.headers["x-order-secret"] = "0" * 24
        yield client
        assert counts(served) == before


def counts(served):
    names = ("orders", "ticket", "admission", "device", "payment", "refund", "hold")
    with psycopg.connect(served.database.url) as connection:
        return {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()
            for name in names
            if connection.execute("SELECT to_regclass(%s)", [name]).fetchone()[0]
        }


def is_problem(answer, *statuses):
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert set(told) == {"code", "zh", "en", "detail", "field"}
    assert told["zh"]
    return told


@pytest.mark.parametrize(("path", "longest"), POSTS)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe{}", 400),
        (b"\xef\xbb\xbf{}", 400),
        (b'{"\xed\xa0\x80":1}', 400),
        (b"null", 422),
        (b"[]", 422),
        (b"1e999", 422),
        (b"[" * 4000, 422),
        (b'{"x":' + b"[" * 4000, 422),
        (b'{"x":' + b'{"a":' * 700, 422),
        (b'{"surplus":1}', 422),
    ],
)
def test_bodies_that_are_none(centre, path, longest, body, status):
    told = is_problem(centre.post(path, content=body, headers=JSON), status)
    assert told["code"] == "bad_request"


@pytest.mark.parametrize(("path", "longest"), POSTS)
def test_an_empty_object_says_too_little(centre, path, longest):
    answer = centre.post(path, content=b"{}", headers=JSON)
    if path in MAY_BE_EMPTY:
        assert is_problem(answer, 404)["code"] == "order_unknown"
    else:
        assert is_problem(answer, 422)["code"] == "bad_request"


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(("path", "longest"), POSTS)
def test_a_body_may_be_so_long_and_no_longer(centre, path, longest):
    long = b" " * longest
    assert is_problem(centre.post(path, content=long), 400)["code"] == "bad_request"
    assert is_problem(centre.post(path, content=long + b" "), 413)["code"] == "too_long"
    pieces = iter([b" " * 1000] * (longest // 1000 + 2))
    assert is_problem(centre.post(path, content=pieces), 413)["code"] == "too_long"


@pytest.mark.parametrize(("path", "longest"), POSTS)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json;charset=gbk", "x"]
)
def test_another_content_type_is_refused(centre, path, longest, kind):
    answer = centre.post(path, content=b"{}", headers={"content-type": kind})
    assert is_problem(answer, 415)["code"] == "content_type"


@pytest.mark.parametrize("kind", ["application/json", "application/JSON; charset=UTF-8"])
def test_json_is_taken_however_it_is_written(centre, kind):
    is_problem(centre.post(POSTS[0][0], content=b"{}", headers={"content-type": kind}), 422)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"product_id": True}, "product_id"),
        ({"product_id": 2**63}, "product_id"),
        ({"product_id": 10**30}, "product_id"),
        ({"product_id": 1.5}, "product_id"),
        ({"product_id": "1"}, "product_id"),
        ({"token": "t" * 20 + "\n"}, "token"),
        ({"token": "票" * 20}, "token"),
        ({"language": "zh\0"}, "language"),
        ({"phone": "1380000\x000000"}, "phone"),
        ({"expected_fen": False}, "expected_fen"),
        ({"visitors": []}, "visitors"),
        ({"visitors": [{}]}, "visitors.0.document_type"),
        ({"visitors": [ORDER["visitors"][0] | {"name": "a\0b"}]}, "visitors.0.name"),
        ({"visitors": [ORDER["visitors"][0] | {"people": True}]}, "visitors.0.people"),
        ({"visitors": ORDER["visitors"] * 51}, "visitors"),
    ],
)
@pytest.mark.parametrize("path", ["/booking/v1/orders", "/booking/v1/quotes"])
def test_a_field_that_does_not_fit_is_named(centre, path, change, field):
    told = is_problem(centre.post(path, json=ORDER | change), 422)
    assert told["field"] == field


def test_a_lone_surrogate_is_unreadable(centre):
    body = json.dumps(ORDER).replace("13800000000", "\\ud800")
    is_problem(centre.post("/booking/v1/orders", content=body), 400)


@pytest.mark.parametrize(
    "number", ["0", "-1", "x", "1.5", str(2**53), str(2**63), "9" * 400, "%00"]
)
def test_a_number_in_a_path_that_cannot_be_one(centre, number):
    answer = centre.get(f"/booking/v1/products/{number}/slots?date=2026-10-01")
    assert is_problem(answer, 404)["code"] == "no_such_address"
    assert is_problem(centre.get("/booking/v1/products/4711/slots?date=2026-10-01"), 404)[
        "code"
    ] == ("product_unknown")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "from"),
        ("from=", "from"),
        ("from=20261001", "from"),
        ("from=2026-02-30", "from"),
        ("from=0000-01-01", "from"),
        ("from=2026-10-01&days=0", "days"),
        ("from=2026-10-01&days=63", "days"),
        ("from=2026-10-01&days=true", "days"),
        ("from=2026-10-01&days=1&days=2", "days"),
        ("from=2026-10-01&days=" + "9" * 5000, "days"),
        ("from=%00", "from"),
    ],
)
def test_a_query_that_does_not_fit_is_named(centre, query, field):
    answer = centre.get(f"/booking/v1/products/1/days?{query}")
    assert is_problem(answer, 422)["field"] == field


@pytest.mark.parametrize("first", ["0001-01-01", "9999-12-31"])
def test_days_at_the_ends_of_time_are_answered(centre, first):
    for product in range(1, 4):
        answer = centre.get(f"/booking/v1/products/{product}/days?from={first}&days=62")
        assert answer.status_code in {200, 404}, answer.text


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "QUERY"])
def test_another_method_is_named_as_such(centre, path, method):
    address = path.replace("{product_id}", "1").replace("{order_no}", "1")
    answer = centre.request(method, address)
    assert is_problem(answer, 405)["code"] == "method_not_allowed"
    allowed = {one.strip() for one in answer.headers["allow"].split(",")}
    assert "OPTIONS" in allowed
    options = centre.options(address)
    assert (options.status_code, options.headers["allow"]) == (204, answer.headers["allow"])
    assert options.content == b""


def test_head_is_get_without_a_body(centre):
    address = "/booking/v1/products/1/days?from=2026-10-01"
    head, get = centre.head(address), centre.get(address)
    assert head.status_code == get.status_code
    assert head.content == b""
    assert centre.head("/statistics/v1/stream").status_code == 405  # it would never end


@pytest.mark.parametrize("table", TABLES[:4], ids=lambda table: table.server)
def test_an_address_without_a_door_is_said_in_json(centre, table):
    for rest in ("", "x", "orders/1/2", "%ff", "%00", "..%2f..", "a" * 3000):
        is_problem(centre.get(f"{table.base}/{rest}"), 404)
        is_problem(centre.post(f"{table.base}/{rest}", json={}), 404)


@pytest.mark.parametrize("token", ["x", "t.1.9999999999.é", "t.1.99.x", "t." + "9" * 5000])
def test_a_token_that_is_none(centre, token):
    for scheme in ("Bearer", "bearer", "Basic"):
        head = {"authorization": f"{scheme} {token}".encode("latin-1")}
        answer = centre.post("/check/v1/admissions", json={}, headers=head)
        assert is_problem(answer, 401)["code"] == "device_unknown"
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("secret", ["", "x", "é" * 24, "0" * 24, "0" * 5000])
def test_an_order_opens_to_its_secret_alone(centre, secret):
    for order_no in ("1", "231-4243", "0" * 40, "9" * 41, "%00", "é"):
        head = {"x-order-secret": secret.encode("latin-1")}
        is_problem(centre.get(f"/booking/v1/orders/{order_no}", headers=head), 404, 422)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([path for path, _ in POSTS]), st.sampled_from([*ORDER, "code"]), values)
def test_any_json_gets_an_answer(centre, path, name, value):
    body = json.dumps(ORDER | {name: value})
    answer = centre.post(path, content=body.encode("utf-8", "surrogatepass"))
    is_problem(answer, 400, 404, 422)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([path for path, _ in POSTS]), st.binary(max_size=200))
def test_any_octets_get_an_answer(centre, path, octets):
    is_problem(centre.post(path, content=octets, headers=JSON), 400, 422)


def test_a_request_that_is_cut_off_disturbs_nobody(centre):
    host, port = centre.base_url.host, centre.base_url.port
    for _ in range(20):
        with socket.create_connection((host, port)) as line:
            line.sendall(
                b"POST /booking/v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n{"
            )
    assert centre.get("/readyz").status_code == httpx.codes.OK
