"""Places: never more sold than there are, whatever the order of sales."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.making import day, slot

from menpiao.domain.capacity import level, remaining, take
from menpiao.domain.flow import instant_level
from menpiao.domain.reasons import Reason, Refusal


@pytest.mark.parametrize(
    ("in_slot", "in_day", "people", "expected"),
    [
        (1, 9, 1, None),
        (0, 9, 1, Reason.SLOT_FULL),
        (2, 9, 3, Reason.SLOT_FULL),
        (9, 0, 1, Reason.DAY_FULL),
        (9, 2, 3, Reason.DAY_FULL),
        (0, 0, 1, Reason.DAY_FULL),
        (3, 3, 3, None),
    ],
)
def test_taking_places(in_slot, in_day, people, expected):
    before = slot(50, 50 - in_slot), day(500, 500 - in_day)
    outcome = take(*before, people)
    assert remaining(*before) == min(in_slot, in_day)
    if expected is None:
        assert outcome == (slot(50, 50 - in_slot + people), day(500, 500 - in_day + people))
    else:
        assert isinstance(outcome, Refusal)
        assert outcome.reason is expected


def test_a_refusal_says_how_many_places_are_left():
    refused = take(slot(10, 8), day(), 3)
    assert isinstance(refused, Refusal)
    assert refused.detail == "2"


def test_a_ceiling_lowered_below_what_is_sold_leaves_nothing():
    assert remaining(slot(10, 12), day()) == 0
    refused = take(slot(10, 12), day(), 1)
    assert isinstance(refused, Refusal)
    assert refused.detail == "0"


@pytest.mark.parametrize("measure", [level, instant_level])
@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, ""),
        (7999, ""),
        (8000, "yellow"),
        (8999, "yellow"),
        (9000, "orange"),
        (9499, "orange"),
        (9500, "red"),
        (12000, "red"),
    ],
)
def test_levels_at_their_thresholds(measure, count, expected):
    assert measure(count, 10000) == expected


def test_a_closed_day_is_red():
    assert level(0, 0) == "red"


@given(
    st.integers(0, 60),
    st.integers(0, 60),
    st.lists(st.tuples(st.booleans(), st.integers(1, 9)), max_size=40),
)
def test_no_sequence_of_sales_oversells_a_slot_or_the_day(in_slot, in_day, wishes):
    slots = [slot(in_slot, id=1), slot(in_slot, id=2)]
    today, sold = day(in_day), 0
    for other, people in wishes:
        outcome = take(slots[other], today, people)
        fits = people <= remaining(slots[other], today)
        assert isinstance(outcome, tuple) == fits
        if isinstance(outcome, tuple):
            slots[other], today = outcome
            sold += people
    assert all(0 <= s.sold <= s.capacity for s in slots)
    assert today.sold == sold == sum(s.sold for s in slots) <= in_day
