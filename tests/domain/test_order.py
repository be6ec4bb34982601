"""States of orders and payments: success is never undone, whatever arrives and in which order."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.domain import order
from menpiao.domain.order import OrderState, PaymentState
from menpiao.domain.reasons import Reason, Refusal

O = OrderState  # noqa: E741 - the tables below read better
P = PaymentState

EVENTS = (order.on_success, order.on_pending, order.on_closed, order.on_failed)


@pytest.mark.parametrize(
    ("state", "success", "pending", "closed", "failed"),
    [
        (P.CREATED, P.PAID, P.PENDING, P.CLOSED, P.FAILED),
        (P.PENDING, P.PAID, P.PENDING, P.CLOSED, P.FAILED),
        (P.PAID, P.PAID, P.PAID, P.PAID, P.PAID),
        (P.CLOSED, P.PAID_LATE, P.CLOSED, P.CLOSED, P.CLOSED),
        (P.FAILED, P.PAID_LATE, P.FAILED, P.FAILED, P.FAILED),
        (P.PAID_LATE, P.PAID_LATE, P.PAID_LATE, P.PAID_LATE, P.PAID_LATE),
    ],
)
def test_payment(state, success, pending, closed, failed):
    assert tuple(event(state) for event in EVENTS) == (success, pending, closed, failed)


@pytest.mark.parametrize(
    ("state", "paid", "revived", "expired", "cancelled", "refund"),
    [
        (O.AWAITING_PAYMENT, O.PAID, Reason.ORDER_CLOSED, O.EXPIRED, O.CANCELLED, Reason.UNPAID),
        (O.PAID, *[Reason.ORDER_PAID] * 4, O.REFUNDING),
        (O.EXPIRED, Reason.ORDER_EXPIRED, O.PAID, *[Reason.ORDER_EXPIRED] * 3),
        (O.CANCELLED, *[Reason.ORDER_CLOSED] * 5),
        (
            O.REFUNDING,
            Reason.REFUNDING,
            Reason.ORDER_CLOSED,
            Reason.REFUNDING,
            Reason.REFUNDING,
            O.REFUNDING,
        ),
        (O.REFUNDED, Reason.REFUNDED, Reason.ORDER_CLOSED, *[Reason.REFUNDED] * 3),
    ],
)
def test_order(state, paid, revived, expired, cancelled, refund):
    steps = (order.pay, order.revive, order.expire, order.cancel, order.start_refund)
    found = tuple(step(state) for step in steps)
    plain = tuple(f.reason if isinstance(f, Refusal) else f for f in found)
    assert plain == (paid, revived, expired, cancelled, refund)


def test_a_refund_of_some_tickets_leaves_the_order_paid():
    assert order.finish_refund(O.REFUNDING, tickets_left=True) is O.PAID
    assert order.finish_refund(O.REFUNDING, tickets_left=False) is O.REFUNDED


@pytest.mark.parametrize("state", [s for s in O if s is not O.REFUNDING])
def test_a_refund_that_never_began_is_not_finished(state):
    assert isinstance(order.finish_refund(state, tickets_left=False), Refusal)


@pytest.mark.parametrize("state", P)
def test_an_order_has_one_open_payment(state):
    outcome = order.open_payment(O.AWAITING_PAYMENT, [P.FAILED, state])
    if state in {P.CREATED, P.PENDING}:
        assert outcome == Refusal(Reason.PAYMENT_PENDING)
    else:
        assert outcome is P.CREATED


@pytest.mark.parametrize("state", [s for s in O if s is not O.AWAITING_PAYMENT])
def test_only_an_order_that_awaits_payment_gets_one(state):
    assert isinstance(order.open_payment(state, []), Refusal)


@given(st.lists(st.sampled_from(EVENTS), max_size=12))
def test_money_that_came_is_never_forgotten(events):
    state, came = P.CREATED, False
    for event in events:
        state = event(state)
        came = came or event is order.on_success
        assert (state in {P.PAID, P.PAID_LATE}) == came


@given(st.lists(st.sampled_from(EVENTS), max_size=8), st.sampled_from(EVENTS))
def test_an_event_told_twice_is_told_once(events, last):
    state = P.CREATED
    for event in events:
        state = event(state)
    assert last(last(state)) is last(state)


def test_with_a_success_among_them_no_order_of_events_ends_without_the_money():
    for events in permutations(EVENTS):
        state = P.PENDING
        for event in events:
            state = event(state)
        assert state in {P.PAID, P.PAID_LATE}
