"""Refunds (退票): how much goes back until when, and the states of a refund."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from menpiao.domain.money import percent_of
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.ticket import Ticket, TicketState


class RefundState(StrEnum):
    """Codes are stored and published. A closed refund is followed by a new one, never reopened."""

    REQUESTED = "requested"
    SUBMITTED = "submitted"
    DONE = "done"
    ABNORMAL = "abnormal"
    """The provider could not deliver the money: a person sees to it; the tickets stay void."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class RefundStep:
    """``percent`` (0-100) goes back until ``before_end_s`` seconds before the end of the slot.

    Negative seconds: until so long after it.
    """

    before_end_s: int
    percent: int


@dataclass(frozen=True, slots=True)
class RefundPolicy:
    """A ladder of steps in any order; the highest percentage still open counts."""

    steps: tuple[RefundStep, ...] = (RefundStep(0, 100),)

    def percent(self, ends_at: datetime, now: datetime) -> int:
        """What share goes back now; 0 when every step has passed."""
        left = ends_at - now
        return max(
            (s.percent for s in self.steps if left > timedelta(seconds=s.before_end_s)), default=0
        )

    def deadlines(self, ends_at: datetime) -> list[tuple[datetime, int]]:
        """Until when which share goes back, the earliest first; a share that never counts is left.

        Empty: nothing ever goes back.
        """
        found: list[tuple[datetime, int]] = []
        best = 0
        for step in sorted(self.steps, key=lambda s: (s.before_end_s, -s.percent)):
            if step.percent > best:
                best = step.percent
                found.append((ends_at - timedelta(seconds=step.before_end_s), step.percent))
        return found[::-1]


FREE_UNTIL_END: Final = RefundPolicy()


def minors_left(ages: Iterable[int | None], minor_age: int) -> bool:
    """Whether only minors would be left, who may not book alone; an unknown age is no minor's."""
    known = list(ages)
    return bool(known) and all(age is not None and age < minor_age for age in known)


_STATE_REASONS: Final[dict[TicketState, Reason]] = {
    TicketState.HELD: Reason.UNPAID,
    TicketState.REFUNDING: Reason.REFUNDING,
    TicketState.REFUNDED: Reason.REFUNDED,
    TicketState.CANCELLED: Reason.CANCELLED,
    TicketState.BLOCKED: Reason.BLOCKED,
}


def refundable(
    tickets: Sequence[Ticket],
    paid_fen: int,
    refunded_fen: int,
    now: datetime,
    policy: RefundPolicy = FREE_UNTIL_END,
) -> int | Refusal:
    """How many fen go back for these tickets now; all of them or none.

    ``paid_fen`` is what was paid for just these tickets, ``refunded_fen`` what of that has gone
    back already. 0 is an answer: a free ticket is given back for nothing. The amount is never
    more than what is left.
    """
    if not tickets:
        return Refusal(Reason.NOT_REFUNDABLE, field="tickets")
    share = 100
    for index, ticket in enumerate(tickets):
        field = f"tickets.{index}"
        if ticket.state is not TicketState.VALID:
            return Refusal(_STATE_REASONS[ticket.state], field=field)
        if ticket.used:
            return Refusal(Reason.TICKET_IN_USE, field=field)
        percent = policy.percent(ticket.closes_at, now)
        if percent <= 0:
            return Refusal(Reason.NOT_REFUNDABLE, field=field)
        share = min(share, percent)
    return percent_of(max(0, paid_fen - refunded_fen), share)


_R = RefundState
# What a provider says arrives in any order and more than once: a table of what it may change.
_OPEN: Final = frozenset({_R.REQUESTED, _R.SUBMITTED})


def on_submitted(state: RefundState) -> RefundState:
    """The provider has taken the refund on."""
    return _R.SUBMITTED if state in _OPEN else state


def on_done(state: RefundState) -> RefundState:
    """The money is back; also after a person has dealt with an abnormal one. DONE is sticky."""
    return state if state is _R.CLOSED else _R.DONE


def on_abnormal(state: RefundState) -> RefundState:
    """The provider could not deliver the money."""
    return _R.ABNORMAL if state in _OPEN else state


def on_closed(state: RefundState) -> RefundState:
    """The provider will not carry it out: a person starts a new one with a new number."""
    return _R.CLOSED if state in _OPEN else state


def again_token(refund_id: int) -> str:
    """The key of the refund that follows a closed one: there is one at most.

    No page can choose it: the colon is not allowed there.
    """
    return f"again:{refund_id}"
