"""The one decision: who may enter. Used by the check server and, from the same file, by the gate.

The answer carries the patent's five facts (ticket status, number of people, ticket number, check
time, check place); everything a display, a slip or a log says of it comes from the reason table.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from menpiao.domain.reasons import Reason
from menpiao.domain.ticket import Reentry, Ticket, TicketState


class Direction(StrEnum):
    """Which way a lane leads."""

    ENTRY = "entry"
    EXIT = "exit"


@dataclass(frozen=True, slots=True)
class Gate:
    """What a decision needs to know of a lane.

    ``people_per_scan`` 0: one reading admits everyone left on the ticket; otherwise at most so
    many. Graces widen the entry window of a slot and are never negative.
    """

    id: int
    site_id: int
    name: str
    name_en: str = ""
    direction: Direction = Direction.ENTRY
    people_per_scan: int = 0
    early_grace_s: int = 0
    late_grace_s: int = 0
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Scan:
    """One presentation of a document at a lane; ``people`` None: as many as the lane allows."""

    people: int | None = None


@dataclass(frozen=True, slots=True)
class Admit:
    """People may pass. ``ticket`` is the ticket as it is afterwards."""

    ticket: Ticket
    people: int
    direction: Direction
    at: datetime
    gate: Gate
    reason: Reason = Reason.PASS
    first_entry: int = 0
    """How many of them enter for the first time (the rest re-enter)."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nobody may pass. ``ticket`` is the one the reason is about, if one was found."""

    reason: Reason
    at: datetime
    gate: Gate
    ticket: Ticket | None = None
    since: datetime | None = None
    """When the thing happened or begins that the reason speaks of (first entry, slot start)."""
    place: str = ""
    """The gate that the reason speaks of (where the ticket was used)."""


# Of several tickets that all refuse, the one whose refusal helps its holder most is reported.
_HELPFUL: tuple[Reason, ...] = (
    Reason.SLOT_EARLY,
    Reason.WRONG_GATE,
    Reason.TOO_MANY_PEOPLE,
    Reason.ALREADY_INSIDE,
    Reason.NO_REENTRY,
    Reason.ALREADY_USED,
    Reason.UNPAID,
    Reason.SLOT_LATE,
    Reason.NOT_YET,
    Reason.BLOCKED,
    Reason.REFUNDING,
    Reason.EXPIRED,
    Reason.REFUNDED,
    Reason.CANCELLED,
    Reason.WRONG_SITE,
)
_RANK = {reason: rank for rank, reason in enumerate(_HELPFUL)}

_STATE_REASONS = {
    TicketState.HELD: Reason.UNPAID,
    TicketState.CANCELLED: Reason.CANCELLED,
    TicketState.REFUNDING: Reason.REFUNDING,
    TicketState.REFUNDED: Reason.REFUNDED,
    TicketState.BLOCKED: Reason.BLOCKED,
}


def decide(scan: Scan, tickets: Sequence[Ticket], gate: Gate, now: datetime) -> Admit | Refuse:
    """Decide one scan: pure, total, and the only place where admission is decided.

    Of several tickets on one document the one that ends first is used to enter; to leave, one with
    people inside, the latest begun first. When none admits, the most helpful refusal is given. A
    closed gate refuses entries and lets people out.
    """
    if not gate.is_open and gate.direction is Direction.ENTRY:
        return Refuse(Reason.SITE_CLOSED, now, gate)
    if not tickets:
        return Refuse(Reason.NO_TICKET, now, gate)
    if gate.direction is Direction.EXIT:
        judge, ordered = _exit, sorted(tickets, key=_first_to_leave)
    else:
        judge, ordered = _enter, sorted(tickets, key=_first_to_use)
    best: Refuse | None = None
    for ticket in ordered:
        outcome = judge(scan, ticket, gate, now)
        if isinstance(outcome, Admit):
            return outcome
        if best is None or _RANK[outcome.reason] < _RANK[best.reason]:
            best = outcome
    assert best is not None
    return best


def _first_to_use(ticket: Ticket) -> tuple[datetime, int]:
    return ticket.closes_at, ticket.id


def _first_to_leave(ticket: Ticket) -> tuple[bool, float, int]:
    # An exit booked on a ticket whose people have all left would leave the others inside for ever.
    entered = ticket.first_in_at.timestamp() if ticket.first_in_at else 0.0
    return ticket.inside == 0, -entered, ticket.id


def _enter(scan: Scan, ticket: Ticket, gate: Gate, now: datetime) -> Admit | Refuse:
    blocked = _standing(ticket, gate, now)
    if blocked is not None:
        return blocked
    fresh = ticket.remaining
    again = ticket.used - ticket.inside if ticket.reentry is Reentry.AFTER_EXIT else 0
    if ticket.reentry is Reentry.UNLIMITED:
        again = ticket.used
    free = fresh + again
    if free == 0:
        return _used_up(ticket, gate, now)
    people = scan.people if scan.people is not None else free
    if gate.people_per_scan and scan.people is None:
        people = min(free, gate.people_per_scan)
    if people < 1 or people > free:
        return Refuse(Reason.TOO_MANY_PEOPLE, now, gate, ticket)
    first = min(people, fresh)
    after = replace(
        ticket,
        used=ticket.used + first,
        inside=min(ticket.people, ticket.inside + people),
        first_in_at=ticket.first_in_at or now,
        first_in_gate=ticket.first_in_gate or gate.name,
    )
    return Admit(after, people, Direction.ENTRY, now, gate, Reason.PASS, first)


def _standing(ticket: Ticket, gate: Gate, now: datetime) -> Refuse | None:
    """State, site, gate and time: what must hold before people are counted."""
    if ticket.site_id != gate.site_id:
        return Refuse(Reason.WRONG_SITE, now, gate, ticket)
    if ticket.state is not TicketState.VALID:
        return Refuse(_STATE_REASONS[ticket.state], now, gate, ticket)
    early = ticket.opens_at - timedelta(seconds=gate.early_grace_s)
    late = ticket.closes_at + timedelta(seconds=gate.late_grace_s)
    if now < early:
        # Within half a day of the window it is today's slot; before that it is another day.
        near = ticket.opens_at - now < timedelta(hours=12)
        reason = Reason.SLOT_EARLY if near else Reason.NOT_YET
        return Refuse(reason, now, gate, ticket, since=ticket.opens_at)
    if now >= late:
        near = now - ticket.closes_at < timedelta(hours=12)
        reason = Reason.SLOT_LATE if near and not ticket.used else Reason.EXPIRED
        return Refuse(reason, now, gate, ticket, since=ticket.closes_at)
    if ticket.gate_ids and gate.id not in ticket.gate_ids:
        return Refuse(Reason.WRONG_GATE, now, gate, ticket)
    return None


def _used_up(ticket: Ticket, gate: Gate, now: datetime) -> Refuse:
    if ticket.reentry is Reentry.AFTER_EXIT:
        reason = Reason.ALREADY_INSIDE
    elif ticket.inside < ticket.used:
        reason = Reason.NO_REENTRY
    else:
        reason = Reason.ALREADY_USED
    return Refuse(reason, now, gate, ticket, since=ticket.first_in_at, place=ticket.first_in_gate)


def _exit(scan: Scan, ticket: Ticket, gate: Gate, now: datetime) -> Admit | Refuse:
    """Let people out. Whoever was let in is let out, whatever has become of the ticket since."""
    if ticket.site_id != gate.site_id:
        return Refuse(Reason.WRONG_SITE, now, gate, ticket)
    if ticket.used == 0:
        state = _STATE_REASONS.get(ticket.state, Reason.NOT_YET)
        return Refuse(state, now, gate, ticket, since=ticket.opens_at)
    limit = gate.people_per_scan or ticket.people
    people = scan.people if scan.people is not None else min(max(ticket.inside, 1), limit)
    if people < 1 or people > ticket.people:
        return Refuse(Reason.TOO_MANY_PEOPLE, now, gate, ticket)
    # Leaving twice happens (a child slipped out earlier): the door opens, the count stays at zero.
    after = replace(ticket, inside=max(0, ticket.inside - people))
    return Admit(after, people, Direction.EXIT, now, gate, Reason.EXIT_OK)
