"""The visitor's pages through HTTP, as a browser without JavaScript uses them."""

import re
from datetime import date

import psycopg
import pytest
from tests.support_db import person
from tests.support_pages import hidden, served_park


@pytest.fixture(scope="module")
def pages():
    with served_park("booking") as served:
        yield served


_numbers = iter(range(1, 400))


def slot_page(client, product="slot"):
    """The address of the last slot of the last day."""
    day = re.findall(r'href="(/book/[^"]*/)"', client.get(f"/book/{product}/").text)[-1]
    slot = client.get(day)
    if slot.is_redirect:
        return slot.headers["Location"]
    return re.findall(r'class="slot" href="([^"]*)"', slot.text)[-1]


def fill(client, address, *people, phone="13800000000"):
    """The fields of a filled-in visitors' page."""
    fields = hidden(client.get(address).text)
    data = {"csrfmiddlewaretoken": fields["csrfmiddlewaretoken"], "count": str(len(people))}
    for index, (name, number) in enumerate(people):
        data |= {
            f"v{index}-name": name,
            f"v{index}-document_type": "resident_card",
            f"v{index}-number": number,
            f"v{index}-people": "1",
        }
    return data | {"phone": phone}


def booked(client, *people):
    address = slot_page(client)
    review = client.post(address, data=fill(client, address, *people) | {"do": "review"})
    assert review.status_code == 200, review.text
    sent = hidden(review.text) | {"terms": "1", "do": "book"}
    return address, sent, client.post(address, data=sent)


def grown():
    return ("张测试", person(next(_numbers)))


def test_start_page_in_both_languages(pages):
    with pages.client() as client:
        answer = client.get("/")
        assert "云山风景区" in answer.text
        assert "¥120" in answer.text
        assert '<html lang="zh-CN">' in answer.text
    with pages.client("en-GB") as client:
        answer = client.get("/")
        assert "Cloud Hill Scenic Area" in answer.text
        assert "Book tickets" in answer.text
        assert '<html lang="en">' in answer.text


def test_language_and_elder_mode_are_kept_in_cookies(pages):
    with pages.client() as client:
        token = hidden(client.get("/orders/").text)["csrfmiddlewaretoken"]
        sent = {"csrfmiddlewaretoken": token, "next": "/orders/"}
        back = client.post("/view/elder/", data=sent | {"elder": "1"})
        assert back.headers["Location"] == "/orders/"
        client.post("/view/language/", data=sent | {"language": "en"})
        text = client.get("/orders/").text
        assert '<html lang="en" class="elder">' in text
        client.post("/view/elder/", data=sent | {"elder": "0"})
        assert "elder" not in client.get("/orders/").text.partition("<head>")[0]


def test_nobody_is_sent_to_another_host(pages):
    with pages.client() as client:
        token = hidden(client.get("/").text)["csrfmiddlewaretoken"]
        sent = {"csrfmiddlewaretoken": token, "next": "https://evil.example/", "elder": "1"}
        assert client.post("/view/elder/", data=sent).headers["Location"] == "/"


def test_the_whole_way_from_the_calendar_to_the_ticket(pages):
    with pages.client() as client:
        name, number = grown()
        _, _, answer = booked(client, (name, number))
        assert answer.status_code == 303
        address = answer.headers["Location"]
        assert re.fullmatch(r"/orders/[0-9-]+/pay/\?k=[0-9a-f]{24}", address)
        page = client.get(address).text
        assert "¥100" in page
        assert '<noscript><meta http-equiv="refresh"' in page
        assert "<svg" not in page
        order_no = re.search(r"/orders/([0-9-]+)/", address)[1]
        order_id = int(order_no.replace("-", "")[:-1])
        pay_code(pages, order_id)
        assert "<svg" in client.get(address).text
        settle(pages, order_id)
        paid = client.get(address)
        assert paid.status_code == 303
        polled = client.get(address, headers={"HX-Request": "true"})
        assert polled.headers["HX-Redirect"] == paid.headers["Location"]
        shown = client.get(paid.headers["Location"])
        assert "预订成功" in shown.text
        assert "张**" in shown.text
        assert number not in shown.text
        assert "no-store" in shown.headers["Cache-Control"]


def pay_code(pages, order_id):
    """What the payment platform answers."""
    with psycopg.connect(pages.database.url) as connection:
        changed = connection.execute(
            "UPDATE payment SET state = 'pending', code_url = 'weixin://wxpay/bizpayurl?pr=x'"
            " WHERE order_id = %s",
            [order_id],
        )
        assert changed.rowcount == 1


def settle(pages, order_id):
    with psycopg.connect(pages.database.url) as connection:
        connection.execute("UPDATE orders SET state = 'paid' WHERE id = %s", [order_id])
        connection.execute("UPDATE ticket SET state = 'valid' WHERE order_id = %s", [order_id])


def test_pressing_twice_makes_one_order(pages):
    with pages.client() as client:
        address, sent, first = booked(client, grown())
        again = client.post(address, data=sent)
        assert again.headers["Location"] == first.headers["Location"]


def test_a_free_order_is_booked_at_once(pages):
    with pages.client() as client:
        number = person(next(_numbers), born=date(1950, 5, 1))
        _, _, answer = booked(client, ("王老人", number))
        assert "/pay/" not in answer.headers["Location"]
        assert "预订成功" in client.get(answer.headers["Location"]).text


def test_the_terms_have_to_be_accepted(pages):
    with pages.client() as client:
        address = slot_page(client)
        review = client.post(address, data=fill(client, address, grown()) | {"do": "review"})
        fields = hidden(review.text)
        answer = client.post(address, data=fields | {"do": "book"})
        assert answer.status_code == 422
        assert "请先阅读并勾选" in answer.text
        assert hidden(answer.text)["token"] == fields["token"]


def test_a_changed_price_is_shown_before_it_is_taken(pages):
    with pages.client() as client:
        address = slot_page(client)
        review = client.post(address, data=fill(client, address, grown()) | {"do": "review"})
        sent = hidden(review.text) | {"expected_fen": "1", "terms": "1", "do": "book"}
        answer = client.post(address, data=sent)
        assert answer.status_code == 422
        assert "价格已变动" in answer.text
        assert hidden(answer.text)["expected_fen"] == "10000"


def test_the_number_of_visitors_is_stepped_or_typed(pages):
    with pages.client() as client:
        address = slot_page(client)
        one, two = grown(), grown()
        data = fill(client, address, one, two)

        def count(**change):
            return hidden(client.post(address, data=data | change).text)

        assert count(do="more")["count"] == "3"
        fewer = count(do="less")
        assert (fewer["count"], fewer["v0-number"]) == ("1", one[1])
        assert count(do="count", wanted="4")["wanted"] == "4"
        assert count(do="count", wanted="99")["count"] == "5"
        assert count(do="count", wanted="0")["count"] == "1"
        # Who types another number and goes on at once means that number too.
        grew = client.post(address, data=data | {"do": "review", "wanted": "3"})
        assert grew.status_code == 200
        assert hidden(grew.text)["count"] == "3"
        assert "票价" not in grew.text
        assert "票价" in client.post(address, data=data | {"do": "review", "wanted": "2"}).text
        # Empty ones go first.
        data = fill(client, address, ("", ""), two)
        assert count(do="less")["v0-number"] == two[1]


def test_visitors_come_and_go_and_keep_what_was_typed(pages):
    with pages.client() as client:
        address = slot_page(client)
        one, two = grown(), grown()
        data = fill(client, address, one)
        more = hidden(client.post(address, data=data | {"do": "add"}).text)
        assert more["count"] == "2"
        assert more["v0-number"] == one[1]
        data = fill(client, address, one, two)
        fewer = hidden(client.post(address, data=data | {"do": "remove-0"}).text)
        assert fewer["count"] == "1"
        assert fewer["v0-number"] == two[1]
        assert fewer["phone"] == "13800000000"


@pytest.mark.parametrize(
    ("change", "language", "text"),
    [
        ({"v0-number": "11010519900101001"}, "zh-CN", "证件号码位数不对"),
        ({"v0-number": "11010519900101001"}, "en", "too few or too many characters"),
        ({"v0-name": "123"}, "en", "Name not valid"),
        ({"phone": "12"}, "zh-CN", "手机号有误"),
        ({"phone": ""}, "en", "This field is required"),
        ({"v0-document_type": "nonsense"}, "en", "Select a valid choice"),
    ],
)
def test_a_fault_is_said_beside_its_field(pages, change, language, text):
    with pages.client(language) as client:
        address = slot_page(client)
        data = fill(client, address, grown()) | change | {"do": "review"}
        answer = client.post(address, data=data)
        assert answer.status_code == 422
        field = next(iter(change))
        wrong = re.search(r'class="field field-wrong">(.*?)</div>', answer.text, re.DOTALL)[1]
        assert f'name="{field}"' in wrong
        assert text in wrong
        assert 'aria-invalid="true"' in wrong


def test_the_same_document_is_not_sold_twice_a_day(pages):
    with pages.client() as client:
        who = grown()
        booked(client, who)
        _, _, answer = booked(client, who)
        assert answer.status_code == 422
        assert "该证件已预订" in answer.text


def test_an_order_is_found_again_by_its_buyer_alone(pages):
    with pages.client() as client:
        who = grown()
        _, _, answer = booked(client, who)
        address = answer.headers["Location"]
        order_no = re.search(r"/orders/([0-9-]+)/", address)[1]
        token = hidden(client.get("/orders/").text)["csrfmiddlewaretoken"]
        sent = {"csrfmiddlewaretoken": token, "order_no": order_no, "phone": "13800000000"}
        found = client.post("/orders/", data=sent | {"last4": who[1][-4:].lower()})
        assert found.headers["Location"].partition("?")[2] == address.partition("?")[2]
        other = client.post("/orders/", data=sent | {"last4": "0000"})
        assert other.status_code == 422
        assert "未查到订单" in other.text


@pytest.mark.parametrize(
    "address",
    [
        "/book/nothing/",
        "/book/slot/2026-02-31/",
        "/orders/12-3456/?k=0",
        "/orders/12-3456/pay/?k=%E4%B8%AD",
        "/nope",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(pages, address):
    with pages.client() as client:
        answer = client.get(address)
        assert answer.status_code == 404
        assert "没有找到这个页面" in answer.text


def test_odd_posts_are_answered_and_not_failed(pages):
    with pages.client() as client:
        address = slot_page(client)
        good = fill(client, address, grown())
        for odd in (
            {"do": "remove-99999999999999999999999"},
            {"do": "remove-x"},
            {"count": "9" * 5000, "do": "review"},
            {"count": "-1", "do": "add"},
            {"do": "book", "terms": "1", "expected_fen": "9" * 5000, "token": "\x00"},
            {"v0-people": "-3", "do": "review"},
            {"v0-name": "a\x00b", "do": "review"},
        ):
            assert client.post(address, data=good | odd).status_code in {200, 422}, odd


def test_pages_carry_a_strict_policy_and_nothing_inline(pages):
    with pages.client() as client:
        for address in ("/", "/book/slot/", slot_page(client), "/orders/", "/console/login/"):
            answer = client.get(address)
            policy = answer.headers["Content-Security-Policy"]
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert not re.search(r"<[^>]+\sstyle=|<style|<script(?![^>]*\bsrc=)", answer.text)


def test_the_first_load_is_small(pages):
    with pages.client() as client:
        page = client.get("/book/slot/")
        assert "<script" not in page.text
        style = client.get("/static/design/menpiao.css")
        assert style.status_code == 200
        assert len(page.content) + len(style.content) < 50_000
