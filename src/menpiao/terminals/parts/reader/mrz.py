"""Passport readers that send the machine readable zone as text, by serial line or keyboard.

The two lines of 44 characters come as two lines, or as one text; whatever else comes between is no
passport and costs nothing. All check digits must hold: a misread passport is placed again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

import structlog

from menpiao.domain.document_faults import DocumentRefusal
from menpiao.domain.document_types import DocumentType, Sex
from menpiao.domain.mrz import Mrz, parse_mrz
from menpiao.terminals.parts.reader.base import (
    CardPresented,
    CardRead,
    CardUnreadable,
    FaultCode,
    ReaderEvent,
    ReaderFault,
    ReaderReady,
    ReaderState,
    Unreadable,
)
from menpiao.terminals.parts.reader.repeats import Repeats
from menpiao.terminals.ports.base import Connection, PortError, Transport
from menpiao.terminals.ports.framing import LineFramer

log = structlog.get_logger(__name__)

_LINE: Final = 44
_LONGEST: Final = 3 * _LINE
_SEX: Final = {Sex.MALE: "1", Sex.FEMALE: "2"}


@dataclass(frozen=True, slots=True)
class Options:
    """Delays in seconds. `today` gives the site's day, for two-digit years of birth."""

    silence_s: float = 0.15
    """After which a passport is taken as read to its end."""
    repeat_window_s: float = 3.0
    reopen_s: float = 1.0
    today: Callable[[], date] = date.today


class MrzAssembler:
    """Puts the lines of a zone together."""

    def __init__(self) -> None:
        self._framer = LineFramer(_LONGEST)
        self._first = ""

    @property
    def waiting(self) -> bool:
        """Whether a passport was begun."""
        return self._framer.waiting or bool(self._first)

    def feed(self, data: bytes) -> list[str]:
        """Take bytes; return the zones now complete."""
        return self._assemble(self._framer.feed(data))

    def flush(self) -> list[str]:
        """A silence: what is there is all there is."""
        zones = self._assemble(self._framer.flush())
        if self._first:
            zones.append(self._first)
            self._first = ""
        return zones

    def _assemble(self, lines: list[bytes]) -> list[str]:
        zones = []
        for line in lines:
            text = line.decode("ascii", "replace")
            if len(text) == _LINE and text[0] == "P" and not self._first:
                self._first = text
            else:
                zones.append(self._first + text)
                self._first = ""
        return zones


class MrzReader:
    """A `Reader` of passports over any transport."""

    def __init__(self, transport: Transport, options: Options | None = None) -> None:
        self._transport = transport
        self._options = options or Options()
        self._repeats = Repeats(self._options.repeat_window_s)
        self._state = ReaderState.OFFLINE
        self._fault: FaultCode | None = None

    @property
    def state(self) -> ReaderState:
        """The present state, for health."""
        return self._state

    async def run(self, deliver: Callable[[ReaderEvent], None]) -> None:
        """Read passports until cancelled; see `base.Reader.run`."""
        while True:
            try:
                connection = await self._transport.connect()
                try:
                    self._state, self._fault = ReaderState.READY, None
                    deliver(ReaderReady(""))
                    await self._serve(connection, deliver)
                finally:
                    self._state = ReaderState.OFFLINE
                    connection.close()
            except PortError as error:
                code = FaultCode(error.code.value)
                if code is not self._fault:
                    self._fault = code
                    log.warning("reader_fault", code=code.value)
                    deliver(ReaderFault(code))
            await asyncio.sleep(self._options.reopen_s)

    async def _serve(self, connection: Connection, deliver: Callable[[ReaderEvent], None]) -> None:
        assembler = MrzAssembler()
        while True:
            try:
                async with asyncio.timeout(self._options.silence_s if assembler.waiting else None):
                    zones = assembler.feed(await connection.read())
            except TimeoutError:
                zones = assembler.flush()
            for zone in zones:
                self._take(zone, deliver)

    def _take(self, zone: str, deliver: Callable[[ReaderEvent], None]) -> None:
        mrz = parse_mrz(zone, self._options.today())
        if isinstance(mrz, DocumentRefusal):
            log.warning("reader_mrz_refused", fault=mrz.fault.value, size=len(zone))
            if len(zone) >= _LINE:
                deliver(CardUnreadable(Unreadable.TRANSMISSION))
            return
        card = card_of(mrz)
        if self._repeats.is_new(card.kind, card.number, asyncio.get_running_loop().time()):
            deliver(CardPresented(card))


def card_of(mrz: Mrz) -> CardRead:
    """What ticketing keeps of a passport."""
    foreign = mrz.document.type is DocumentType.PASSPORT_FOREIGN
    return CardRead(
        kind="passport_foreign" if foreign else "passport_cn",
        number=mrz.number,
        name=f"{mrz.surname} {mrz.given_names}".strip(),
        sex=_SEX[mrz.sex] if mrz.sex is not None else "0",
        birth=mrz.birth.isoformat() if mrz.birth else None,
        valid_until=mrz.expiry.isoformat() if mrz.expiry else None,
        nationality=mrz.nationality or None,
        pass_number=None,
    )
