"""The one decision: who may enter. Used by the check server and, from the same file, by the gate.

The answer carries the patent's five facts (ticket status, number of people, ticket number, check
time, check place); everything a display, a slip or a log says of it comes from the reason table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from menpiao.domain.reasons import Reason
from menpiao.domain.ticket import Reentry, Ticket, TicketState, on_day


class Direction(StrEnum):
    """Which way a lane leads."""

    ENTRY = "entry"
    EXIT = "exit"


class ExpiredDocument(StrEnum):
    """What a lane does when the holder's document has run out."""

    IGNORE = "ignore"
    WARN = "warn"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Gate:
    """What a decision needs to know of a lane.

    ``people_per_scan`` 0: one reading admits everyone left on the ticket; otherwise at most so
    many. Graces widen the entry window of a slot and are never negative. ``zone_id`` 0: it leads
    into the site itself, otherwise into a part of it, whose rights are counted for themselves;
    then ``needs_inside``: only who has passed a gate of the site may enter, and ``leave_first``
    names zones that must have been left. ``product_ids`` empty: it takes every product; ``reentry``
    None: as the ticket has it, otherwise what this gate of the site allows. ``passback_s``: how
    long a ticket that has just let somebody in lets nobody in. ``is_full``: the place behind it
    has reached its ceiling.
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
    zone_id: int = 0
    needs_inside: bool = False
    leave_first: frozenset[int] = frozenset()
    passback_s: int = 0
    is_full: bool = False
    product_ids: frozenset[int] = frozenset()
    reentry: Reentry | None = None
    expired_document: ExpiredDocument = ExpiredDocument.WARN
    utc_offset_s: int = 28800
    """The site's zone: which day it is there decides for passes."""

    def today(self, now: datetime) -> date:
        """The site's date."""
        return (now + timedelta(seconds=self.utc_offset_s)).date()


@dataclass(frozen=True, slots=True)
class Scan:
    """One presentation of a document at a lane; ``people`` None: as many as the lane allows.

    ``evidence_seen``: a guard has seen the certificate that the price depends on. ``forced``: a
    supervisor lets them pass, whatever the rules say. ``barred``: the document is on the list of
    those who are not to be let in.
    """

    people: int | None = None
    evidence_seen: bool = False
    forced: bool = False
    barred: bool = False
    document_expired: bool = False


@dataclass(frozen=True, slots=True)
class Admit:
    """People may pass. ``ticket`` is the ticket as it is afterwards; None: let in without one."""

    ticket: Ticket | None
    people: int
    direction: Direction
    at: datetime
    gate: Gate
    reason: Reason = Reason.PASS
    first_entry: int = 0
    """How many of them enter the site for the first time (the rest re-enter)."""
    notice: Reason | None = None
    """Something to tell them or the guard that does not stop them."""
    overridden: Reason | None = None
    """Why they would have been refused, had nobody forced it."""


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
    Reason.CONCESSION_CHECK,
    Reason.PASSBACK,
    Reason.SLOT_EARLY,
    Reason.SITE_FULL,
    Reason.ZONE_FULL,
    Reason.LEAVE_FIRST,
    Reason.NOT_INSIDE,
    Reason.WRONG_GATE,
    Reason.TOO_MANY_PEOPLE,
    Reason.ALREADY_INSIDE,
    Reason.DAILY_USED,
    Reason.NO_REENTRY,
    Reason.ALREADY_USED,
    Reason.ZONE_USED_UP,
    Reason.ZONE_NOT_INCLUDED,
    Reason.UNPAID,
    Reason.SLOT_LATE,
    Reason.NOT_YET,
    Reason.BLOCKED,
    Reason.REFUNDING,
    Reason.VISITS_USED_UP,
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
    closed gate refuses entries and lets people out. What is forced is admitted, and says why it
    would not have been.
    """
    if gate.direction is Direction.ENTRY:
        # Only those who enter begin a new day: who came in before midnight is still let out.
        today = gate.today(now)
        tickets = [on_day(ticket, today) for ticket in tickets]
    outcome = _judge(scan, tickets, gate, now)
    if isinstance(outcome, Refuse) and scan.forced:
        return _force(scan, outcome)
    return outcome


def _judge(scan: Scan, tickets: Sequence[Ticket], gate: Gate, now: datetime) -> Admit | Refuse:
    entering = gate.direction is Direction.ENTRY
    if entering and not gate.is_open:
        return Refuse(Reason.SITE_CLOSED, now, gate)
    if entering and scan.barred:
        return Refuse(Reason.BARRED, now, gate)
    if not tickets:
        return Refuse(Reason.NO_TICKET, now, gate)
    if entering and scan.document_expired and gate.expired_document is ExpiredDocument.REFUSE:
        return Refuse(Reason.DOCUMENT_EXPIRED, now, gate)
    judge = _enter if entering else _exit
    best: Refuse | None = None
    for ticket in sorted(tickets, key=_first_to_use if entering else _first_to_leave(gate)):
        outcome = judge(scan, ticket, gate, now)
        if isinstance(outcome, Admit):
            return outcome
        if best is None or _RANK[outcome.reason] < _RANK[best.reason]:
            best = outcome
    assert best is not None
    return best


def _force(scan: Scan, refused: Refuse) -> Admit:
    """Let them pass all the same; the ticket is counted as far as it can be."""
    gate, now, ticket = refused.gate, refused.at, refused.ticket
    people = max(1, scan.people or 1)
    counted = (
        ticket is not None
        and gate.direction is Direction.ENTRY
        and ticket.state is TicketState.VALID
        and ticket.site_id == gate.site_id
    )
    first = 0
    if ticket is not None and counted and gate.zone_id == 0:
        first = min(people, ticket.remaining)
        ticket = _entered(ticket, people, first, gate, now)
    return Admit(
        ticket, people, gate.direction, now, gate, Reason.FORCED, first, overridden=refused.reason
    )


def _first_to_use(ticket: Ticket) -> tuple[datetime, int]:
    return ticket.closes_at, ticket.id


def _inside(ticket: Ticket, gate: Gate) -> int:
    """How many of a ticket's people are in the place behind a gate."""
    if gate.zone_id == 0:
        return ticket.inside
    right = ticket.zone(gate.zone_id)
    return right.inside if right else 0


def _first_to_leave(gate: Gate) -> Callable[[Ticket], tuple[bool, float, int]]:
    def key(ticket: Ticket) -> tuple[bool, float, int]:
        # An exit booked on a ticket whose people have left would leave the others in for ever.
        entered = ticket.first_in_at.timestamp() if ticket.first_in_at else 0.0
        return _inside(ticket, gate) == 0, -entered, ticket.id

    return key


def _enter(scan: Scan, ticket: Ticket, gate: Gate, now: datetime) -> Admit | Refuse:
    refuse = _standing(ticket, gate, now) or _holding(scan, ticket, gate, now)
    if refuse is not None:
        return refuse
    if gate.zone_id:
        return _enter_zone(scan, ticket, gate, now)
    fresh = ticket.remaining
    reentry = gate.reentry or ticket.reentry
    again = ticket.used - ticket.inside if reentry is Reentry.AFTER_EXIT else 0
    if reentry is Reentry.UNLIMITED:
        again = ticket.used
    people = _people(scan, fresh + again, gate)
    if people is None:
        return _used_up(ticket, gate, now)
    if people == 0:
        return Refuse(Reason.TOO_MANY_PEOPLE, now, gate, ticket)
    first = min(people, fresh)
    after = _entered(ticket, people, first, gate, now)
    return Admit(
        after, people, Direction.ENTRY, now, gate, Reason.PASS, first, notice=_notice(scan, gate)
    )


def _enter_zone(scan: Scan, ticket: Ticket, gate: Gate, now: datetime) -> Admit | Refuse:
    right = ticket.zone(gate.zone_id)
    if right is None:
        return Refuse(Reason.ZONE_NOT_INCLUDED, now, gate, ticket)
    if gate.needs_inside and ticket.inside == 0:
        return Refuse(Reason.NOT_INSIDE, now, gate, ticket)
    if any(r.inside for r in ticket.zones if r.zone_id in gate.leave_first):
        return Refuse(Reason.LEAVE_FIRST, now, gate, ticket)
    most = ticket.inside if gate.needs_inside else ticket.people
    free = max(0, most - right.inside)
    if right.allowed:
        free = min(free, right.allowed - right.used)
    people = _people(scan, free, gate)
    if people is None:
        used_up = right.allowed and right.used >= right.allowed
        reason = Reason.ZONE_USED_UP if used_up else Reason.ALREADY_INSIDE
        return Refuse(reason, now, gate, ticket, since=ticket.last_in_at)
    if people == 0:
        return Refuse(Reason.TOO_MANY_PEOPLE, now, gate, ticket)
    moved = replace(right, used=right.used + people, inside=right.inside + people)
    after = ticket.with_zone(moved)._replace(last_in_at=now)
    return Admit(after, people, Direction.ENTRY, now, gate, notice=_notice(scan, gate))


def _people(scan: Scan, free: int, gate: Gate) -> int | None:
    """How many go in: None when nobody can, 0 when not as many as were asked for."""
    if free <= 0:
        return None
    if scan.people is None:
        return min(free, gate.people_per_scan) if gate.people_per_scan else free
    return scan.people if 1 <= scan.people <= free else 0


def _entered(ticket: Ticket, people: int, first: int, gate: Gate, now: datetime) -> Ticket:
    left = ticket.visits_left
    return ticket._replace(
        used=ticket.used + first,
        # Of those who never went out some may come in again: nobody is inside twice.
        inside=min(ticket.used + first, ticket.inside + people),
        first_in_at=ticket.first_in_at or now,
        first_in_gate=ticket.first_in_gate or gate.name,
        last_in_at=now,
        visits_left=None if left is None else left - first,
    )


def _notice(scan: Scan, gate: Gate) -> Reason | None:
    warns = gate.expired_document is ExpiredDocument.WARN
    return Reason.DOCUMENT_EXPIRED if scan.document_expired and warns else None


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
        missed = near and not ticket.used and not ticket.daily
        reason = Reason.SLOT_LATE if missed else Reason.EXPIRED
        return Refuse(reason, now, gate, ticket, since=ticket.closes_at)
    if gate.product_ids and ticket.product_id not in gate.product_ids:
        return Refuse(Reason.WRONG_GATE, now, gate, ticket)
    # A zone's gates are named by the zone; those of the site by the product.
    if gate.zone_id == 0 and ticket.gate_ids and gate.id not in ticket.gate_ids:
        return Refuse(Reason.WRONG_GATE, now, gate, ticket)
    return None


def _holding(scan: Scan, ticket: Ticket, gate: Gate, now: datetime) -> Refuse | None:
    """What keeps a good ticket waiting: a full place, a certificate to be seen, a second lay."""
    if gate.is_full:
        reason = Reason.ZONE_FULL if gate.zone_id else Reason.SITE_FULL
        return Refuse(reason, now, gate, ticket)
    last = ticket.last_in_at
    if gate.passback_s and last and now - last < timedelta(seconds=gate.passback_s):
        return Refuse(Reason.PASSBACK, now, gate, ticket, since=last)
    if ticket.evidence and not ticket.used and not scan.evidence_seen:
        return Refuse(Reason.CONCESSION_CHECK, now, gate, ticket)
    return None


def _used_up(ticket: Ticket, gate: Gate, now: datetime) -> Refuse:
    if ticket.visits_left == 0 and not ticket.used:
        reason = Reason.VISITS_USED_UP
    elif (gate.reentry or ticket.reentry) is Reentry.AFTER_EXIT:
        reason = Reason.ALREADY_INSIDE
    elif ticket.daily:
        reason = Reason.DAILY_USED
    elif ticket.inside < ticket.used:
        reason = Reason.NO_REENTRY
    else:
        reason = Reason.ALREADY_USED
    return Refuse(reason, now, gate, ticket, since=ticket.first_in_at, place=ticket.first_in_gate)


def _exit(scan: Scan, ticket: Ticket, gate: Gate, now: datetime) -> Admit | Refuse:
    """Let people out. Whoever was let in is let out, whatever has become of the ticket since."""
    if ticket.site_id != gate.site_id:
        return Refuse(Reason.WRONG_SITE, now, gate, ticket)
    right = ticket.zone(gate.zone_id)
    if gate.zone_id and right is None:
        return Refuse(Reason.ZONE_NOT_INCLUDED, now, gate, ticket)
    if gate.zone_id == 0 and ticket.used == 0:
        state = _STATE_REASONS.get(ticket.state, Reason.NOT_YET)
        return Refuse(state, now, gate, ticket, since=ticket.opens_at)
    inside = _inside(ticket, gate)
    limit = gate.people_per_scan or ticket.people
    people = scan.people if scan.people is not None else min(max(inside, 1), limit)
    if people < 1 or people > ticket.people:
        return Refuse(Reason.TOO_MANY_PEOPLE, now, gate, ticket)
    # Leaving twice happens (a child slipped out earlier): the door opens, the count stays at zero.
    left = max(0, inside - people)
    after = ticket.with_zone(replace(right, inside=left)) if right else _left(ticket, left)
    return Admit(after, people, Direction.EXIT, now, gate, Reason.EXIT_OK)


def _left(ticket: Ticket, inside: int) -> Ticket:
    """Who leaves the site leaves its zones as well."""
    zones = tuple(replace(r, inside=min(r.inside, inside)) for r in ticket.zones)
    return ticket._replace(inside=inside, zones=zones)
