"""A simulated slip printer: a network printer on this machine whose paper can be looked at."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Self

from menpiao.terminals.parts.printer import status
from menpiao.terminals.parts.printer.fonts import Fonts
from menpiao.terminals.parts.printer.profiles import PROFILES, Profile
from menpiao.terminals.parts.printer.render import (
    Interpreter,
    Item,
    PaperCut,
    PrintedQr,
    paper,
    text_lines,
)

_READ_BYTES: Final = 65_536


class Fault(Enum):
    """What is wrong with the printer."""

    NONE = auto()
    REFUSE = auto()
    """Connections are closed at once."""
    STALL = auto()
    """Connections are accepted and nothing is read."""
    PAPER_OUT = auto()
    """Says so when asked, and prints nothing."""
    PAPER_LOW = auto()
    """Says so when asked, and prints all the same."""
    COVER_OPEN = auto()
    """Says so when asked, and prints nothing."""
    KNIFE_STUCK = auto()
    """Says so when asked, and prints nothing."""
    SILENT = auto()
    """Prints and never answers a question."""


@dataclass(frozen=True, slots=True)
class PrintedSlip:
    """One piece of paper."""

    number: int
    """Counts from 1 since the printer was switched on."""
    items: tuple[Item, ...] = field(repr=False)
    unknown: tuple[bytes, ...]
    """Bytes that no printer would understand: empty for a sound slip."""
    profile: Profile = field(repr=False)

    @property
    def lines(self) -> list[str]:
        """The printed text; drawn lines have none."""
        return text_lines(self.items)

    @property
    def codes(self) -> list[str]:
        """The payloads of the QR codes the printer drew itself."""
        return [item.payload for item in self.items if isinstance(item, PrintedQr)]

    def png(self, fonts: Fonts | None = None) -> bytes:
        """The paper as a picture."""
        file = io.BytesIO()
        paper(self.items, self.profile, fonts or Fonts()).save(file, "PNG")
        return file.getvalue()


class SimulatedPrinter:
    """Listens on 127.0.0.1; each cut, or the end of a connection, ends one slip."""

    def __init__(self, profile: Profile | None = None, *, port: int = 0, keep: int = 50) -> None:
        """`port` 0 takes a free one; the last `keep` slips are kept."""
        self.profile = profile or PROFILES["generic-80"]
        self.fault = Fault.NONE
        self.noise = b""
        """What the line gives before each answer, and in place of one from a silent printer."""
        self.pace: tuple[int, float] | None = None
        """Bytes that are taken at once, and the seconds in between."""
        self.lost_after: int | None = None
        """So many bytes into a connection somebody pulls the cable."""
        self.slips: deque[PrintedSlip] = deque(maxlen=keep)
        self.count = 0
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to print to."""
        return "127.0.0.1", self._port

    async def start(self) -> None:
        """Switch on."""
        self._server = await asyncio.start_server(self._serve, *self.address)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Switch off; connections are cut. The slips stay."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def wait_for_job(self, timeout_s: float, *, after: int = 0) -> PrintedSlip:
        """The first kept slip whose number is above `after`; raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: self.count > after)
            return next(slip for slip in self.slips if slip.number > after)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._print(reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _print(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.fault is Fault.REFUSE:
            writer.transport.abort()
            return
        while self.fault is Fault.STALL:  # noqa: ASYNC110  # the fault is a plain attribute
            await asyncio.sleep(0.05)
        interpreter = Interpreter(self.profile)
        items: list[Item] = []
        taken = 0
        while data := await self._read(reader):
            taken += len(data)
            if self.lost_after is not None and taken >= self.lost_after:
                writer.transport.abort()
                return
            for item in interpreter.feed(data):
                items.append(item)
                if isinstance(item, PaperCut):
                    await self._keep(items, interpreter)
                    items = []
            for number in interpreter.status_requests:
                await self._answer(number, writer)
            interpreter.status_requests.clear()
        items += interpreter.end()
        if items:
            await self._keep(items, interpreter)

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        if self.pace is None:
            return await reader.read(_READ_BYTES)
        most, pause_s = self.pace
        await asyncio.sleep(pause_s)
        return await reader.read(most)

    async def _answer(self, number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(self.noise)
        if self.fault is Fault.SILENT:
            return
        bits = 0
        if self.fault is Fault.PAPER_OUT and number == status.PAPER:
            bits = status.PAPER_OUT_BITS
        elif self.fault is Fault.PAPER_LOW and number == status.PAPER:
            bits = status.PAPER_LOW_BITS
        elif self.fault is Fault.COVER_OPEN and number == status.OFFLINE_CAUSE:
            bits = status.COVER_OPEN_BIT
        elif self.fault is Fault.KNIFE_STUCK and number == status.ERROR_CAUSE:
            bits = status.CUTTER_ERROR_BIT
        writer.write(status.answer(bits))
        await writer.drain()

    async def _keep(self, items: list[Item], interpreter: Interpreter) -> None:
        if self.fault in {Fault.PAPER_OUT, Fault.COVER_OPEN, Fault.KNIFE_STUCK}:
            return
        async with self._changed:
            self.count += 1
            self.slips.append(
                PrintedSlip(self.count, tuple(items), tuple(interpreter.unknown), self.profile)
            )
            interpreter.unknown.clear()
            self._changed.notify_all()
