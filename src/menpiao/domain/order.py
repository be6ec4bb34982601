"""Orders and their payments: which state follows which, as tables.

A payment learns of its outcome by notification, query and bill, in any order and more than once.
All of them go through the same functions, which never undo a success.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from menpiao.domain.reasons import Reason, Refusal


class OrderState(StrEnum):
    """Codes are stored and published."""

    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class PaymentState(StrEnum):
    """Codes are stored and published. Not knowing an outcome is PENDING, never a state."""

    CREATED = "created"
    """Recorded here; the provider may not have heard of it."""
    PENDING = "pending"
    PAID = "paid"
    CLOSED = "closed"
    """The provider has confirmed that it takes no money for it any more."""
    FAILED = "failed"
    PAID_LATE = "paid_late"
    """Money came after CLOSED or FAILED: issue the tickets again, or give the money back."""


OPEN_PAYMENTS: Final = frozenset({PaymentState.CREATED, PaymentState.PENDING})
"""States of which an order has at most one payment."""

_O = OrderState
_P = PaymentState

_AFTER_SUCCESS: Final[dict[PaymentState, PaymentState]] = {
    _P.CREATED: _P.PAID,
    _P.PENDING: _P.PAID,
    _P.PAID: _P.PAID,
    _P.CLOSED: _P.PAID_LATE,
    _P.FAILED: _P.PAID_LATE,
    _P.PAID_LATE: _P.PAID_LATE,
}


def on_success(state: PaymentState) -> PaymentState:
    """The provider has the money: PAID, or PAID_LATE where we had given the payment up."""
    return _AFTER_SUCCESS[state]


def on_pending(state: PaymentState) -> PaymentState:
    """The provider knows of it and has not decided; what is settled stays settled."""
    return _P.PENDING if state in OPEN_PAYMENTS else state


def on_closed(state: PaymentState) -> PaymentState:
    """The provider has confirmed the closing; what is settled stays settled."""
    return _P.CLOSED if state in OPEN_PAYMENTS else state


def on_failed(state: PaymentState) -> PaymentState:
    """The provider said no for good; what is settled stays settled."""
    return _P.FAILED if state in OPEN_PAYMENTS else state


def open_payment(order: OrderState, payments: Iterable[PaymentState]) -> PaymentState | Refusal:
    """The state of a new payment of this order, or why it may have none now."""
    if order is not _O.AWAITING_PAYMENT:
        return _not_awaiting(order)
    if any(state in OPEN_PAYMENTS for state in payments):
        return Refusal(Reason.PAYMENT_PENDING)
    return _P.CREATED


def pay(order: OrderState) -> OrderState | Refusal:
    """The money is here in time."""
    return _O.PAID if order is _O.AWAITING_PAYMENT else _not_awaiting(order)


def revive(order: OrderState) -> OrderState | Refusal:
    """The money came late and the places could be taken again.

    An order that its buyer gave up stays given up: its money goes back.
    """
    if order is _O.EXPIRED:
        return _O.PAID
    return Refusal(Reason.ORDER_PAID if order is _O.PAID else Reason.ORDER_CLOSED)


def expire(order: OrderState) -> OrderState | Refusal:
    """The time to pay is over, and the provider has closed the payment."""
    return _O.EXPIRED if order is _O.AWAITING_PAYMENT else _not_awaiting(order)


def cancel(order: OrderState) -> OrderState | Refusal:
    """The buyer gives an unpaid order up; a paid one is refunded, not cancelled."""
    return _O.CANCELLED if order is _O.AWAITING_PAYMENT else _not_awaiting(order)


def start_refund(order: OrderState) -> OrderState | Refusal:
    """Money of some or all of its tickets is on the way back; others may follow meanwhile."""
    if order in (_O.PAID, _O.REFUNDING):
        return _O.REFUNDING
    return Refusal(_NO_REFUND[order])


def finish_refund(order: OrderState, *, tickets_left: bool) -> OrderState | Refusal:
    """The last open refund is done: REFUNDED, or PAID again while tickets are left to use."""
    if order is _O.REFUNDING:
        return _O.PAID if tickets_left else _O.REFUNDED
    return Refusal(Reason.NOT_REFUNDABLE if order is _O.PAID else _NO_REFUND[order])


def _not_awaiting(order: OrderState) -> Refusal:
    return Refusal(_CLOSED_BECAUSE[order])


_CLOSED_BECAUSE: Final[dict[OrderState, Reason]] = {
    _O.PAID: Reason.ORDER_PAID,
    _O.EXPIRED: Reason.ORDER_EXPIRED,
    _O.CANCELLED: Reason.ORDER_CLOSED,
    _O.REFUNDING: Reason.REFUNDING,
    _O.REFUNDED: Reason.REFUNDED,
}

_NO_REFUND: Final[dict[OrderState, Reason]] = {
    _O.AWAITING_PAYMENT: Reason.UNPAID,
    _O.EXPIRED: Reason.ORDER_EXPIRED,
    _O.CANCELLED: Reason.ORDER_CLOSED,
    _O.REFUNDED: Reason.REFUNDED,
}
