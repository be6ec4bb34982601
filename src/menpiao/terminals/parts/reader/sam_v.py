"""The reader driver: finds, selects and reads cards through any SAM_V module.

```
connect ─▶ status ─▶ SAM id ─▶ ┌ find ─ 9F ─▶ select ─▶ read ─▶ presented once ┐
   ▲                           └───────────── every poll_s ◀──────────────────┘
   └── port lost, module silent or out of service: fault, wait, again
```
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from menpiao.terminals.parts.reader import protocol
from menpiao.terminals.parts.reader.ahead import Ahead
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
from menpiao.terminals.parts.reader.pace import Pace
from menpiao.terminals.parts.reader.protocol import Answer, Meaning, meaning
from menpiao.terminals.parts.reader.repeats import Repeats
from menpiao.terminals.parts.reader.session import NoAnswer, Session
from menpiao.terminals.parts.reader.text import photo_of_payload, read_text, text_of_payload
from menpiao.terminals.parts.reader.timings import Timings
from menpiao.terminals.ports.base import PortError, Transport

log = structlog.get_logger(__name__)

_OUT_OF_SERVICE: Final = {
    protocol.SELF_TEST_FAILED: FaultCode.SELF_TEST,
    protocol.NOT_AUTHORISED: FaultCode.NOT_AUTHORISED,
}
_OFFLINE: Final = {
    FaultCode.PORT_ABSENT,
    FaultCode.PORT_BUSY,
    FaultCode.PORT_DENIED,
    FaultCode.PORT_LOST,
}


@dataclass(frozen=True, slots=True)
class Options:
    """How one reader is used.

    `plausible` is asked about each card before it is delivered; a card it refuses is read once
    more and then reported as unreadable content. `early` tells a card's text before its photo and
    checksum have arrived; `keep_photo` is for an operator with a use for photos. `always_read`
    sends the read command whatever find and select say, for modules that need it.
    """

    timings: Timings = field(default_factory=Timings)
    plausible: Callable[[CardRead], bool] = lambda _: True
    always_read: bool = False
    early: bool = False
    keep_photo: bool = False


class SamVReader:
    """A `Reader` over any transport."""

    def __init__(self, transport: Transport, options: Options | None = None) -> None:
        self._transport = transport
        self._options = options or Options()
        self._timings = self._options.timings
        self._repeats = Repeats(self._timings.repeat_window_s)
        self._pace = Pace(self._timings)
        self._state = ReaderState.OFFLINE
        self._fault: FaultCode | None = None

    @property
    def state(self) -> ReaderState:
        """The present state, for health."""
        return self._state

    async def run(self, deliver: Callable[[ReaderEvent], None]) -> None:
        """Read cards until cancelled; see `base.Reader.run`."""
        while True:
            try:
                connection = await self._transport.connect()
                try:
                    self._state = ReaderState.STARTING if self._fault is None else self._state
                    await self._serve(Session(connection, self._timings), deliver)
                finally:
                    connection.close()
            except PortError as error:
                self._report_fault(FaultCode(error.code.value), deliver)
            except _Unusable as error:
                self._report_fault(error.code, deliver)
            await asyncio.sleep(self._timings.reopen_s)

    async def _serve(self, session: Session, deliver: Callable[[ReaderEvent], None]) -> None:
        look = _Look(session, self._options, self._repeats, self._pace, deliver)
        await look.status()
        sam_id = await look.sam_id()
        self._state = ReaderState.READY
        self._fault = None
        log.info("reader_ready", sam_id=sam_id)
        deliver(ReaderReady(sam_id))
        clock = asyncio.get_running_loop().time
        status_due = clock() + self._timings.status_every_s
        while True:
            started = clock()
            found = await look.once()
            if not found and clock() >= status_due:
                await look.status()
                status_due = clock() + self._timings.status_every_s
            await asyncio.sleep(max(self._pace.gap_s, started + self._pace.poll_s - clock()))

    def _report_fault(self, code: FaultCode, deliver: Callable[[ReaderEvent], None]) -> None:
        self._state = ReaderState.OFFLINE if code in _OFFLINE else ReaderState.FAULT
        if code is self._fault:
            return
        self._fault = code
        log.warning("reader_fault", code=code.value)
        deliver(ReaderFault(code))


class _Unusable(Exception):
    """The module is reached and cannot be used."""

    def __init__(self, code: FaultCode) -> None:
        super().__init__(code.value)
        self.code = code


class _Look:
    """One connection's looking for cards. Trouble leaves as PortError or _Unusable."""

    def __init__(
        self,
        session: Session,
        options: Options,
        repeats: Repeats,
        pace: Pace,
        deliver: Callable[[ReaderEvent], None],
    ) -> None:
        self._session = session
        self._options = options
        self._timings = options.timings
        self._repeats = repeats
        self._pace = pace
        self._deliver = deliver
        self._silences = 0
        self._unreadable: Unreadable | None = None
        self._lying = False
        self._failures = 0
        self._noted: set[object] = set()

    async def status(self) -> None:
        """Ask the module after its health."""
        while isinstance(await self._ask(protocol.STATUS, self._timings.status_s), NoAnswer):
            pass

    async def sam_id(self) -> str:
        """The module's number, or "" if it does not tell."""
        answer = await self._ask(protocol.SAM_ID, self._timings.sam_id_s)
        if isinstance(answer, Answer) and answer.sw3 == protocol.SUCCESS:
            return protocol.sam_id_text(answer.data)
        return ""

    async def once(self) -> bool:
        """Look for a card and read it if there is one; whether one was found."""
        found = await self._find()
        if not found and not self._options.always_read:
            return False
        hurried, doubts = self._pace.hurried, self._pace.doubts
        trouble = await self._chosen(self._pace.gap_s)
        if found and hurried and trouble in {Unreadable.CARD, Unreadable.TRANSMISSION}:
            # The card was lifted, or the module needs its pauses: trying again tells which.
            trouble = await self._with_care(trouble)
        elif trouble is None and self._pace.doubts == doubts:
            self._pace.kept_up()
        if trouble is not None and found:
            self._report_unreadable(trouble)
        return found

    async def _find(self) -> bool:
        find = await self._ask(protocol.FIND, self._timings.find_s)
        found = isinstance(find, Answer) and find.sw3 == protocol.CARD_FOUND
        if isinstance(find, Answer) and not found:
            if meaning(find.sw3) is Meaning.NO_CARD:
                self._settle(lying=False)
            elif meaning(find.sw3) is Meaning.PLACE_AGAIN:
                self._report_unreadable(Unreadable.CARD)
        return found

    async def _chosen(self, gap_s: float) -> Unreadable | None:
        """Select what was found and read it, with pauses; see `_read`."""
        await asyncio.sleep(gap_s)
        # Some modules refuse to select and read all the same: the answer decides nothing.
        await self._ask(protocol.SELECT, self._timings.find_s)
        await asyncio.sleep(gap_s)
        return await self._read()

    async def _with_care(self, trouble: Unreadable) -> Unreadable | None:
        """Find, select and read once more, with the pauses that every module is content with."""
        gap_s = self._timings.careful_gap_s
        await asyncio.sleep(gap_s)
        find = await self._ask(protocol.FIND, self._timings.find_s)
        if not isinstance(find, Answer) or find.sw3 != protocol.CARD_FOUND:
            return trouble
        trouble_again = await self._chosen(gap_s)
        if trouble_again is None and trouble is Unreadable.CARD:
            self._pace.doubt()  # a silence was one already
        return trouble_again

    async def _read(self) -> Unreadable | None:
        """Read the text and deliver its card.

        Or say what is wrong, the content after a second reading.
        """
        for _ in range(2):
            ahead = Ahead(self._options.plausible, self._repeats, self._deliver)
            answer = await self._ask(
                protocol.READ,
                self._timings.read_first_s,
                self._timings.read_whole_s,
                ahead.look if self._options.early else None,
            )
            ahead.settle(answer)
            if isinstance(answer, NoAnswer):
                return Unreadable.TRANSMISSION
            if answer.sw3 != protocol.SUCCESS:
                return Unreadable.CARD
            card = self._card_of(answer.data)
            if card is not None:
                self._settle(lying=True)
                if self._repeats.is_new(card.kind, card.number, asyncio.get_running_loop().time()):
                    self._deliver(CardPresented(card))
                return None
        return Unreadable.CONTENT

    def _card_of(self, data: bytes) -> CardRead | None:
        block = text_of_payload(data)
        if block is None:
            log.warning("reader_payload_lengths_wrong", size=len(data))
            return None
        text = read_text(block)
        if text.unknown_letter:
            self._note("reader_unknown_card_letter", letter=text.unknown_letter)
        if not text.well_formed or not self._options.plausible(text.card):
            log.warning("reader_number_implausible", kind=text.card.kind)
            return None
        if self._options.keep_photo:
            return replace(text.card, photo=photo_of_payload(data))
        return text.card

    async def _ask(
        self,
        command: protocol.Command,
        first_s: float,
        whole_s: float | None = None,
        look_ahead: Callable[[bytes], None] | None = None,
    ) -> Answer | NoAnswer:
        answer = await self._session.ask(command, first_s, whole_s, look_ahead)
        if isinstance(answer, NoAnswer):
            self._silences += 1
            self._pace.doubt()
            if self._silences >= self._timings.silences_max:
                lost = FaultCode.SILENT if answer is NoAnswer.SILENCE else FaultCode.LINK
                raise _Unusable(lost)
            return answer
        self._silences = 0
        if answer.sw1 or answer.sw2:
            self._note("reader_card_status", sw1=answer.sw1, sw2=answer.sw2)
        if answer.sw3 == command.success:
            return answer
        match meaning(answer.sw3):
            case Meaning.OUT_OF_SERVICE:
                raise _Unusable(_OUT_OF_SERVICE[answer.sw3])
            case Meaning.LINK:
                raise _Unusable(FaultCode.LINK)
            case Meaning.PROGRAMMING | Meaning.PLACE_AGAIN:
                self._note("reader_refused", command=command.name, sw3=f"{answer.sw3:02X}")
            case Meaning.NO_CARD:
                pass
        return answer

    def _settle(self, *, lying: bool) -> None:
        """Begin anew: a card was read and lies there, or there is none."""
        self._lying = lying
        self._failures = 0
        self._unreadable = None

    def _report_unreadable(self, reason: Unreadable) -> None:
        """Tell once about a card that lies there and cannot be read.

        A card that was read and is now being lifted fails once: nobody should be told to place
        it again for that.
        """
        self._failures += 1
        if (self._lying and self._failures == 1) or reason is self._unreadable:
            return
        self._unreadable = reason
        self._deliver(CardUnreadable(reason))

    def _note(self, event: str, **values: object) -> None:
        """Log a peculiarity once a connection: the loop meets it ten times a second."""
        key = (event, *values.values())
        if key not in self._noted:
            self._noted.add(key)
            log.warning(event, **values)
