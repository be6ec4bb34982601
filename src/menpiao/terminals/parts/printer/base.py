"""What every slip printer promises (patent part 305).

A slip is a copy of an answer that has already been given. Printing therefore never raises for
device trouble, never waits longer than its time limit, and never decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, Protocol


class Align(StrEnum):
    """Where a line stands on the paper."""

    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, wrapped to the paper.

    Control characters in it are dropped: text is never a command.
    """

    text: str
    size: Literal[1, 2] = 1
    bold: bool = False
    align: Align = Align.LEFT


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal line over the whole width."""


@dataclass(frozen=True, slots=True)
class QrCode:
    """A QR code, centred. The printer's own where it has one, drawn otherwise."""

    payload: str
    module_dots: int = 6


@dataclass(frozen=True, slots=True)
class Feed:
    """Empty lines."""

    lines: int = 1


@dataclass(frozen=True, slots=True)
class Cut:
    """Feed past the knife and cut; on a printer without a knife, feed past the tear bar."""


SlipLine = Text | Rule | QrCode | Feed | Cut


@dataclass(frozen=True, slots=True)
class Slip:
    """A document for paper, free of any printer's language."""

    lines: tuple[SlipLine, ...]


class PrintStatus(StrEnum):
    """How a print ended."""

    PRINTED = "printed"
    """The device took the slip and afterwards said that it is ready."""
    UNKNOWN = "unknown"
    """The device took the slip and says nothing about itself."""
    FAILED = "failed"
    """The slip, or part of it, is not on paper."""


@dataclass(frozen=True, slots=True)
class PrintOutcome:
    """How a print ended and, for FAILED, why: a short snake_case reason such as "paper_out".

    ``paper_low``: the device says that the roll comes to its end.
    """

    status: PrintStatus
    reason: str = ""
    paper_low: bool = field(default=False, compare=False)


PRINTED: Final = PrintOutcome(PrintStatus.PRINTED)
UNKNOWN: Final = PrintOutcome(PrintStatus.UNKNOWN)


def failed(reason: str) -> PrintOutcome:
    """The outcome of a print that did not reach the paper."""
    return PrintOutcome(PrintStatus.FAILED, reason)


class Printer(Protocol):
    """Something that puts slips on paper."""

    async def print_slip(self, slip: Slip) -> PrintOutcome:
        """Print one slip.

        Ends within the driver's time limit and never raises for device trouble.
        """
        ...
