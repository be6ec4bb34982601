"""The slip printer: a profile, a transport and a time limit."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace

import structlog

from menpiao.terminals.parts.printer import status
from menpiao.terminals.parts.printer.base import (
    PRINTED,
    UNKNOWN,
    PrintOutcome,
    PrintStatus,
    Slip,
    failed,
)
from menpiao.terminals.parts.printer.drawing import QrTooLarge
from menpiao.terminals.parts.printer.escpos import encode
from menpiao.terminals.parts.printer.fonts import Fonts
from menpiao.terminals.parts.printer.profiles import Profile
from menpiao.terminals.parts.printer.transport import Connection, PrinterUnreachable, Transport

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Delays in seconds."""

    slip_s: float = 8.0
    """For a slip as a whole, waiting for the slip before it included."""
    answer_s: float = 0.3
    """For an answer to a question after the printer's health."""
    unasked_slips: int = 20


class EscPosPrinter:
    """A `Printer`.

    A printer that answers is asked before and after each slip; one that stays silent is spared
    the question, and its slips the wait, for `Limits.unasked_slips` slips.
    """

    def __init__(
        self,
        transport: Transport,
        profile: Profile,
        *,
        fonts: Fonts | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._transport = transport
        self._profile = profile
        self._fonts = fonts or Fonts()
        self._limits = limits or Limits()
        self._one_slip_at_a_time = asyncio.Lock()
        self._unasked_slips = 0
        self._last = UNKNOWN

    @property
    def problems(self) -> tuple[str, ...]:
        """What a health page should show.

        Why the last slip or look failed, a missing font, and that a name was printed as its codes
        because no font has it ("glyph_missing").
        """
        last = [self._last.reason] if self._last.reason else []
        if not self._fonts.chinese:
            last.append("no_chinese_font")
        elif self._fonts.missing:
            last.append("glyph_missing")
        return tuple(last)

    async def check(self) -> PrintOutcome:
        """Ask the printer how it is without printing; see `PrintOutcome` for what it means.

        Ends within the time limit of a slip and never raises for device trouble.
        """
        try:
            async with asyncio.timeout(self._limits.slip_s), self._one_slip_at_a_time:
                connection = await self._transport.connect()
                try:
                    health = await self._ask(connection) if connection.answers else UNKNOWN
                finally:
                    await connection.close()
        except TimeoutError:
            health = failed("time_out")
        except PrinterUnreachable as error:
            health = failed(error.reason)
        self._last = health
        return health

    async def print_slip(self, slip: Slip) -> PrintOutcome:
        """Print one slip; see `base.Printer.print_slip`."""
        try:
            async with asyncio.timeout(self._limits.slip_s), self._one_slip_at_a_time:
                # Drawing takes milliseconds that a lane's event loop has better use for.
                data = await asyncio.to_thread(encode, slip, self._profile, self._fonts)
                outcome = await self._print(data)
        except TimeoutError:
            outcome = failed("time_out")
        except PrinterUnreachable as error:
            outcome = failed(error.reason)
        except QrTooLarge:
            outcome = failed("code_too_large")
        if self._fonts.missing:
            codes = sorted(f"U+{ord(char):04X}" for char in self._fonts.missing)
            log.warning("slip_glyphs_missing", codes=codes)
        if outcome.reason:
            log.warning("slip_not_printed", reason=outcome.reason)
        self._last = outcome
        return outcome

    async def _print(self, data: bytes) -> PrintOutcome:
        connection = await self._transport.connect()
        try:
            asking = connection.answers and self._unasked_slips == 0
            self._unasked_slips = max(0, self._unasked_slips - 1)
            health = await self._ask(connection) if asking else UNKNOWN
            if health.status is PrintStatus.FAILED:
                return health
            await connection.write(data)
            if health.status is PrintStatus.UNKNOWN:
                return UNKNOWN
            with contextlib.suppress(PrinterUnreachable):
                return await self._ask(connection)
            # Lost after the slip was handed over: it may be on paper.
            return UNKNOWN
        finally:
            await connection.close()

    async def _ask(self, connection: Connection) -> PrintOutcome:
        """PRINTED if the printer says that it is well, FAILED if it names a trouble, or UNKNOWN.

        Raises PrinterUnreachable.
        """
        low = False
        for number in status.QUESTIONS:
            await connection.write(status.question(number))
            try:
                async with asyncio.timeout(self._limits.answer_s):
                    byte = await _answer(connection)
            except TimeoutError:
                self._unasked_slips = self._limits.unasked_slips
                return UNKNOWN
            reason = status.trouble(number, byte)
            if reason:
                return failed(reason)
            low = low or (number == status.PAPER and bool(byte & status.PAPER_LOW_BITS))
        return replace(PRINTED, paper_low=low)


async def _answer(connection: Connection) -> int:
    while True:
        for byte in await connection.read():
            if status.is_answer(byte):
                return byte
