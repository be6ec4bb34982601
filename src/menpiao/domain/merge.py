"""Merging what a lane decided without the centre into what the centre knows.

It has happened: nothing is refused here. What goes over the ticket is its excess, which becomes a
conflict for people to look at; counts never go over the ticket.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from menpiao.domain.admission import Direction, Gate
from menpiao.domain.ticket import Ticket, on_day


@dataclass(frozen=True, slots=True)
class Happened:
    """An admission as a lane reports it; ``first_entry`` of ``people`` entered the site anew."""

    people: int
    first_entry: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Merged:
    """The ticket afterwards, how many first entries count, and how many are over the ticket."""

    ticket: Ticket
    first_entry: int
    excess: int
    begins: bool = False


def merge(ticket: Ticket, happened: Happened, gate: Gate) -> Merged:
    """Count an admission that was made at this gate; total and pure."""
    entering = gate.direction is Direction.ENTRY
    if entering:
        ticket = on_day(ticket, gate.today(happened.at))
    if gate.zone_id:
        return _zone(ticket, happened, gate, entering=entering)
    if not entering:
        left = max(0, ticket.inside - happened.people)
        return Merged(ticket._replace(inside=left), 0, 0)
    first = min(happened.first_entry, ticket.remaining)
    begins = first > 0 and ticket.used == 0
    used, visits = ticket.used + first, ticket.visits_left
    after = ticket._replace(
        used=used,
        inside=min(used, ticket.inside + happened.people),
        first_in_at=happened.at if begins else ticket.first_in_at,
        first_in_gate=gate.name if begins else ticket.first_in_gate,
        last_in_at=max(ticket.last_in_at or happened.at, happened.at),
        visits_left=None if visits is None else visits - first,
    )
    return Merged(after, first, happened.first_entry - first, begins)


def _zone(ticket: Ticket, happened: Happened, gate: Gate, *, entering: bool) -> Merged:
    right = ticket.zone(gate.zone_id)
    if right is None:
        return Merged(ticket, 0, happened.people if entering else 0)
    if not entering:
        left = replace(right, inside=max(0, right.inside - happened.people))
        return Merged(ticket.with_zone(left), 0, 0)
    counted = happened.people
    if right.allowed:
        counted = max(0, min(counted, right.allowed - right.used))
    inside = min(ticket.people, right.inside + happened.people)
    after = ticket.with_zone(replace(right, used=right.used + counted, inside=inside))
    return Merged(after, 0, happened.people - counted)
