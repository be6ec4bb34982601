"""Cuts a printer's byte stream into commands and text, as it arrives.

Knows exactly the commands that `escpos` sends, and those a till may send with them. Whatever else
stands in the stream becomes `Unknown`: a test that prints must not find any.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name, such as "ESC a" or "GS (k", and its arguments."""

    name: str
    arguments: bytes


@dataclass(frozen=True, slots=True)
class Characters:
    """Bytes to print, without line ends."""

    data: bytes


@dataclass(frozen=True, slots=True)
class LineEnd:
    """LF."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Bytes that are no command known here."""

    data: bytes


Token = Command | Characters | LineEnd | Unknown

# The first bytes of a command, its name and the number of argument bytes of fixed length.
_FIXED: Final[dict[bytes, tuple[str, int]]] = {
    b"\x1b@": ("ESC @", 0),
    b"\x1ba": ("ESC a", 1),
    b"\x1bE": ("ESC E", 1),
    b"\x1bd": ("ESC d", 1),
    b"\x1b!": ("ESC !", 1),
    b"\x1bt": ("ESC t", 1),
    b"\x1bp": ("ESC p", 3),
    b"\x1d!": ("GS !", 1),
    b"\x1dV": ("GS V", 1),
    b"\x1c&": ("FS &", 0),
    b"\x1c.": ("FS .", 0),
    b"\x1c!": ("FS !", 1),
    b"\x1cS": ("FS S", 2),
    b"\x10\x04": ("DLE EOT", 1),
}
_PREFIXES: Final = frozenset(b"\x1b\x1c\x1d\x10")
_RASTER: Final = b"\x1dv0"
_RASTER_HEAD: Final = 8
_EXTENDED: Final = b"\x1d(k"
_EXTENDED_HEAD: Final = 5


class Lexer:
    """Takes bytes in any pieces and gives whole tokens."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._chinese = False

    @property
    def rest(self) -> bytes:
        """Bytes of a command that is not complete."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> Iterator[Token]:
        """Take more bytes; give the tokens now complete."""
        self._buffer += data
        while (cut := self._next(bytes(self._buffer))) is not None:
            token, length = cut
            del self._buffer[:length]
            if isinstance(token, Command):
                self._chinese = token.name == "FS &" or (
                    self._chinese and token.name not in {"FS .", "ESC @"}
                )
            yield token

    def _next(self, data: bytes) -> tuple[Token, int] | None:
        if not data:
            return None
        if data[0] == 0x0A:
            return LineEnd(), 1
        if data[0] in _PREFIXES:
            return _command(data)
        if data[0] < 0x20:
            return Unknown(data[:1]), 1
        end = 0
        while end < len(data) and data[end] >= 0x20:
            # In Chinese mode the second byte of a pair is never looked at by itself.
            step = 2 if self._chinese and data[end] >= 0x80 else 1
            if end + step > len(data):
                break
            end += step
        return (Characters(data[:end]), end) if end else None


def _command(data: bytes) -> tuple[Token, int] | None:
    if data.startswith(_RASTER):
        if len(data) < _RASTER_HEAD:
            return None
        size = int.from_bytes(data[4:6], "little") * int.from_bytes(data[6:8], "little")
        return _whole("GS v0", data, len(_RASTER), _RASTER_HEAD + size)
    if data.startswith(_EXTENDED):
        if len(data) < _EXTENDED_HEAD:
            return None
        size = int.from_bytes(data[3:5], "little")
        return _whole("GS (k", data, len(_EXTENDED), _EXTENDED_HEAD + size)
    if len(data) < 2 or (_RASTER.startswith(data) or _EXTENDED.startswith(data)):
        return None
    fixed = _FIXED.get(data[:2])
    if fixed is None:
        return Unknown(data[:2]), 2
    name, count = fixed
    return _whole(name, data, 2, 2 + count)


def _whole(name: str, data: bytes, head: int, length: int) -> tuple[Token, int] | None:
    if len(data) < length:
        return None
    return Command(name, data[head:length]), length
