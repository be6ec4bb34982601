"""What every QR and barcode scanner promises (patent part 101)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class ScannerState(StrEnum):
    """What a health page shows for the scanner."""

    OFFLINE = "offline"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class CodeScanned:
    """One code was shown to the scanner, once.

    `text` may be the code of a coupon or a ticket and is not shown in logs.
    """

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ScannerFault:
    """The scanner went out of service; reported once for each change of code."""

    code: str


@dataclass(frozen=True, slots=True)
class ScannerReady:
    """The scanner came into service."""


ScannerEvent = CodeScanned | ScannerFault | ScannerReady


class Scanner(Protocol):
    """A source of scanned codes."""

    @property
    def state(self) -> ScannerState:
        """The present state, for health."""
        ...

    async def run(self, deliver: Callable[[ScannerEvent], None]) -> None:
        """Hand every event to `deliver` until cancelled.

        Never raise for device trouble; find a replugged device again.
        """
        ...
