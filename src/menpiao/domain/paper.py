"""Back-entry (补录): who was let in while gates stood open, decided from what was put on paper.

The gates were released then: they held nobody back, and nobody looked at slots or certificates.
The right to enter is decided as ever, by `admission.decide`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from menpiao.domain.admission import Admit, Direction, Gate, Refuse, Scan, decide
from menpiao.domain.reasons import Reason
from menpiao.domain.ticket import Ticket, on_day

WAIVED: Final = frozenset(
    {Reason.SLOT_EARLY, Reason.SLOT_LATE, Reason.WRONG_GATE, Reason.CONCESSION_CHECK}
)
"""What a released gate does not ask for. Whether somebody has a right to enter is never waived."""


def decide_paper(
    people: int, tickets: Sequence[Ticket], gate: Gate, at: datetime, *, barred: bool = False
) -> tuple[Admit, ...] | Refuse:
    """Decide one line of paper: ``people`` through ``gate`` at ``at``; pure and total.

    All of them or nobody. Where no single ticket has room for them all (an order with a ticket for
    each), they are taken from several, one admission for each ticket.
    """
    released = replace(gate, is_open=True, is_full=False, passback_s=0)
    whole = _one(Scan(people, barred=barred), tickets, released, at)
    if isinstance(whole, Admit):
        return (whole,)
    entering = gate.direction is Direction.ENTRY
    found: list[Admit] = []
    left = people
    for ticket in sorted(tickets, key=lambda t: (t.closes_at, t.id)):
        room = on_day(ticket, gate.today(at)).remaining if entering else ticket.inside
        some = min(left, room)
        if some < 1:
            continue
        part = _one(Scan(some, barred=barred), [ticket], released, at)
        if isinstance(part, Admit):
            found.append(part)
            left -= some
        if not left:
            return tuple(found)
    return whole


def _one(scan: Scan, tickets: Sequence[Ticket], gate: Gate, at: datetime) -> Admit | Refuse:
    outcome = decide(scan, tickets, gate, at)
    if isinstance(outcome, Admit) or outcome.reason not in WAIVED or outcome.ticket is None:
        return outcome
    ticket, people = outcome.ticket, scan.people or 1
    # Who forces counts what is left: more than that was no right, released or not.
    if gate.zone_id or people > ticket.remaining:
        reason = Reason.TOO_MANY_PEOPLE if ticket.remaining else Reason.ALREADY_USED
        return outcome if gate.zone_id else Refuse(reason, at, gate, ticket)
    return decide(replace(scan, forced=True), [ticket], gate, at)
