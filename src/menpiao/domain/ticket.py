"""Tickets: the right of a number of people to enter, tied to a document."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple


class TicketState(StrEnum):
    """What a ticket may become: held → valid → refunding → refunded; held → cancelled."""

    HELD = "held"
    """Its place is taken, its order is not paid."""
    VALID = "valid"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"


LIVE_STATES = frozenset(
    {TicketState.HELD, TicketState.VALID, TicketState.BLOCKED, TicketState.REFUNDING}
)
"""States in which a ticket takes a place and its document cannot be booked again."""


class Reentry(StrEnum):
    """Whether people who have entered may enter again while the ticket is valid."""

    NONE = "none"
    AFTER_EXIT = "after_exit"
    UNLIMITED = "unlimited"


@dataclass(frozen=True, slots=True)
class ZoneRight:
    """A part of the site that a ticket includes (园中园), and how far that is used up.

    ``allowed`` counts entries of single people over the ticket's life, of a pass over one day;
    0: any number. ``0 <= inside <= people`` of the ticket, ``used <= allowed`` where it is limited.
    """

    zone_id: int
    allowed: int = 0
    used: int = 0
    inside: int = 0


class Ticket(NamedTuple):
    """What a decision at a gate knows of a ticket (patent: ticket status, number, ticket id).

    ``people`` is the patent's ticket count; ``used`` how many of them have entered, ``inside`` how
    many are inside now: ``0 <= inside <= used <= people``. ``opens_at``/``closes_at`` bound the
    entry window without grace. ``gate_ids`` empty: every gate of the site.

    A pass (``daily``) lives for many days and counts anew on each: its counts and ``first_in_*``
    are those of ``counted_on``, a date of the site; ``visits_left`` (people times days) None: any
    number. ``evidence`` names a certificate that must be seen at the gate because the price
    depends on it; without it the holder owes ``difference_fen``.

    A named tuple, because one is made and one is changed for every scan: that is four times as
    fast as with a frozen dataclass.
    """

    id: int
    site_id: int
    state: TicketState
    people: int
    used: int
    inside: int
    visit_date: date
    opens_at: datetime
    closes_at: datetime
    reentry: Reentry
    gate_ids: frozenset[int]
    product_name: str
    product_name_en: str
    holder_masked: str
    first_in_at: datetime | None = None
    first_in_gate: str = ""
    last_in_at: datetime | None = None
    daily: bool = False
    counted_on: date | None = None
    visits_left: int | None = None
    evidence: str = ""
    evidence_en: str = ""
    difference_fen: int = 0
    zones: tuple[ZoneRight, ...] = ()
    product_id: int = 0

    @property
    def remaining(self) -> int:
        """How many of its people have not entered yet; of a pass: today, as visits are left."""
        left = self.people - self.used
        return left if self.visits_left is None else min(left, self.visits_left)

    def zone(self, zone_id: int) -> ZoneRight | None:
        """The right to a zone; None: not included."""
        return next((right for right in self.zones if right.zone_id == zone_id), None)

    def with_zone(self, right: ZoneRight) -> "Ticket":
        """The ticket with this right in the place of the one to the same zone."""
        changed = (right if old.zone_id == right.zone_id else old for old in self.zones)
        return self._replace(zones=tuple(changed))


def on_day(ticket: Ticket, today: date) -> Ticket:
    """The ticket as it stands on a day: a pass that was last counted on another begins anew."""
    if not ticket.daily or ticket.counted_on == today:
        return ticket
    return ticket._replace(
        used=0,
        inside=0,
        first_in_at=None,
        first_in_gate="",
        counted_on=today,
        zones=tuple(replace(right, used=0, inside=0) for right in ticket.zones),
    )


def serial_number(identifier: int) -> str:
    """Write an identifier as people read it: digits with a Luhn check digit, in groups of four.

    The check digit finds every single wrong digit and nearly every swap (ISO/IEC 7812-1 annex B).
    """
    digits = str(identifier)
    text = digits + str(_luhn(digits))
    first = len(text) % 4 or 4
    groups = [text[:first], *[text[i : i + 4] for i in range(first, len(text), 4)]]
    return "-".join(groups)


def parse_serial(text: str) -> int | None:
    """Read what :func:`serial_number` wrote; separators are ignored; None when it cannot be one."""
    digits = "".join(c for c in text if c.isascii() and c.isdigit())
    stray = any(
        not c.isspace() and c not in "-–—" and not (c.isascii() and c.isdigit()) for c in text
    )
    if stray or not 2 <= len(digits) <= 19 or str(_luhn(digits[:-1])) != digits[-1]:
        return None
    return int(digits[:-1])


# The ASCII digits doubled, with their digits summed: 0 2 4 6 8 1 3 5 7 9.
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")


def _luhn(digits: str) -> int:
    back = digits.encode()[::-1]
    total = sum(back[::2].translate(_DOUBLED)) + sum(back[1::2]) - ord("0") * len(back)
    return -total % 10
