"""Simulated barriers: a turnstile somebody can walk through, and the boards that drive it.

The turnstile is mechanics alone. Each board speaks the bytes of its kind on a real port: an LCUS
relay and an RS485 board on a serial line, the same RS485 board behind a converter, a Modbus board
(by pymodbus' server, which knows nothing of our driver) on a serial line or TCP.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from menpiao.simulation.line import SimulatedLine

WAYS: Final = ("in", "out")


@dataclass(slots=True)
class Turnstile:
    """The mechanics: somebody passes where an opening is waiting, and is counted."""

    credit: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WAYS, 0))
    held: set[str] = field(default_factory=set)
    counted: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WAYS, 0))
    jammed: bool = False
    """The arm does not move: it opens for nobody, and says nothing about it."""
    alarm: bool = False
    on_passed: Callable[[str], None] = lambda _: None

    def open_for(self, way: str, people: int = 1) -> None:
        """Let so many through; orders do not add up, as on most boards."""
        self.credit[way] = max(self.credit[way], people)

    def close(self) -> None:
        """For nobody any more."""
        self.credit = dict.fromkeys(WAYS, 0)
        self.held.clear()

    def walk(self, way: str = "in") -> bool:
        """Somebody tries to pass; whether they could."""
        if self.jammed or not (way in self.held or self.credit[way]):
            return False
        self.credit[way] = max(0, self.credit[way] - 1)
        self.force(way)
        return True

    def force(self, way: str = "in") -> None:
        """Somebody passes whatever the barrier says: over it, behind another, with a key."""
        self.counted[way] += 1
        self.on_passed(way)

    def lose_power(self) -> None:
        """Counters and orders are gone, and the arm drops."""
        self.counted = dict.fromkeys(WAYS, 0)
        self.close()


class SimulatedLcus:
    """A relay board on a serial line: says nothing, keeps what it was last told."""

    def __init__(self, port: Path | None = None) -> None:
        self.line = SimulatedLine(self._receive, port)
        self.on: dict[int, bool] = {}
        self.frames: list[bytes] = []
        """Every frame understood so far."""
        self._buffer = bytearray()

    @property
    def port(self) -> str:
        """The path to open."""
        return str(self.line.path)

    async def __aenter__(self) -> Self:
        self.line.plug()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.line.clean()

    def _receive(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 4:
            frame = bytes(self._buffer[:4])
            if frame[0] != 0xA0 or sum(frame[:3]) & 0xFF != frame[3]:
                del self._buffer[0]
                continue
            del self._buffer[:4]
            self.frames.append(frame)
            self.on[frame[1]] = frame[2] == 1


class Rs485Turnstile:
    """The 16-byte board of `profiles/rs485_turnstile.toml`, written from its documents alone."""

    BOARD: Final = 0x0B

    def __init__(self, turnstile: Turnstile | None = None) -> None:
        self.turnstile = turnstile or Turnstile()
        self.silent = False
        self.frames: list[bytes] = []
        self._buffer = bytearray()

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the host; give what is answered."""
        self._buffer += data
        answers = bytearray()
        while len(self._buffer) >= 16:
            frame = bytes(self._buffer[:16])
            if frame[:2] != b"\xaa\x00" or sum(frame[1:15]) & 0xFF != frame[15]:
                del self._buffer[0]
                continue
            del self._buffer[:16]
            self.frames.append(frame)
            answers += self._obey(frame)
        return bytes(answers)

    def _obey(self, frame: bytes) -> bytes:
        verb, count = frame[8], frame[9]
        if self.silent or frame[3] != 0x02:
            return b""
        if frame[7] == 0xFF:
            return self._status() if frame[5] == self.BOARD else b""
        match verb:
            case 0x00:
                self.turnstile.open_for("in")
            case 0x01:
                self.turnstile.held.add("in")
            case 0x02:
                self.turnstile.close()
            case 0x03:
                self.turnstile.open_for("out", count)
            case _:
                pass
        return b""

    def _status(self) -> bytes:
        counters = b"".join(
            (self.turnstile.counted[way] % 2**24).to_bytes(3, "big") for way in WAYS
        )
        body = bytes((0x00, self.BOARD, 0x12, 0x00, 0x01, 0x08, 0x00, 0x00)) + counters
        return b"\xaa" + body + bytes((sum(body) & 0xFF,))


class SimulatedRs485:
    """The RS485 board on a serial line."""

    def __init__(self, port: Path | None = None) -> None:
        self.board = Rs485Turnstile()
        self.turnstile = self.board.turnstile
        self.line = SimulatedLine(self._receive, port)
        self.noise = b""
        """What the line gives before each answer."""
        self.piece, self.pause_s = 0, 0.0
        """Bytes of an answer that come at once (0: all), and the seconds before each piece."""

    @property
    def port(self) -> str:
        """The path to open."""
        return str(self.line.path)

    async def __aenter__(self) -> Self:
        self.line.plug()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.line.clean()

    def _receive(self, data: bytes) -> None:
        answer = self.noise + self.board.receive(data)
        loop, size = asyncio.get_running_loop(), self.piece or len(answer) or 1
        pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
        for number, piece in enumerate(pieces, 1):
            if self.pause_s:
                loop.call_later(number * self.pause_s, self.line.write, piece)
            else:
                self.line.write(piece)


class SimulatedRs485Converter:
    """The RS485 board behind a converter that listens on TCP."""

    def __init__(self) -> None:
        self.board = Rs485Turnstile()
        self.turnstile = self.board.turnstile
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.hang_up()
        await self._server.wait_closed()

    def hang_up(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                writer.write(b"AAAA" + self.board.receive(data))
                await writer.drain()
        self._writers.discard(writer)
        writer.close()
