"""What people type: emoji, long and wide names, wide digits, documents of no kind."""

import httpx
import psycopg
import pytest
from tests.centre.booking.test_pages import fill, slot_page
from tests.support_db import person
from tests.support_pages import served_park

WIDE = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
_numbers = iter(range(2000, 2400))
_tokens = iter(range(1000))


@pytest.fixture(scope="module")
def pages():
    with served_park("booking") as served:
        yield served


def kept(served):
    with psycopg.connect(served.database.url) as connection:
        asked = "SELECT (SELECT count(*) FROM orders), (SELECT sum(sold) FROM slot)"
        return connection.execute(asked).fetchone()


def order(served, number, name="李样例", kind="resident_card", phone="13800000000"):
    with psycopg.connect(served.database.url) as connection:
        slot, product = connection.execute(
            "SELECT id, product_id FROM slot ORDER BY starts_at DESC, id LIMIT 1"
        ).fetchone()
    asked = {
        "token": f"names-and-digits-{next(_tokens):04d}",
        "product_id": product,
        "slot_id": slot,
        "visitors": [{"document_type": kind, "number": number, "name": name}],
        "phone": phone,
    }
    return httpx.post(f"{served.address}/booking/v1/orders", json=asked, timeout=20)


@pytest.mark.parametrize(
    "name", ["🏔", "李🏔", "<b>李</b>", "12", "李\u202e", "李" * 65, " ", "\u3000"]
)
def test_a_name_that_is_none_is_refused_and_leaves_nothing(pages, name):
    before = kept(pages)
    answer = order(pages, person(next(_numbers)), name)
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] in {"visitors.0.name", "visitors[0].name"}
    assert kept(pages) == before


@pytest.mark.parametrize(
    "name", ["ＪＯＨＮ　ＤＯＥ", "买买提·艾力", "𠮷田", "O'Brien-Smith", "Ðặng Thị"]
)
def test_names_that_people_have_are_taken(pages, name):
    assert order(pages, person(next(_numbers)), name).status_code == 201


def test_wide_digits_are_the_same_document(pages):
    number = person(next(_numbers))
    assert order(pages, number.translate(WIDE)).status_code == 201
    again = order(pages, number)
    assert (again.status_code, again.json()["code"]) == (409, "duplicate_document")


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("resident_card", "🏔"),
        ("resident_card", "１２３"),
        ("resident_card", "110105194912310021"),
        ("library_card", "110105"),
        ("", "110105"),
        ("resident_card", "1" * 65),
    ],
)
def test_a_document_that_is_none_is_refused_and_leaves_nothing(pages, kind, number):
    before = kept(pages)
    answer = order(pages, number, kind=kind)
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"].startswith("visitors")
    assert kept(pages) == before


def test_the_page_takes_wide_digits_and_names_what_is_no_name(pages):
    with pages.client() as client:
        address = slot_page(client)
        number = person(next(_numbers)).translate(WIDE)
        good = client.post(
            address, data=fill(client, address, ("李样例", number)) | {"do": "review"}
        )
        assert good.status_code == 200, good.text
        assert "订单" in good.text
        before = kept(pages)
        for name in ("🏔", "李" * 65):
            sent = fill(client, address, (name, person(next(_numbers)))) | {"do": "review"}
            bad = client.post(address, data=sent)
            assert bad.status_code == 422
            assert 'id="v0-name-error"' in bad.text or "aria-invalid" in bad.text
        assert kept(pages) == before
