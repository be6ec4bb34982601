"""How much goes back, until when, and the states of a refund."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.making import CLOSES, NOW, ticket

from menpiao.domain import refund
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.refund import RefundPolicy, RefundState, RefundStep, minors_left, refundable
from menpiao.domain.ticket import TicketState

MICRO = timedelta(microseconds=1)
LADDER = RefundPolicy((RefundStep(86400, 100), RefundStep(3600, 50), RefundStep(-3600, 10)))


@pytest.mark.parametrize(
    ("at", "fen"),
    [
        (CLOSES - timedelta(days=1) - MICRO, 8001),
        (CLOSES - timedelta(days=1), 4001),
        (CLOSES - timedelta(hours=1) - MICRO, 4001),
        (CLOSES - timedelta(hours=1), 800),
        (CLOSES + timedelta(hours=1) - MICRO, 800),
        (CLOSES + timedelta(hours=1), Reason.NOT_REFUNDABLE),
    ],
)
def test_the_ladder_to_the_microsecond(at, fen):
    outcome = refundable([ticket()], 8001, 0, at, LADDER)
    assert (outcome.reason if isinstance(outcome, Refusal) else outcome) == fen


def test_by_default_everything_until_the_end_of_the_slot():
    assert refundable([ticket()], 8000, 0, CLOSES - MICRO) == 8000
    outcome = refundable([ticket()], 8000, 0, CLOSES)
    assert outcome == Refusal(Reason.NOT_REFUNDABLE, field="tickets.0")


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (ticket(people=2, used=1, inside=0), Reason.TICKET_IN_USE),
        (ticket(state=TicketState.HELD), Reason.UNPAID),
        (ticket(state=TicketState.REFUNDING), Reason.REFUNDING),
        (ticket(state=TicketState.REFUNDED), Reason.REFUNDED),
        (ticket(state=TicketState.CANCELLED), Reason.CANCELLED),
        (ticket(state=TicketState.BLOCKED), Reason.BLOCKED),
    ],
)
def test_one_that_cannot_go_back_keeps_all(second, reason):
    outcome = refundable([ticket(), second], 8000, 0, NOW)
    assert outcome == Refusal(reason, field="tickets.1")


def test_nothing_to_give_back():
    assert refundable([], 0, 0, NOW) == Refusal(Reason.NOT_REFUNDABLE, field="tickets")
    assert refundable([ticket()], 0, 0, NOW) == 0


def test_tickets_of_several_slots_go_back_at_the_least_of_their_shares():
    later = ticket(id=6, closes_at=CLOSES + timedelta(days=3))
    assert refundable([ticket(), later], 10000, 0, CLOSES - timedelta(hours=2), LADDER) == 5000


ladders = st.lists(
    st.builds(RefundStep, st.integers(-7200, 172800), st.integers(0, 100)), max_size=5
).map(lambda steps: RefundPolicy(tuple(steps)))
times = st.integers(-200000, 10000).map(lambda s: CLOSES + timedelta(seconds=s))


@given(st.integers(0, 10**7), st.integers(0, 10**7), times, ladders)
def test_never_more_than_is_left(paid, refunded, now, policy):
    outcome = refundable([ticket()], paid, refunded, now, policy)
    if not isinstance(outcome, Refusal):
        assert 0 <= outcome <= max(0, paid - refunded)


@given(st.integers(0, 10**7), times, times, ladders)
def test_waiting_never_brings_more(paid, one, other, policy):
    early, late = (
        0 if isinstance(got, Refusal) else got
        for got in (refundable([ticket()], paid, 0, at, policy) for at in sorted((one, other)))
    )
    assert late <= early


R = RefundState
EVENTS = (refund.on_submitted, refund.on_done, refund.on_abnormal, refund.on_closed)


@pytest.mark.parametrize(
    ("state", "submitted", "done", "abnormal", "closed"),
    [
        (R.REQUESTED, R.SUBMITTED, R.DONE, R.ABNORMAL, R.CLOSED),
        (R.SUBMITTED, R.SUBMITTED, R.DONE, R.ABNORMAL, R.CLOSED),
        (R.DONE, R.DONE, R.DONE, R.DONE, R.DONE),
        (R.ABNORMAL, R.ABNORMAL, R.DONE, R.ABNORMAL, R.ABNORMAL),
        (R.CLOSED, R.CLOSED, R.CLOSED, R.CLOSED, R.CLOSED),
    ],
)
def test_refund(state, submitted, done, abnormal, closed):
    assert tuple(event(state) for event in EVENTS) == (submitted, done, abnormal, closed)


@given(st.lists(st.sampled_from(EVENTS), max_size=10))
def test_done_and_closed_are_final(events):
    state, final = R.REQUESTED, None
    for event in events:
        state = event(state)
        assert final in (None, state)
        final = state if state in {R.DONE, R.CLOSED} else final


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([(0, 100)], [(0, 100)]),
        ([(86400, 100), (0, 50)], [(86400, 100), (0, 50)]),
        ([(0, 50), (86400, 100), (3600, 80)], [(86400, 100), (3600, 80), (0, 50)]),
        # A step that a better one outlives says nothing.
        ([(86400, 50), (0, 100)], [(0, 100)]),
        ([(0, 0)], []),
        ([], []),
    ],
)
def test_a_rule_is_told_by_its_deadlines(steps, told):
    policy = RefundPolicy(tuple(RefundStep(*step) for step in steps))
    ends_at = CLOSES
    expected = [(ends_at - timedelta(seconds=s), percent) for s, percent in told]
    assert policy.deadlines(ends_at) == expected


@given(
    st.lists(st.builds(RefundStep, st.integers(-9, 9), st.integers(0, 100)), max_size=5),
    st.integers(-12, 12),
)
def test_what_is_told_is_what_goes_back(steps, left_s):
    policy = RefundPolicy(tuple(steps))
    ends_at = CLOSES
    now = ends_at - timedelta(seconds=left_s)
    told = [percent for until, percent in policy.deadlines(ends_at) if now < until]
    assert policy.percent(ends_at, now) == (told[0] if told else 0)


@pytest.mark.parametrize(
    ("ages", "minor_age", "left"),
    [
        ([], 16, False),
        ([8], 16, True),
        ([8, 15], 16, True),
        ([8, 16], 16, False),
        ([8, None], 16, False),
        ([8], 0, False),
    ],
)
def test_only_minors_would_be_left(ages, minor_age, left):
    assert minors_left(ages, minor_age) is left
