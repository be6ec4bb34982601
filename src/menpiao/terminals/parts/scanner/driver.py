"""The scanner: lines from a serial port, a converter or a keyboard become codes, each told once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from menpiao.terminals.parts.scanner.base import (
    CodeScanned,
    ScannerEvent,
    ScannerFault,
    ScannerReady,
    ScannerState,
)
from menpiao.terminals.ports.base import Connection, PortError, Transport
from menpiao.terminals.ports.framing import LineFramer, decoded

log = structlog.get_logger(__name__)


def _not_idle_talk(text: str) -> bool:
    return not text.startswith("www.")


@dataclass(frozen=True, slots=True)
class Options:
    """How one scanner is set up; delays in seconds.

    `accepts` is the grammar of the codes in use: some scanners talk while idle (an address of
    their maker), which is no code.
    """

    prefix: bytes = b""
    suffix: bytes = b""
    silence_s: float = 0.08
    """After which a code without an end is taken as whole."""
    longest: int = 512
    same_code_s: float = 2.0
    """A code seen again within this time after it was last seen is still the same showing."""
    reopen_s: float = 1.0
    accepts: Callable[[str], bool] = _not_idle_talk


class LineScanner:
    """A `Scanner` over any transport."""

    def __init__(self, transport: Transport, options: Options | None = None) -> None:
        self._transport = transport
        self._options = options or Options()
        self._state = ScannerState.OFFLINE
        self._fault = ""
        self._seen: dict[str, float] = {}

    @property
    def state(self) -> ScannerState:
        """The present state, for health."""
        return self._state

    async def run(self, deliver: Callable[[ScannerEvent], None]) -> None:
        """Scan until cancelled; see `base.Scanner.run`."""
        while True:
            try:
                connection = await self._transport.connect()
                try:
                    self._state, self._fault = ScannerState.READY, ""
                    deliver(ScannerReady())
                    await self._serve(connection, deliver)
                finally:
                    self._state = ScannerState.OFFLINE
                    connection.close()
            except PortError as error:
                if error.code.value != self._fault:
                    self._fault = error.code.value
                    log.warning("scanner_fault", code=self._fault)
                    deliver(ScannerFault(self._fault))
            await asyncio.sleep(self._options.reopen_s)

    async def _serve(self, connection: Connection, deliver: Callable[[ScannerEvent], None]) -> None:
        framer = LineFramer(self._options.longest, self._options.prefix, self._options.suffix)
        dropped = 0
        while True:
            try:
                async with asyncio.timeout(self._options.silence_s if framer.waiting else None):
                    lines = framer.feed(await connection.read())
            except TimeoutError:
                lines = framer.flush()
            if framer.dropped != dropped:
                dropped = framer.dropped
                log.warning("scanner_line_too_long", count=dropped)
            for line in lines:
                self._take(line, deliver)

    def _take(self, line: bytes, deliver: Callable[[ScannerEvent], None]) -> None:
        text = decoded(line)
        if text is None or not self._options.accepts(text):
            # The content may be anybody's code: its size is enough for diagnosis.
            log.info("scanner_line_not_accepted", size=len(line), readable=text is not None)
            return
        now_s, window_s = asyncio.get_running_loop().time(), self._options.same_code_s
        self._seen = {code: at for code, at in self._seen.items() if now_s - at <= window_s}
        new = text not in self._seen
        self._seen[text] = now_s
        if new:
            deliver(CodeScanned(text))
