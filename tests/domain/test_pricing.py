"""What a ticket costs, and the reason that is given for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.making import RESIDENT, product, rule

from menpiao.domain.pricing import Facts, Quote, quote

FULL = 8000


def price(age: int | None, *, province: str = "11", people: int = 1, seen: bool = False) -> Quote:
    return quote(product(), Facts(age, RESIDENT, province), people, evidence_seen=seen)


@pytest.mark.parametrize(
    ("age", "province", "seen", "fen", "concession"),
    [
        (0, "11", False, 0, "child"),
        (5, "11", False, 0, "child"),
        (6, "11", False, 4000, "youth"),
        (17, "11", False, 4000, "youth"),
        (18, "11", False, FULL, ""),
        (18, "11", True, 4000, "student"),
        (18, "42", False, 5000, "hubei"),
        (18, "42", True, 4000, "student"),
        (64, "11", False, FULL, ""),
        (65, "11", False, 0, "senior"),
        (65, "42", True, 0, "senior"),
        (None, "11", False, FULL, ""),
        (None, "42", False, 5000, "hubei"),
    ],
)
def test_the_lowest_price_that_applies(age, province, seen, fen, concession):
    found = price(age, province=province, seen=seen)
    assert (found.price_fen, found.concession, found.list_price_fen) == (fen, concession, FULL)


@pytest.mark.parametrize(
    ("age", "seen", "zh", "en"),
    [
        (70, False, "老人，游玩日满65周岁", "Senior, 65 or older on the day of visit"),
        (3, False, "儿童，游玩日未满6周岁", "Child, under 6 on the day of visit"),
        (
            10,
            False,
            "青少年，游玩日满6周岁，游玩日未满18周岁",
            "Youth, 6 or older on the day of visit, under 18 on the day of visit",
        ),
        (20, True, "学生，已查验学生证", "student, student card seen"),
        (20, False, "", ""),
    ],
)
def test_the_reason_says_why(age, seen, zh, en):
    found = price(age, seen=seen)
    assert (found.reason_zh, found.reason_en) == (zh, en)


def test_companions_on_the_document_pay_in_full():
    found = price(70, people=3)
    assert (found.price_fen, found.list_price_fen) == (2 * FULL, 3 * FULL)


def test_a_rule_for_some_documents_applies_to_those_alone():
    permit = rule("hmt", 2000, document_types=frozenset({"tw_travel_permit"}))
    facts = Facts(20, "tw_travel_permit", "71")
    offer = product(rules=(permit,))
    assert quote(offer, facts, 1, evidence_seen=False).price_fen == 2000
    other = facts._replace(document_type=RESIDENT)
    assert quote(offer, other, 1, evidence_seen=False).price_fen == FULL


def test_a_dearer_rule_is_no_concession():
    offer = product(rules=(rule("dear", 9000),))
    assert quote(offer, Facts(20, RESIDENT, "11"), 1, evidence_seen=True) == Quote(FULL, FULL)


ages = st.none() | st.integers(0, 120)
rules = st.builds(
    rule,
    st.sampled_from("abcde"),
    st.integers(0, 9000),
    age_from=st.none() | st.integers(0, 99),
    age_below=st.none() | st.integers(0, 99),
    provinces=st.frozensets(st.sampled_from(["11", "42"])),
    evidence=st.sampled_from(["", "学生证"]),
)
facts = st.builds(Facts, ages, st.just(RESIDENT), st.sampled_from(["11", "42", ""]))


@given(st.lists(rules, max_size=5), facts, st.integers(1, 5), st.booleans())
def test_never_below_nothing_never_above_the_list_and_always_with_its_reason(
    arranged, who, people, seen
):
    offer = product(rules=tuple(arranged))
    found = quote(offer, who, people, evidence_seen=seen)
    assert found.list_price_fen == people * FULL
    assert (people - 1) * FULL <= found.price_fen <= people * FULL
    assert bool(found.concession) == bool(found.reason_zh) == (found.price_fen < people * FULL)
    assert seen or not found.evidence


@given(st.lists(rules, max_size=5), facts, st.integers(1, 5))
def test_showing_a_paper_never_makes_it_dearer(arranged, who, people):
    offer = product(rules=tuple(arranged))
    shown, not_shown = (quote(offer, who, people, evidence_seen=seen) for seen in (True, False))
    assert shown.price_fen <= not_shown.price_fen


@given(st.permutations(list(product().rules)), facts, st.booleans())
def test_the_order_of_the_rules_does_not_change_the_price(arranged, who, seen):
    one = quote(product(), who, 1, evidence_seen=seen)
    other = quote(product(rules=tuple(arranged)), who, 1, evidence_seen=seen)
    assert one.price_fen == other.price_fen
