"""What a lane and the centre say to each other besides asks: fresh data, reports, passages.

Over the link: ``Follow`` up, ``Changes`` down. Over HTTP, with a session token: reports of scans
that were decided without the centre, and what the barrier did. Rows are those of ``wire.bundle``.
"""

from datetime import date, datetime
from typing import Annotated

import msgspec

from menpiao.wire.check import DeviceId, Message, Nonce, ShortText

REPORT_MOST = 500


class Follow(Message, frozen=True, kw_only=True, tag="follow", tag_field="type"):
    """A terminal has the bundle of this day as of ``horizon``: send it what changes after that."""

    day: date
    horizon: int


class Changes(Message, frozen=True, kw_only=True, tag="changes", tag_field="type"):
    """Rows of a bundle as they are at ``horizon``; each stands in the place of the one before.

    ``tickets`` and ``zones`` are packed rows as base64; both empty: nothing has changed, and the
    data is as young as ``at``. ``since`` is the horizon that they follow on: a terminal that has
    another one asks for the bundle again.
    """

    day: date
    since: int
    horizon: int
    at: datetime
    tickets: str = ""
    zones: str = ""


class ReportedScan(Message, frozen=True, kw_only=True):
    """A scan that was decided without the centre, as it happened; the nonce makes it count once."""

    nonce: Nonce
    sequence: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    """Counted on by the terminal without a gap: nothing in between is lost."""
    gate_id: DeviceId
    at: datetime
    admitted: bool
    reason: ShortText
    source: ShortText
    """``lane``: alone; ``hub``: by the hub of the site."""
    people: Annotated[int, msgspec.Meta(ge=0, le=500)] = 0
    first_entry: Annotated[int, msgspec.Meta(ge=0, le=500)] = 0
    ticket_id: DeviceId | None = None
    horizon: int = 0
    """The state of the data that it was decided on."""
    overridden: ShortText = ""
    staff: ShortText = ""


class Report(Message, frozen=True, kw_only=True):
    """Body of ``POST /check/v1/reports``."""

    scans: Annotated[list[ReportedScan], msgspec.Meta(min_length=1, max_length=REPORT_MOST)]
    now: datetime
    """The terminal's clock as it sends this: what it is off by is taken into account."""


class ReportResult(Message, frozen=True, kw_only=True):
    """What became of one reported scan: ``recorded``, ``known``, ``conflict`` or ``rejected``."""

    nonce: str
    outcome: str
    detail: str = ""


class Reported(Message, frozen=True, kw_only=True):
    """Answer of ``POST /check/v1/reports``, in the order of the scans."""

    results: list[ReportResult]


class PassageEvent(Message, frozen=True, kw_only=True):
    """Something a barrier did or saw; ``nonce`` names the admission it belongs to, if any.

    ``kind``: opened, open_failed, open_unknown, passed, timed_out, reverse, tailgating,
    forced_door, hold_open, closed, counted (what the hardware counters moved by while nobody
    looked), lost (the barrier does not answer), back (it does again).
    """

    sequence: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    gate_id: DeviceId
    at: datetime
    kind: ShortText
    count: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 1
    direction: ShortText = ""
    nonce: Nonce | None = None


class Passages(Message, frozen=True, kw_only=True):
    """Body of ``POST /check/v1/passages``; the same sequence again records nothing."""

    events: Annotated[list[PassageEvent], msgspec.Meta(min_length=1, max_length=REPORT_MOST)]


class Recorded(Message, frozen=True, kw_only=True):
    """Answer of ``POST /check/v1/passages``: everything up to this sequence is kept."""

    upto: int
