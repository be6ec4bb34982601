"""Merging reports of lanes that decided alone."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.making import OPENS, VISIT, exit_gate, gate, ticket

from menpiao.domain.admission import Admit, Scan, decide
from menpiao.domain.merge import Happened, merge
from menpiao.domain.ticket import Reentry, ZoneRight

CAVE = 7


@pytest.mark.parametrize(
    ("found", "people", "first", "used", "inside", "excess"),
    [
        (ticket(1), 1, 1, 1, 1, 0),
        (ticket(1, 1, 1), 1, 1, 1, 1, 1),
        (ticket(3, 2, 2), 2, 2, 3, 3, 1),
        (ticket(3, 1, 0), 1, 0, 1, 1, 0),
        (ticket(1, 1, 1, daily=True, counted_on=VISIT), 1, 1, 1, 1, 1),
        (ticket(1, 1, 1, daily=True, counted_on=VISIT - timedelta(days=1)), 1, 1, 1, 1, 0),
        (ticket(2, daily=True, counted_on=VISIT, visits_left=1), 2, 2, 1, 1, 1),
    ],
)
def test_an_entry(found, people, first, used, inside, excess):
    merged = merge(found, Happened(people, first, OPENS), gate())
    assert (merged.ticket.used, merged.ticket.inside, merged.excess) == (used, inside, excess)
    assert merged.first_entry + merged.excess == first


@pytest.mark.parametrize(
    ("right", "people", "after", "excess"),
    [
        (ZoneRight(CAVE, 2, 1, 0), 1, ZoneRight(CAVE, 2, 2, 1), 0),
        (ZoneRight(CAVE, 1, 1, 0), 1, ZoneRight(CAVE, 1, 1, 1), 1),
        (ZoneRight(CAVE, 0, 5, 0), 1, ZoneRight(CAVE, 0, 6, 1), 0),
    ],
)
def test_a_zone(right, people, after, excess):
    merged = merge(ticket(zones=(right,)), Happened(people, 0, OPENS), gate(zone_id=CAVE))
    assert (merged.ticket.zone(CAVE), merged.excess) == (after, excess)


def test_a_zone_that_is_not_included_is_all_excess():
    assert merge(ticket(), Happened(2, 0, OPENS), gate(zone_id=CAVE)).excess == 2


steps = st.lists(st.tuples(st.none() | st.integers(1, 3), st.booleans()), max_size=12)


@given(st.integers(1, 3), st.sampled_from(Reentry), steps)
def test_what_one_lane_decided_alone_merges_without_excess(people, reentry, happened):
    """A ticket that only one lane has seen: the centre comes to the very counts of that lane."""
    centre = lane = ticket(people, reentry=reentry)
    for minute, (asked, leaves) in enumerate(happened):
        at, where = OPENS + timedelta(minutes=minute), exit_gate() if leaves else gate()
        outcome = decide(Scan(asked), [lane], where, at)
        if isinstance(outcome, Admit):
            lane = outcome.ticket
            merged = merge(centre, Happened(outcome.people, outcome.first_entry, at), where)
            assert merged.excess == 0
            centre = merged.ticket
    assert (centre.used, centre.inside, centre.first_in_at) == (
        lane.used,
        lane.inside,
        lane.first_in_at,
    )


@given(st.integers(1, 3), steps, steps)
def test_two_lanes_alone_lose_nothing_and_every_excess_is_named(people, one, other):
    centre, entered = ticket(people), 0
    excess = 0
    for happened in (one, other):
        lane = ticket(people)
        for minute, (asked, leaves) in enumerate(happened):
            at, where = OPENS + timedelta(minutes=minute), exit_gate() if leaves else gate()
            outcome = decide(Scan(asked), [lane], where, at)
            if isinstance(outcome, Admit):
                lane = outcome.ticket
                entered += outcome.first_entry
                merged = merge(centre, Happened(outcome.people, outcome.first_entry, at), where)
                centre, excess = merged.ticket, excess + merged.excess
                assert 0 <= centre.inside <= centre.used <= people
    assert entered == centre.used + excess
