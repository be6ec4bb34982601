"""People inside, and the five-minute stretches in which they are counted."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.domain.flow import BUCKET, Flow, bucket_start, inside

SHANGHAI = timezone(timedelta(hours=8))
KATHMANDU = timezone(timedelta(hours=5, minutes=45))


@pytest.mark.parametrize(("entries", "exits", "expected"), [(0, 0, 0), (9, 4, 5), (4, 9, 0)])
def test_inside(entries, exits, expected):
    assert inside(entries, exits) == expected
    assert Flow(entries, exits).inside == expected


def test_staff_correct_the_count():
    assert (Flow(10, 2) + Flow(correction=-3)).inside == 5
    assert (Flow(0, 2) + Flow(5, 0, 1)).inside == 4


@pytest.mark.parametrize(
    ("at", "start"),
    [
        (datetime(2026, 5, 1, 8, 4, 59, 999999, SHANGHAI), datetime(2026, 5, 1, 0, 0, tzinfo=UTC)),
        (datetime(2026, 5, 1, 8, 5, tzinfo=SHANGHAI), datetime(2026, 5, 1, 0, 5, tzinfo=UTC)),
        (datetime(2026, 5, 1, 5, 47, tzinfo=KATHMANDU), datetime(2026, 5, 1, 0, 0, tzinfo=UTC)),
    ],
)
def test_bucket(at, start):
    assert bucket_start(at) == start
    assert bucket_start(at).tzinfo is UTC


@given(st.datetimes(datetime(1999, 1, 1), datetime(2100, 1, 1), timezones=st.just(SHANGHAI)))
def test_every_moment_lies_in_one_bucket(at):
    start = bucket_start(at)
    assert start <= at < start + BUCKET
    assert bucket_start(start) == start
    assert start.minute % 5 == start.second == start.microsecond == 0
