"""Frames of gate boards as data: hex templates with fields and a checksum.

A template is bytes in hex separated by spaces, with words among them: a field's name stands for
its byte when sending; when receiving `..` is any byte, and a name that is repeated (``in in in``)
is a number of so many bytes, high byte first. The last word may be a checksum: `sum8`, `xor8` or
`crc16` (Modbus, low byte first), over everything from byte `checksum_from` on.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import xor
from pathlib import Path
from typing import Any, Final

PROFILES: Final = Path(__file__).parent / "profiles"
RECEIVED: Final = frozenset({"counters", "passed_in", "passed_out", "alarm_on", "alarm_off", "ack"})
SENT: Final = frozenset({"open_in", "open_out", "hold_in", "hold_out", "close", "query"})
_CHECKSUM_BYTES: Final = {"sum8": 1, "xor8": 1, "crc16": 2}


class ProfileError(ValueError):
    """A board's profile cannot be used; the message says where and why."""


def crc16(data: bytes) -> int:
    """CRC-16 of Modbus."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def checksum_of(kind: str, data: bytes) -> bytes:
    """The checksum of this kind."""
    if kind == "sum8":
        return bytes((sum(data) & 0xFF,))
    if kind == "xor8":
        return bytes((reduce(xor, data, 0),))
    return crc16(data).to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class Template:
    """One frame: `cells` are bytes, names, or None for any byte."""

    cells: tuple[int | str | None, ...]
    checksum: str
    checksum_from: int

    @classmethod
    def parse(cls, text: str, checksum_from: int = 0) -> Template:
        """Read a template; raises ProfileError."""
        words = text.split()
        checksum = words.pop() if words and words[-1] in _CHECKSUM_BYTES else ""
        cells = tuple(map(_cell, words))
        if not cells or len(cells) > 64:
            raise ProfileError(f"a frame has 1 to 64 bytes: {text!r}")
        if checksum and checksum_from >= len(cells):
            raise ProfileError(f"checksum_from lies behind the frame: {text!r}")
        return cls(cells, checksum, checksum_from)

    @property
    def names(self) -> frozenset[str]:
        """The fields in it."""
        return frozenset(cell for cell in self.cells if isinstance(cell, str))

    @property
    def length(self) -> int:
        """Bytes on the wire."""
        return len(self.cells) + _CHECKSUM_BYTES.get(self.checksum, 0)

    def build(self, fields: Mapping[str, int]) -> bytes:
        """The frame with these values; any byte is sent as 0."""
        body = bytes(fields[cell] if isinstance(cell, str) else (cell or 0) for cell in self.cells)
        if not self.checksum:
            return body
        return body + checksum_of(self.checksum, body[self.checksum_from :])

    def match(self, data: bytes | bytearray) -> dict[str, int] | None:
        """The named values if `data` begins with this frame; `data` is long enough."""
        if _pattern(self.cells).match(data) is None:
            return None
        values: dict[str, int] = {}
        for cell, byte in zip(self.cells, data, strict=False):
            if isinstance(cell, str):
                values[cell] = values.get(cell, 0) * 256 + byte
        if self.checksum:
            body, check = data[self.checksum_from : len(self.cells)], data[len(self.cells) :]
            if checksum_of(self.checksum, bytes(body)) != bytes(
                check[: self.length - len(self.cells)]
            ):
                return None
        return values

    def may_begin(self, data: bytes | bytearray) -> bool:
        """Whether these bytes can be the beginning of this frame."""
        cells = zip(self.cells, data, strict=False)
        return all(not isinstance(cell, int) or cell == byte for cell, byte in cells)


@lru_cache
def _pattern(cells: tuple[int | str | None, ...]) -> re.Pattern[bytes]:
    """What finds the fixed bytes of a frame."""
    return re.compile(
        b"".join(re.escape(bytes((c,))) if isinstance(c, int) else b"." for c in cells), re.DOTALL
    )


@lru_cache
def _rubbish(first: frozenset[int | str | None]) -> bytes:
    """The bytes that no frame can begin with; none where a frame begins with any."""
    return bytes(set(range(256)) - first) if first <= set(range(256)) else b""


def _cell(word: str) -> int | str | None:
    if word == "..":
        return None
    if len(word) == 2 and all(char in "0123456789ABCDEF" for char in word):
        return int(word, 16)
    if word.isidentifier() and word.islower():
        return word
    raise ProfileError(f"neither a byte, a field nor '..': {word!r}")


@dataclass(frozen=True, slots=True)
class FrameProfile:
    """One make of board."""

    name: str
    title_zh: str
    title_en: str
    baud: int
    fields: Mapping[str, int]
    send: Mapping[str, Template]
    receive: Mapping[str, Template]
    counter_modulus: int | None

    def with_fields(self, **fields: int) -> FrameProfile:
        """The same make at another address."""
        merged = dict(self.fields) | fields
        return FrameProfile(
            self.name,
            self.title_zh,
            self.title_en,
            self.baud,
            merged,
            self.send,
            self.receive,
            self.counter_modulus,
        )


def load_profile(path: Path) -> FrameProfile:
    """Read a board's profile. Raises ProfileError."""
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        start = int(raw.get("checksum_from", 0))
        fields = {str(name): int(value) for name, value in raw.get("fields", {}).items()}
        send = {name: Template.parse(text, start) for name, text in raw.get("send", {}).items()}
        receive = {name: Template.parse(text, start) for name, text in raw["receive"].items()}
        profile = FrameProfile(
            path.stem,
            str(raw["title_zh"]),
            str(raw["title_en"]),
            int(raw["baud"]),
            fields,
            send,
            receive,
            raw.get("counter_modulus"),
        )
    except ProfileError as error:
        raise ProfileError(f"{path.name}: {error}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProfileError(f"{path.name}: {error!r}") from error
    _check(profile)
    return profile


def built_in(name: str) -> FrameProfile:
    """A profile that is shipped, by the name of its file."""
    return load_profile(PROFILES / f"{name}.toml")


def _check(profile: FrameProfile) -> None:
    unknown = (profile.send.keys() - SENT) | (profile.receive.keys() - RECEIVED)
    if unknown:
        raise ProfileError(f"{profile.name}: unknown frames {sorted(unknown)}")
    known = profile.fields.keys() | {"n"}
    for name, template in profile.send.items():
        missing = template.names - known
        if missing:
            raise ProfileError(f"{profile.name}: {name} needs fields {sorted(missing)}")
    if any(not 0 <= value <= 0xFF for value in profile.fields.values()):
        raise ProfileError(f"{profile.name}: a field is one byte")
    counters = profile.receive.get("counters")
    if counters is not None and not {"in", "out"} <= counters.names | {"out"}:
        raise ProfileError(f"{profile.name}: counters need 'in'")


class FrameParser:
    """Finds a board's frames in a stream that is cut anywhere and may hold rubbish.

    What is no frame costs one byte, never the buffer, which holds less than one longest frame.
    """

    def __init__(self, receive: Mapping[str, Template]) -> None:
        self._templates = tuple((name, each, each.length) for name, each in receive.items())
        # Rubbish up to the next byte that any frame can begin with is dropped at once.
        self._rubbish = _rubbish(frozenset(template.cells[0] for template in receive.values()))
        self._buffer = bytearray()
        self.dropped = 0
        """Bytes that were part of no frame."""

    def feed(self, data: bytes) -> list[tuple[str, dict[str, int]]]:
        """Take more bytes; return the frames now complete: name and values."""
        found = []
        buffer = self._buffer
        buffer += data
        while self._skip_rubbish():
            waiting = False
            for name, template, length in self._templates:
                if len(buffer) < length:
                    waiting = waiting or template.may_begin(buffer)
                    continue
                values = template.match(buffer)
                if values is not None:
                    found.append((name, values))
                    del buffer[:length]
                    break
            else:
                if waiting:
                    break
                del buffer[0]
                self.dropped += 1
        return found

    def _skip_rubbish(self) -> bool:
        """Whether there is anything left that may be a frame."""
        buffer = self._buffer
        rest = len(buffer.lstrip(self._rubbish)) if self._rubbish else len(buffer)
        self.dropped += len(buffer) - rest
        del buffer[: len(buffer) - rest]
        return rest > 0

    def discard(self) -> None:
        """Forget what was begun."""
        self._buffer.clear()
