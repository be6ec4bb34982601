"""Taking an admission back."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.making import OPENS, exit_gate, gate, ticket

from menpiao.domain.admission import Admit, Direction, Scan, decide
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.ticket import Reentry, ZoneRight
from menpiao.domain.undo import UNDO_WITHIN, Admission, undo

LANE = 4


def done(people=1, first=1, **changes):
    plain = {"id": 1, "device_id": LANE, "at": OPENS, "direction": Direction.ENTRY}
    return Admission(**{**plain, "people": people, "first_entry": first, **changes})


@pytest.mark.parametrize(
    ("admission", "device", "after", "supervisor", "expected"),
    [
        (done(), LANE, timedelta(), False, None),
        (done(), LANE, UNDO_WITHIN, False, None),
        (done(), LANE, UNDO_WITHIN + timedelta(seconds=1), False, Reason.UNDO_TOO_LATE),
        (done(), LANE, timedelta(hours=5), True, None),
        (done(), 5, timedelta(), False, Reason.UNDO_NOT_POSSIBLE),
        (done(), 5, timedelta(), True, None),
        (done(undone=True), LANE, timedelta(), True, Reason.UNDO_NOT_POSSIBLE),
        (done(zone_id=9), LANE, timedelta(), False, Reason.UNDO_NOT_POSSIBLE),
    ],
)
def test_who_may_undo_and_how_long(admission, device, after, supervisor, expected):
    outcome = undo(admission, ticket(1, 1, 1), device, OPENS + after, supervisor=supervisor)
    assert (outcome.reason if isinstance(outcome, Refusal) else None) is expected


def test_an_entry_undone_can_be_made_again():
    entered = decide(Scan(), [ticket(2)], gate(), OPENS)
    assert isinstance(entered, Admit)
    back = undo(done(2, 2), entered.ticket, LANE, OPENS)
    assert back == ticket(2)
    assert decide(Scan(), [back], gate(), OPENS).reason is Reason.PASS


def test_an_exit_undone_puts_people_inside_again():
    inside = ticket(2, 2, 2, reentry=Reentry.AFTER_EXIT)
    left = decide(Scan(), [inside], exit_gate(), OPENS)
    assert isinstance(left, Admit)
    back = undo(done(2, 0, direction=Direction.EXIT), left.ticket, LANE, OPENS)
    assert back.inside == 2


def test_a_zone_entry_undone_gives_the_zone_back():
    found = ticket(2, 2, 2, zones=(ZoneRight(9, 2, 2, 2),))
    back = undo(done(2, 0, zone_id=9), found, LANE, OPENS)
    assert back.zone(9) == ZoneRight(9, 2, 0, 0)
    assert back.used == 2


def test_a_visit_undone_is_not_spent():
    found = ticket(1, 1, 1, daily=True, visits_left=4)
    assert undo(done(), found, LANE, OPENS).visits_left == 5


@given(st.integers(1, 4), st.integers(0, 4), st.integers(0, 4), st.integers(1, 4), st.booleans())
def test_counts_stay_within_the_ticket_whatever_is_undone(people, used, inside, undone, leaves):
    used, inside = min(used, people), min(inside, used, people)
    direction = Direction.EXIT if leaves else Direction.ENTRY
    record = done(undone, undone, direction=direction)
    back = undo(record, ticket(people, used, inside), LANE, OPENS)
    assert 0 <= back.inside <= back.used <= people
