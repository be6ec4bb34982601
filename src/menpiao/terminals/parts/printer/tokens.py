"""Cuts a printer's byte stream into commands and text, as it arrives.

Knows exactly the commands that `escpos` sends, and those a till may send with them. Whatever else
stands in the stream becomes `Unknown`: a test that prints must not find any.
"""

from __future__ import annotations

import re
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
_SINGLES: Final = re.compile(rb"[\x20-\xff]+")
_PAIRS: Final = re.compile(rb"(?:[\x20-\x7f]|[\x80-\xff][\x00-\xff])+")
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
        known = bytes(self._buffer)
        at = 0
        while (cut := self._next(known, at)) is not None:
            token, length = cut
            at += length
            del self._buffer[:length]
            if isinstance(token, Command):
                self._chinese = token.name == "FS &" or (
                    self._chinese and token.name not in {"FS .", "ESC @"}
                )
            yield token

    def _next(self, data: bytes, at: int) -> tuple[Token, int] | None:
        if at >= len(data):
            return None
        first = data[at]
        if first == 0x0A:
            return LineEnd(), 1
        if first in _PREFIXES:
            return _command(data, at)
        if first < 0x20:
            return Unknown(data[at : at + 1]), 1
        # In Chinese mode the second byte of a pair is never looked at by itself.
        found = (_PAIRS if self._chinese else _SINGLES).match(data, at)
        return (Characters(found[0]), len(found[0])) if found else None


def _command(data: bytes, at: int) -> tuple[Token, int] | None:
    if data.startswith(_RASTER, at):
        if len(data) - at < _RASTER_HEAD:
            return None
        size = _little(data, at + 4) * _little(data, at + 6)
        return _whole("GS v0", data, at, len(_RASTER), _RASTER_HEAD + size)
    if data.startswith(_EXTENDED, at):
        if len(data) - at < _EXTENDED_HEAD:
            return None
        return _whole("GS (k", data, at, len(_EXTENDED), _EXTENDED_HEAD + _little(data, at + 3))
    begun = data[at : at + 3]
    if len(begun) < 2 or _RASTER.startswith(begun) or _EXTENDED.startswith(begun):
        return None
    fixed = _FIXED.get(begun[:2])
    if fixed is None:
        return Unknown(begun[:2]), 2
    name, count = fixed
    return _whole(name, data, at, 2, 2 + count)


def _little(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _whole(name: str, data: bytes, at: int, head: int, length: int) -> tuple[Token, int] | None:
    if len(data) - at < length:
        return None
    return Command(name, data[at + head : at + length]), length
