"""What every lane display promises (patent part 304).

What is shown is complete without sound, and understood without colour: a signal is a colour, a
glyph and words at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Signal(StrEnum):
    """What a view says before it is read."""

    READY = "ready"
    """Lay your card."""
    WAIT = "wait"
    """Being checked."""
    ADMIT = "admit"
    """Walk."""
    REFUSE = "refuse"
    """Stop; the words say why and what next."""
    CAUTION = "caution"
    """The lane, not the visitor, is in trouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One picture of the lane.

    ``zh`` has at most eight characters. ``holder`` is a masked name; a document number is never
    part of a view. ``people`` is how many may pass now, ``remaining`` how many of the ticket have
    not entered. ``since`` and ``since_place`` are time and gate of what a refusal speaks of, in
    the site's own time; ``since_zh`` and ``since_en`` say what that time is. ``voice`` is the key
    of the tones; a recorded clip is found by ``reason`` or by ``voice``. ``link`` is up, down or
    refused, and empty before it is known; ``direction`` is entry or exit. ``utc_offset_s`` is the
    site's zone, for the clock; None: the lane computer's own.
    """

    signal: Signal
    state: str
    zh: str
    en: str
    zh_next: str = ""
    en_next: str = ""
    voice: str = ""
    reason: str = ""
    holder: str = ""
    product: str = ""
    product_en: str = ""
    people: int = 0
    remaining: int = 0
    since: str = ""
    since_place: str = ""
    since_zh: str = ""
    since_en: str = ""
    site: str = ""
    site_en: str = ""
    gate: str = ""
    gate_en: str = ""
    direction: str = ""
    link: str = ""
    utc_offset_s: int | None = None


@dataclass(frozen=True, slots=True)
class Data:
    """What the lane would decide on without the centre.

    ``mode``: who decides now, ``centre``, ``hub``, ``lane`` or ``manual``. ``at``: how fresh the
    data is, by this computer's clock; None: there is none. ``queue``: scans to be reported yet.
    """

    mode: str
    at: datetime | None = None
    tickets: int | None = None
    queue: int = 0


class Display(Protocol):
    """Something that shows views."""

    async def run(self) -> None:
        """Serve until cancelled; raises OSError when the display cannot be started."""
        ...

    def show(self, view: View) -> None:
        """Show a view from now on; never blocks and never raises."""
        ...

    def data(self, data: Data) -> None:
        """Show how fresh the lane's data is from now on; never blocks and never raises."""
        ...
