"""Who may buy what, in every channel."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.making import (
    CLOSES,
    NOW,
    VISIT,
    born,
    day,
    product,
    request,
    slot,
    visitor,
)

from menpiao.domain.booking import Priced, Sale, Visitor, check_request, decide_sale, place
from menpiao.domain.document import Document, DocumentType, resident_number
from menpiao.domain.reasons import Reason, Refusal


def decide(asked=None, offer=None, places=None, ceiling=None, taken=(), **when):
    facts = {"today": VISIT, "now": NOW, "channel": "web"} | when
    return decide_sale(
        asked or request(),
        offer or product(),
        places or slot(),
        ceiling or day(),
        frozenset(taken),
        **facts,
    )


def refused(*args, **changes) -> tuple[Reason, str]:
    outcome = decide(*args, **changes)
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason, outcome.field


def sold(*args, **changes) -> Sale:
    outcome = decide(*args, **changes)
    assert isinstance(outcome, Sale), outcome
    return outcome


def test_a_sale_prices_every_visitor_and_takes_their_places():
    asked = request(visitor(30, people=2), visitor(70, 2), visitor(10, 4))
    sale = sold(asked)
    assert [d.price_fen for d in sale.drafts] == [16000, 0, 4000]
    assert [d.list_price_fen for d in sale.drafts] == [16000, 8000, 8000]
    assert [d.concession for d in sale.drafts] == ["", "senior", "youth"]
    assert sale.total_fen == 20000
    assert (sale.slot.sold, sale.day.sold) == (4, 4)


def test_a_ticket_keeps_what_statistics_need_and_no_number():
    male = sold(request(visitor(30, 1))).drafts[0]
    assert (male.age_band, male.sex, male.province, male.city) == ("25-34", "male", "11", "北京市")
    female = sold(request(visitor(70, 2))).drafts[0]
    assert (female.age_band, female.sex) == ("70+", "female")
    passport = Visitor(Document(DocumentType.PASSPORT_FOREIGN, "L898902C3"), "Anna Eriksson")
    unknown = sold(request(passport)).drafts[0]
    assert (unknown.age_band, unknown.sex, unknown.province, unknown.city) == ("", "", "", "")


def test_age_counts_on_the_day_of_the_visit_not_of_the_sale():
    sixty_five = request(visitor(65))
    earlier = VISIT - timedelta(days=5)
    sale = sold(sixty_five, today=earlier, now=NOW - timedelta(days=5))
    assert sale.drafts[0].concession == "senior"
    tomorrow = resident_number("110105", date(1961, 5, 2), 1)
    not_yet = Visitor(Document(DocumentType.RESIDENT, tomorrow), "张三")
    assert sold(request(not_yet)).drafts[0].concession == ""
    day_before = slot(visit_date=VISIT - timedelta(days=1))
    assert sold(sixty_five, places=day_before).drafts[0].concession == ""


# --- what is on sale ----------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "open_"), [(0, True), (7, True), (8, False)])
def test_sale_opens_so_many_days_ahead(days, open_):
    today, now = VISIT - timedelta(days=days), NOW - timedelta(days=days)
    outcome = decide(today=today, now=now)
    if open_:
        assert isinstance(outcome, Sale)
    else:
        assert outcome == Refusal(Reason.NOT_ON_SALE, field="product_id")


def test_a_product_taken_off_sale():
    assert refused(offer=product(on_sale=False)) == (Reason.NOT_ON_SALE, "product_id")


@pytest.mark.parametrize("ends_s", [0, 3600])
def test_sale_ends_to_the_microsecond(ends_s):
    offer, end = product(sale_ends_s=ends_s), CLOSES - timedelta(seconds=ends_s)
    assert sold(offer=offer, now=end - timedelta(microseconds=1))
    assert refused(offer=offer, now=end) == (Reason.SALE_ENDED, "slot_id")


def test_a_slot_of_another_product():
    assert refused(places=slot(product_id=8)) == (Reason.SLOT_UNKNOWN, "slot_id")


# --- people and documents -----------------------------------------------------------------------


def test_an_order_without_visitors():
    empty = request()
    assert refused(type(empty)(7, 11, (), "13800138000")) == (Reason.NO_VISITORS, "visitors")


@pytest.mark.parametrize("people", [-1, 0, 4])
def test_people_on_one_document(people):
    expected = (Reason.PEOPLE_INVALID, "visitors.1.people")
    assert refused(request(visitor(), visitor(40, people=people))) == expected


def test_an_order_counts_people_not_visitors():
    five = request(visitor(30, people=3), visitor(40, people=2))
    assert sold(five).slot.sold == 5
    six = request(visitor(30, people=3), visitor(40, people=3))
    assert refused(six) == (Reason.ORDER_TOO_LARGE, "visitors")


def test_the_same_document_twice():
    expected = (Reason.DUPLICATE_IN_ORDER, "visitors.2.number")
    assert refused(request(visitor(30), visitor(40), visitor(30))) == expected


def test_one_number_under_neighbouring_types_is_one_person():
    number = born(30).number
    other = Visitor(Document(DocumentType.HMT_PERMIT, number), "张三")
    assert refused(request(visitor(30), other)) == (
        Reason.DUPLICATE_IN_ORDER,
        "visitors.1.number",
    )


def test_a_document_that_has_a_ticket_that_day():
    asked = request(visitor(30), visitor(40), visitor(50))
    assert refused(asked, taken={2, 1}) == (Reason.DUPLICATE_DOCUMENT, "visitors.1.number")


def test_documents_that_a_product_accepts():
    offer = product(document_types=frozenset({"passport_cn"}))
    expected = (Reason.DOCUMENT_TYPE_NOT_ACCEPTED, "visitors.0.document_type")
    assert refused(offer=offer) == expected
    passport = Visitor(Document(DocumentType.PASSPORT_CN, "E12345678"), "张三")
    assert sold(request(passport), offer=offer)


NAMES = ["张三", "阿依古丽·买买提", "O'Neil-Smith Jr.", "José", "张" * 40, " 张三 ", "㐂", "\ue863"]
NO_NAMES = [
    "",
    " ",
    "张" * 41,
    "张\n三",
    "张三\n",
    "张三😀",
    "★",
    "123",
    "张\u200b三",
    "<b>",
    "--",
    "\x00",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_people_have(name):
    assert sold(request(visitor(name=name)))


@pytest.mark.parametrize("name", NO_NAMES)
def test_names_that_nobody_has(name):
    assert refused(request(visitor(name=name))) == (Reason.NAME_INVALID, "visitors.0.name")


@pytest.mark.parametrize("phone", ["13800138000", "19912345678", "+85291234567", "+441632960961"])
def test_phones(phone):
    assert sold(request(phone=phone))


NO_PHONES = [
    "12800138000",
    "1380013800",
    "138001380001",
    "13800138000\n",
    "１３８００１３８０００",
    "+012345678",
    "+12345",
    "+1234567890123456",
    "abc",
]


@pytest.mark.parametrize("channel", ["web", "counter"])
@pytest.mark.parametrize("phone", NO_PHONES)
def test_what_is_no_phone(phone, channel):
    expected = (Reason.PHONE_INVALID, "phone")
    assert refused(request(phone=phone), channel=channel) == expected


def test_a_phone_is_needed_on_the_web_and_not_at_the_counter():
    asked = request(phone="")
    assert refused(asked) == (Reason.PHONE_INVALID, "phone")
    assert sold(asked, channel="counter")


@pytest.mark.parametrize(
    ("ages", "channel", "alone"),
    [
        ((13,), "web", True),
        ((13, 5), "web", True),
        ((14,), "web", False),
        ((13, 30), "web", False),
        ((30, 13), "web", False),
        ((13,), "counter", False),
    ],
)
def test_a_child_needs_an_adult_on_the_web(ages, channel, alone):
    asked = request(*(visitor(age, index) for index, age in enumerate(ages)))
    outcome = decide(asked, channel=channel)
    assert isinstance(outcome, Refusal) == alone
    if alone:
        assert (outcome.reason, outcome.field) == (Reason.MINOR_ALONE, "visitors")


def test_no_age_limit_when_none_is_set():
    assert sold(request(visitor(3)), offer=product(minor_age=0))


def test_evidence_counts_at_the_counter_alone():
    student = request(visitor(20, evidence_seen=True))
    assert sold(student, channel="counter").total_fen == 4000
    assert sold(student, channel="web").total_fen == 8000


def test_a_price_that_changed_since_it_was_shown():
    assert sold(request(expected_fen=8000))
    assert sold(request(visitor(70), expected_fen=0))
    outcome = decide(request(expected_fen=7900))
    assert outcome == Refusal(Reason.PRICE_CHANGED, "8000", "expected_fen")


# --- places -------------------------------------------------------------------------------------


def test_full():
    assert refused(places=slot(5, 5))[0] is Reason.SLOT_FULL
    assert refused(ceiling=day(5, 5))[0] is Reason.DAY_FULL


def test_the_part_under_the_lock_sees_the_places_of_that_moment():
    priced = check_request(request(), product(), slot(), VISIT, NOW, "web")
    assert isinstance(priced, Priced)
    assert isinstance(place(priced, slot(5, 4), day(), frozenset()), Sale)
    late = place(priced, slot(5, 5), day(), frozenset())
    assert isinstance(late, Refusal)
    assert late.reason is Reason.SLOT_FULL


visitors = st.lists(
    st.builds(
        visitor,
        st.integers(0, 100),
        st.integers(0, 3),
        people=st.integers(0, 4),
        evidence_seen=st.booleans(),
        name=st.sampled_from(NAMES + NO_NAMES[:3]) | st.text(max_size=6),
    ),
    max_size=5,
)
channels = st.sampled_from(["web", "counter"])
asked = st.builds(
    lambda who, **facts: type(request())(7, 11, tuple(who), **facts),
    visitors,
    phone=st.sampled_from(["13800138000", "", "+85291234567", "1"]),
    expected_fen=st.none() | st.sampled_from([0, 4000, 8000, 16000]),
)


@given(asked, channels, st.integers(0, 8), st.integers(0, 8), st.frozensets(st.integers(0, 4)))
def test_any_request_is_sold_consistently_or_refused_with_a_reason(
    asking, channel, in_slot, in_day, taken
):
    taken = frozenset(t for t in taken if t < len(asking.visitors))
    outcome = decide(asking, None, slot(in_slot), day(in_day), taken, channel=channel)
    if isinstance(outcome, Refusal):
        assert outcome.wording.zh
        return
    people = sum(v.people for v in asking.visitors)
    assert not taken
    assert 1 <= people <= product().people_per_order
    assert people == sum(d.people for d in outcome.drafts)
    assert (outcome.slot.sold, outcome.day.sold) == (people, people)
    assert people <= min(in_slot, in_day)
    assert outcome.total_fen == sum(d.price_fen for d in outcome.drafts)
    assert asking.expected_fen in (None, outcome.total_fen)
    assert [d.visitor_index for d in outcome.drafts] == list(range(len(asking.visitors)))
    assert len({v.document for v in asking.visitors}) == len(asking.visitors)


@given(asked, channels)
def test_a_refusal_never_holds_a_document_number(asking, channel):
    outcome = decide(asking, channel=channel)
    if isinstance(outcome, Refusal):
        assert all(v.document.number not in repr(outcome) for v in asking.visitors)
