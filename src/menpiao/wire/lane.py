"""What a lane brings to the centre besides asks, over HTTP with a session token.

Reports of scans that were decided without the centre, and what the barrier did.
"""

from datetime import date
from typing import Annotated

import msgspec

from menpiao.wire.check import DeviceId, Instant, Message, Nonce, ShortText, Told

REPORT_MOST = 500


class ReportedScan(Message, frozen=True, kw_only=True):
    """A scan that was decided without the centre, as it happened; the nonce makes it count once."""

    nonce: Nonce
    sequence: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    """Counted on by the terminal without a gap: nothing in between is lost."""
    gate_id: DeviceId
    at: Instant
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
    of_device: DeviceId | None = None
    """Set by a hub: the terminal of its site that asked, whose nonce this is."""


class Report(Message, frozen=True, kw_only=True):
    """Body of ``POST /check/v1/reports``."""

    scans: Annotated[list[ReportedScan], msgspec.Meta(min_length=1, max_length=REPORT_MOST)]
    now: Instant
    """The terminal's clock as it sends this: what it is off by is taken into account."""


class ReportResult(Told, frozen=True, kw_only=True):
    """What became of one reported scan: ``recorded``, ``known``, ``conflict`` or ``rejected``.

    ``detail`` of a known one is what is recorded under its nonce: ``admitted`` or ``refused``.
    """

    nonce: str
    outcome: str
    detail: str = ""


class Reported(Told, frozen=True, kw_only=True):
    """Answer of ``POST /check/v1/reports``, in the order of the scans."""

    results: list[ReportResult]


class PassageEvent(Message, frozen=True, kw_only=True):
    """Something a barrier did or saw; ``nonce`` names the admission it belongs to, if any.

    ``kind``: opened, open_failed, open_unknown (the board says nothing), passed, timed_out,
    free (held open), reverse, tailgating (nobody was let in), counted (the board's counters moved
    while nobody looked), hold_open, hold_closed, released, alarm, alarm_over, reset (the counters
    began anew), lost (the barrier does not answer), back (it does).
    """

    sequence: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    gate_id: DeviceId
    at: Instant
    kind: ShortText
    count: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 1
    direction: ShortText = ""
    nonce: Nonce | None = None


class Passages(Message, frozen=True, kw_only=True):
    """Body of ``POST /check/v1/passages``; the same sequence again records nothing.

    ``journal`` names the book that the sequences are of: one that had to be begun anew counts from
    1 again, under another name.
    """

    journal: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[0-9A-Za-z_-]*\Z")] = ""
    events: Annotated[list[PassageEvent], msgspec.Meta(min_length=1, max_length=REPORT_MOST)]


class Recorded(Told, frozen=True, kw_only=True):
    """Answer of ``POST /check/v1/passages``: everything up to this sequence is kept."""

    upto: int


class DayPath(Message, frozen=True, kw_only=True):
    """The day of a bundle."""

    day: date


class ContentPath(Message, frozen=True, kw_only=True):
    """A bundle's content as of a horizon."""

    day: date
    horizon: Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class ContentHeaders(Message, frozen=True, kw_only=True, rename="kebab"):
    """``Range: bytes=N-`` goes on with a fetch that was cut."""

    range: Annotated[str, msgspec.Meta(max_length=64)] = ""
