"""Whatever a browser or a robot sends to the pages: an answer for people, never a 5xx."""

import contextlib
import re

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support_pages import hidden, served_park

HUGE = "9" * 400
PLACES = [
    "/",
    "/orders/",
    "/book/slot/",
    "/view/login/",
    "/statistics/",
    "/statistics/ticket/",
    "/console/",
    "/console/login/",
]
ODD = [
    "/book/none/",
    "/book/slot/9999-99-99/",
    "/book/slot/0000-00-00/",
    "/book/slot/0001-01-01/",
    "/book/slot/9999-12-31/",
    "/book/slot/2026-10-01/0/",
    f"/book/slot/2026-10-01/{2**63}/",
    f"/book/slot/2026-10-01/{HUGE}/",
    f"/book/slot/9999-12-31/{HUGE}/",
    "/book/slot%00/",
    "/book/%ff/",
    "/orders/%00/?k=%00",
    "/orders/231-4243/?k=%C3%A9",
    "/orders/231-4243/?k=" + "0" * 5000,
    f"/orders/{HUGE}/?k=0",
    f"/orders/{HUGE}/pay/?k=0",
    "/orders/票/?k=票",
    "/orders/..%2f..%2fetc/",
    "/view/elder/",
    "/view/language/",
    "/view/login/?next=%00",
    "/view/login/?next=//evil.example/",
    "/static/../settings.py",
    "/static/%00",
    "/%2e%2e/%2e%2e/",
    "/" + "a" * 4000,
    "/?" + "a=1&" * 2000,
    f"/console/database/site/{HUGE}/change/",
    "/console/login/?next=/%00",
]
METHODS = ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"]


@pytest.fixture(scope="module")
def pages():
    with served_park("booking", "statistics") as served:
        before = orders(served)
        yield served
        assert orders(served) == before


def orders(served):
    with psycopg.connect(served.database.url) as connection:
        asked = "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM ticket)"
        return connection.execute(asked).fetchone()


def well(answer):
    assert answer.status_code < 500, (answer.status_code, answer.request.url, answer.text[:300])
    return answer


@pytest.mark.parametrize("place", ODD)
def test_odd_addresses(pages, place):
    with pages.client() as client:
        for method in ("GET", "HEAD", "POST"):
            well(client.request(method, place))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("method", METHODS)
def test_other_methods(pages, place, method):
    with pages.client() as client:
        answer = well(client.request(method, place))
        if method == "HEAD":
            assert answer.content == b""


BAD = ["", "\0", "a\0b", "票" * 5000, "-1", HUGE, "1e9", "'; --", "\u202e", "x" * 70_000, "🏔"]


def posted(client, place, fields):
    """The form of a page sent back with these fields; its token is right."""
    found = client.get(place, follow_redirects=True)
    token = hidden(found.text).get("csrfmiddlewaretoken", "")
    return well(client.post(place, data={"csrfmiddlewaretoken": token} | fields))


@pytest.mark.parametrize("value", BAD)
def test_forms_with_bad_values(pages, value):
    with pages.client() as client:
        found = {"order_no": value, "phone": value, "last4": value}
        assert posted(client, "/orders/", found).status_code in {200, 422}
        login = {"username": value, "password": value, "next": value}
        assert posted(client, "/view/login/", login).status_code in {200, 422}
        posted(client, "/console/login/", login)
        for place in ("/view/elder/", "/view/language/"):
            token = hidden(client.get("/").text)["csrfmiddlewaretoken"]
            sent = {"csrfmiddlewaretoken": token, "next": value, "elder": value, "language": value}
            well(client.post(place, data=sent))


def visitors_page(client):
    """The address of some day's last slot."""
    day = re.findall(r'href="(/book/slot/[^"]*/)"', client.get("/book/slot/").text)[-1]
    slot = client.get(day)
    if slot.is_redirect:
        return slot.headers["Location"]
    return re.findall(r'class="slot" href="([^"]*)"', slot.text)[-1]


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(
    "do", ["review", "book", "add", "remove-0", "remove-\0", "remove-" + HUGE, ""]
)
def test_the_booking_form_with_bad_values(pages, value, do):
    with pages.client() as client:
        names = ["count", "v0-name", "v0-document_type", "v0-number", "v0-people", "phone"]
        fields = dict.fromkeys([*names, "token", "expected_fen", "terms"], value) | {"do": do}
        posted(client, visitors_page(client), fields)
        posted(client, visitors_page(client), fields | {"count": "1"})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe\0", "application/x-www-form-urlencoded"),
        (b"a=%ff%fe&b=%00", "application/x-www-form-urlencoded; charset=nonsense"),
        (b"a=1&" * 3000, "application/x-www-form-urlencoded"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
        (b"", "multipart/form-data; boundary=" + "x" * 400),
        (b"{}", "application/json"),
        (b"x" * 3_000_000, "application/x-www-form-urlencoded"),
    ],
)
def test_bodies_that_are_no_form(pages, body, kind):
    for place in ("/orders/", "/view/login/", "/view/elder/", "/book/slot/"):
        # A refused upload may find the line closed before all of it is sent.
        with pages.client() as client, contextlib.suppress(ConnectionError):
            well(client.post(place, content=body, headers={"content-type": kind}))


@pytest.mark.parametrize(
    "head",
    [
        {"cookie": "sessionid=\xff; csrftoken=" + "x" * 3000},
        {"cookie": "elder=%00; django_language=../../etc"},
        {"accept-language": "x" * 3000},
        {"accept-language": "zh;q=nonsense,,;"},
        {"referer": "http://\0"[:-1] + "[::1"},
        {"x-forwarded-for": "x" * 2000},
        {"hx-request": "true", "hx-current-url": "%"},
    ],
)
def test_odd_headers(pages, head):
    raw = {name: value.encode("latin-1") for name, value in head.items()}
    with pages.client() as client:
        for place in ("/", "/orders/", "/orders/1/pay/?k=1", "/view/login/"):
            well(client.get(place, headers=raw))
            well(client.post(place, headers=raw))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["/orders/", "/view/login/"]),
    st.dictionaries(
        st.sampled_from(["order_no", "phone", "last4", "username", "password", "next"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    ),
)
def test_any_text_in_a_form(pages, place, fields):
    with pages.client() as client:
        posted(client, place, fields)
