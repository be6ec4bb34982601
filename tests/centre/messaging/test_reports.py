"""What reports mean, and whose they are."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.centre.messaging.channel import Delivery, Receipt, plain_number
from menpiao.centre.messaging.reports import (
    CHINA,
    Unanswered,
    delivery_of,
    match_by_number,
    minute_of,
    settle,
)

AT = datetime(2026, 11, 24, 9, 0, tzinfo=CHINA)
OK, BAD = Delivery.DELIVERED, Delivery.FAILED


@pytest.mark.parametrize(
    ("stat", "delivery"),
    [
        ("DELIVRD", OK),
        ("delivrd", OK),
        ("ACCEPTD", None),
        ("ENROUTE", None),
        ("", None),
        *((s, BAD) for s in ("EXPIRED", "DELETED", "UNDELIV", "REJECTD", "UNKNOWN")),
        *((s, BAD) for s in ("MA:0001", "CB:0022", "SA:12", "ID:0076", "W-BLACK", "0")),
    ],
)
def test_states(stat, delivery):
    assert delivery_of(stat) is delivery


def test_minutes_are_the_gateways():
    assert minute_of("2611240900") == AT


@given(st.text(max_size=12))
def test_whatever_stands_for_a_minute_is_a_time_or_none(text):
    found = minute_of(text)
    assert found is None or found.tzinfo is not None


def test_a_message_is_delivered_when_all_parts_are_and_failed_when_one_is():
    assert settle(2, {}) is None
    assert settle(2, {"a": OK}) is None
    assert settle(2, {"a": OK, "b": OK}) is OK
    assert settle(3, {"a": OK, "b": BAD}) is BAD


def unanswered(number="13800005678", at=AT, key=1, parts=1, refs=()):
    return Unanswered((1, key), number, at, parts, refs)


def receipt(number="13800005678", at=AT):
    return Receipt("r", number, OK, "DELIVRD", at)


@pytest.mark.parametrize("seconds", [-119, -60, 0, 59, 119])
def test_a_report_finds_the_one_message_of_its_number_and_minute(seconds):
    message = unanswered("+8613800005678", AT + timedelta(seconds=seconds))
    assert match_by_number(receipt(), [message, unanswered("13900000000")]) is message


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [unanswered(at=AT + timedelta(minutes=2))],
        [unanswered(at=AT - timedelta(minutes=2))],
        [unanswered("13800005679")],
        [unanswered(key=1), unanswered(key=2)],
        [unanswered(refs=("known",))],
    ],
)
def test_in_doubt_it_finds_none(messages):
    assert match_by_number(receipt(), messages) is None


def test_a_report_without_a_time_matches_nothing():
    assert match_by_number(receipt(at=None), [unanswered()]) is None


@pytest.mark.parametrize(
    ("number", "plain"),
    [
        ("13800005678", "13800005678"),
        ("8613800005678", "13800005678"),
        ("+86 138 0000 5678", "13800005678"),
        ("008613800005678", "13800005678"),
        ("85291234567", "85291234567"),
        ("86138", "86138"),
    ],
)
def test_numbers_are_compared_without_the_countrys_prefix(number, plain):
    assert plain_number(number) == plain
