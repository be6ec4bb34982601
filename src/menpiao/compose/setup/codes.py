"""Waiting for a code: which of several lines it comes on tells which one is the scanner's."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

import msgspec

from menpiao.compose.devices import line_way
from menpiao.compose.setup.console import Console
from menpiao.compose.setup.trials import TEST_CODE
from menpiao.terminals.devices import Scanner
from menpiao.terminals.ports.base import Connection, PortError, PortTrouble
from menpiao.terminals.ports.framing import LineFramer

RATES: Final = (9_600, 115_200, 38_400, 19_200, 57_600)
_SILENCE_S: Final = 0.15
_LONGEST: Final = 512
_SHORTEST: Final = 4
_ZONE_LINE: Final = 44


@dataclass(frozen=True, slots=True)
class CodeHeard:
    """A code, and the scanner that it says there is."""

    scanner: Scanner
    text: str


async def hear_code(
    tables: tuple[Scanner, ...], console: Console, wait_s: float
) -> str | CodeHeard:
    """The first code that comes on any line, or why there is none: a key of the words.

    A line on which something came that is no text is tried at the next rate.
    """
    opened = [asyncio.Event() for _ in tables]
    pairs = zip(tables, opened, strict=True)
    tasks = [asyncio.create_task(_code_on(table, console, event)) for table, event in pairs]

    async def first() -> CodeHeard | PortTrouble:
        trouble = PortTrouble.ABSENT
        for done in asyncio.as_completed(tasks):
            try:
                return await done
            except PortError as error:
                trouble = error.code
        return trouble

    try:
        for event in opened:  # a scanner says a code once: nobody is asked for one too early
            await event.wait()
        console.say("show_code", wait=round(wait_s))
        heard = await console.unless_enter(first(), wait_s)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if isinstance(heard, PortTrouble):
        return heard.value
    return heard or "code_none"


async def _code_on(table: Scanner, console: Console, opened: asyncio.Event) -> CodeHeard:
    """Wait on one line, however long; tells when it is open. Raises PortError when it is gone."""
    rates = (table.baud, *(rate for rate in RATES if rate != table.baud))
    turn = 0
    while True:
        at_rate = msgspec.structs.replace(table, baud=rates[turn % len(rates)])
        way = line_way(at_rate.kind, at_rate.port, at_rate.baud, at_rate.host, at_rate.tcp_port)
        try:
            connection = await way.connect()
        finally:
            opened.set()
        try:
            line = await _line(connection)
        finally:
            connection.close()
        text = readable(line)
        if text:
            return CodeHeard(_scanner_of(at_rate, text), text)
        if table.kind == "serial":
            turn += 1
            rate = rates[turn % len(rates)]
            console.say("code_noise", where=table.port, baud=rate)


async def _line(connection: Connection) -> bytes:
    framer = LineFramer(_LONGEST)
    while True:
        lines = []
        try:
            async with asyncio.timeout(_SILENCE_S if framer.waiting else None):
                lines = framer.feed(await connection.read())
        except TimeoutError:
            lines = framer.flush() or [b""]
        if lines:
            # The rest belongs to the same code: a passport has two lines.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SILENCE_S):
                    while True:
                        await connection.read()
            return lines[0]


def readable(line: bytes) -> str:
    """The text of a line at the right rate; "" for what a wrong rate makes of one."""
    text = line.decode("ascii", "replace").strip()
    return text if text.isascii() and text.isprintable() and len(text) >= _SHORTEST else ""


def is_passport(text: str) -> bool:
    """Whether a line is the first of a passport's machine readable zone."""
    return text.startswith("P") and "<<" in text and len(text) >= _ZONE_LINE


def _scanner_of(table: Scanner, text: str) -> Scanner:
    """With what it adds to the test slip's code as its prefix and suffix."""
    if is_passport(text):
        return msgspec.structs.replace(table, reads="mrz")
    prefix, found, suffix = text.partition(TEST_CODE)
    if not found:
        return table
    return msgspec.structs.replace(table, prefix=prefix, suffix=suffix)
