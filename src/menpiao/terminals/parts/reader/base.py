"""What every ID-card reader promises, whatever is inside it (patent part 301).

The gate and the counter know a reader by this file alone. A reader reports what it saw as values
and never raises for trouble with a card, a cable or the device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, Protocol

CardKind = Literal["resident", "hmt", "foreigner_2017", "foreigner_2023"]

PassportKind = Literal["passport_cn", "passport_foreign"]
"""Passports have no chip of this family: they are read by sight, and typed."""

DOCUMENT_TYPES: Final[dict[CardKind | PassportKind, str]] = {
    "resident": "resident_card",
    "hmt": "hmt_residence_permit",
    "foreigner_2017": "foreigner_permanent_card_old",
    "foreigner_2023": "foreigner_permanent_card",
    "passport_cn": "passport_cn",
    "passport_foreign": "passport_foreign",
}
"""Card kind to the value of `domain.document.DocumentType`."""

LONG_TERM: Final = "长期"
"""What `CardRead.valid_until` holds for a card without an end date."""


class ReaderState(StrEnum):
    """What a health page shows for the reader."""

    OFFLINE = "offline"
    """No port: not plugged in, held by another process, or lost."""
    STARTING = "starting"
    """The port is open and the safe module has not answered yet."""
    READY = "ready"
    """Cards are being looked for."""
    FAULT = "fault"
    """The device answers, or fails to answer, in a way that makes reading impossible."""


class Unreadable(StrEnum):
    """Why a card that is lying on the reader gave no document."""

    CARD = "card"
    """The card was lifted too early, is damaged or is of another type: place it again."""
    TRANSMISSION = "transmission"
    """The answer arrived damaged twice: place the card again."""
    CONTENT = "content"
    """The frame was whole and its text is not that of any known document."""


class FaultCode(StrEnum):
    """Why the reader cannot be used until somebody, or time, repairs it."""

    PORT_ABSENT = "port_absent"
    PORT_BUSY = "port_busy"
    PORT_DENIED = "port_denied"
    PORT_LOST = "port_lost"
    SILENT = "silent"
    SELF_TEST = "self_test"
    NOT_AUTHORISED = "not_authorised"
    LINK = "link"
    """The module keeps refusing our frames or answering with damaged ones."""


@dataclass(frozen=True, slots=True)
class CardRead:
    """What ticketing keeps of a chip: nothing else leaves the driver.

    `sex` is the code of GB/T 2261.1 ("0" unknown, "1" male, "2" female, "9" not stated). `birth`
    and `valid_until` are ISO dates; `valid_until` may be `LONG_TERM`; both are None where the
    chip holds no real date. `nationality` is ISO 3166 alpha-3, on foreigners' cards only. The
    number is as the chip gives it, upper case: whether it is valid is for `domain.document` to
    say.
    """

    kind: CardKind | PassportKind
    number: str = field(repr=False)
    name: str = field(repr=False)
    sex: str
    birth: str | None = field(repr=False)
    valid_until: str | None
    nationality: str | None
    pass_number: str | None = field(repr=False)
    photo: bytes = field(default=b"", repr=False)
    """The chip's own blob; empty unless an operator has turned photos on."""

    @property
    def document_type(self) -> str:
        """The value of `domain.document.DocumentType` for this card."""
        return DOCUMENT_TYPES[self.kind]


@dataclass(frozen=True, slots=True)
class CardPresented:
    """One card was laid on the reader, once; its checksum was right."""

    card: CardRead


@dataclass(frozen=True, slots=True)
class CardProvisional:
    """A card's text has arrived and its checksum has not: look up, and do nothing yet.

    Told only where it was asked for. `CardPresented` with the same card confirms it,
    `CardWithdrawn` takes it back.
    """

    card: CardRead


@dataclass(frozen=True, slots=True)
class CardWithdrawn:
    """The provisional card was damaged on the way, or is another one."""


@dataclass(frozen=True, slots=True)
class CardUnreadable:
    """A card is there and could not be read: ask the visitor to place it again."""

    reason: Unreadable


@dataclass(frozen=True, slots=True)
class ReaderFault:
    """The reader went out of service; reported once for each change of code."""

    code: FaultCode


@dataclass(frozen=True, slots=True)
class ReaderReady:
    """The reader came into service.

    `sam_id` is its printed safe-module number, "" if the device does not tell it.
    """

    sam_id: str


ReaderEvent = (
    CardPresented | CardProvisional | CardWithdrawn | CardUnreadable | ReaderFault | ReaderReady
)


class Reader(Protocol):
    """A source of cards."""

    @property
    def state(self) -> ReaderState:
        """The present state, for health."""
        ...

    async def run(self, deliver: Callable[[ReaderEvent], None]) -> None:
        """Hand every event to `deliver` until cancelled.

        Never returns by itself and never raises for device trouble: it survives a pulled cable
        and finds the device again. `deliver` is called in the event loop's thread and must not
        block.
        """
        ...
