"""What a driver says about itself: for set-up, for documents, and for whoever buys a device."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How far a claim was tried."""

    DOCUMENTED = "documented"
    """Byte for byte against documents or programs of others."""
    INDEPENDENT = "independent"
    """Against a program that others wrote."""
    SIMULATED = "simulated"
    """Against our own simulated device."""
    DEVICE = "device"
    """Against a real device."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that was tried, against what, and the test that shows it."""

    what: str
    grade: Grade
    test: str
    """From the repository's `tests` folder."""


@dataclass(frozen=True, slots=True)
class DriverManifest:
    """One driver. `entry` is ``module:name``; `extra` the part of the installation it needs."""

    driver: str
    entry: str
    title_zh: str
    title_en: str
    transports: tuple[str, ...]
    abilities: tuple[str, ...]
    trials: tuple[Trial, ...]
    unconfirmed: tuple[str, ...] = ()
    """What the documents leave open and only a device can settle."""
    extra: str = ""
    twin: str = ""
    """The simulated device, ``module:name``."""

    @property
    def tried_on_hardware(self) -> bool:
        """Whether anybody has seen it work on a real device."""
        return any(trial.grade is Grade.DEVICE for trial in self.trials)
