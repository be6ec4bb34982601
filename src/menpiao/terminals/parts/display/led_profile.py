"""What an LED line is sent, as data: no two makers have the same frame, and none is confirmed."""

from __future__ import annotations

import tomllib
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from menpiao.terminals.parts.display.base import Signal, View

PROFILES: Final = Path(__file__).parent / "leds"
_WORDS: Final = frozenset({"{text}", "{colour}", "{length}", "{sum8}", "{xor8}"})
_MARKS: Final = {Signal.ADMIT: "○", Signal.REFUSE: "×", Signal.CAUTION: "！"}
"""Colour alone is not understood by everybody."""
Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]


class LedProfileError(ValueError):
    """A profile cannot be used; the message says where and why."""


class LedProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One make of display. `columns` are half-width characters; a Chinese one takes two."""

    title_zh: str
    title_en: str
    baud: Annotated[int, msgspec.Meta(ge=1200, le=115_200)]
    charset: Literal["gb2312", "gbk", "gb18030", "utf-8"]
    columns: Annotated[int, msgspec.Meta(ge=4, le=80)]
    line: str
    colours: dict[Signal, Byte]
    repeat_s: Annotated[float, msgspec.Meta(ge=0.2, le=3600)] = 5.0

    def frame(self, view: View) -> bytes:
        """The bytes that show a view."""
        text = self.text(view).encode(self.charset, "replace")
        out = bytearray()
        for word in self.line.split():
            match word:
                case "{text}":
                    out += text
                case "{colour}":
                    out.append(self.colours.get(view.signal, 0))
                case "{length}":
                    out.append(len(text) & 0xFF)
                case "{sum8}":
                    out.append(sum(out) & 0xFF)
                case "{xor8}":
                    out.append(reduce(xor, out, 0))
                case _:
                    out.append(int(word, 16))
        return bytes(out)

    def text(self, view: View) -> str:
        """What stands on the line: a mark, and the first line of the view, cut to the columns."""
        shown, used = "", 0
        for char in _MARKS.get(view.signal, "") + view.zh:
            width = 1 if char.isascii() else 2
            if not char.isprintable() or used + width > self.columns:
                continue
            shown, used = shown + char, used + width
        return shown


def load_led_profile(path: Path) -> LedProfile:
    """Read a profile. Raises LedProfileError."""
    try:
        profile = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), LedProfile)
        for word in profile.line.split():
            if word not in _WORDS and not 0 <= int(word, 16) <= 0xFF:
                raise LedProfileError(f"{path}: not a byte: {word}")
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise LedProfileError(f"{path}: {error}") from error
    if "{text}" not in profile.line.split():
        raise LedProfileError(f"{path}: the frame has no text")
    return profile
