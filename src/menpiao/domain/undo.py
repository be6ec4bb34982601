"""Taking an admission back: the lane that made it, for a short while; a supervisor, anywhere."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from menpiao.domain.admission import Direction
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.ticket import Ticket

UNDO_WITHIN = timedelta(minutes=15)
"""As long as the person is in sight (check-in contract of comparable systems: 15 minutes)."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What was recorded of an admission; ``undone``: it has been taken back already."""

    id: int
    device_id: int
    at: datetime
    direction: Direction
    people: int
    first_entry: int
    zone_id: int = 0
    undone: bool = False


def undo(
    done: Admission, ticket: Ticket, device_id: int, now: datetime, *, supervisor: bool = False
) -> Ticket | Refusal:
    """The ticket as it is without that admission, or why it stays.

    Counts never fall below zero: people who have left meanwhile have left.
    """
    if done.undone:
        return Refusal(Reason.UNDO_NOT_POSSIBLE, "undone already")
    if not supervisor and done.device_id != device_id:
        return Refusal(Reason.UNDO_NOT_POSSIBLE, "another lane's")
    if not supervisor and now - done.at > UNDO_WITHIN:
        return Refusal(Reason.UNDO_TOO_LATE, f"{UNDO_WITHIN.seconds // 60} min")
    if done.zone_id:
        return _undo_zone(done, ticket)
    if done.direction is Direction.EXIT:
        return ticket._replace(inside=min(ticket.used, ticket.inside + done.people))
    used = max(0, ticket.used - done.first_entry)
    left = ticket.visits_left
    return ticket._replace(
        used=used,
        inside=min(used, max(0, ticket.inside - done.people)),
        first_in_at=ticket.first_in_at if used else None,
        first_in_gate=ticket.first_in_gate if used else "",
        last_in_at=ticket.first_in_at if used else None,
        visits_left=None if left is None else left + done.first_entry,
    )


def _undo_zone(done: Admission, ticket: Ticket) -> Ticket | Refusal:
    right = ticket.zone(done.zone_id)
    if right is None:
        return Refusal(Reason.UNDO_NOT_POSSIBLE, "the ticket has no such zone")
    if done.direction is Direction.EXIT:
        inside = min(ticket.people, right.inside + done.people)
        return ticket.with_zone(replace(right, inside=inside))
    used = max(0, right.used - done.people)
    return ticket.with_zone(replace(right, used=used, inside=max(0, right.inside - done.people)))
