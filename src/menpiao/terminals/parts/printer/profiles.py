"""What the printers met in Chinese shops can do, as data.

No two makers agree on the bits of FS !, so nothing about a model is in code. Values not confirmed
on a device are those of its manual or of programs that drive it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Charset(Enum):
    """Which characters a printer's own font knows, by the Python codec of its two-byte codes."""

    GB18030 = "gb18030"
    """The two-byte part of GB18030; a four-byte code is never sent."""
    GBK = "gbk"
    GB2312 = "gb2312"
    NONE = ""
    """Everything beyond ASCII is drawn."""


@dataclass(frozen=True, slots=True)
class FsBits:
    """The bits of FS ! that widen and heighten Chinese characters."""

    width: int
    height: int


class Cutter(Enum):
    """What GS V does on a printer."""

    NONE = None
    FULL = 0
    PARTIAL = 1


@dataclass(frozen=True, slots=True)
class Profile:
    """One family of printers. `dots` is the printable width; a column is 12 dots wide."""

    name: str
    title: str
    paper_mm: int
    dots: int
    charset: Charset = Charset.GB18030
    fs_bits: FsBits | None = None
    """Set where GS ! does not reach Chinese characters."""
    esc_style: bool = False
    """Whether ASCII is sized by ESC ! in place of GS !."""
    restyle_runs: bool = False
    """Whether Chinese output resets the style, so that every run must state it anew."""
    native_qr: bool = True
    cutter: Cutter = Cutter.PARTIAL
    feed_before_cut_lines: int = 4
    """From the print head to the knife or the tear bar."""

    @property
    def columns(self) -> int:
        """Half-width characters in a line."""
        return self.dots // 12


EPSON_BITS: Final = FsBits(width=1 << 2, height=1 << 3)
SPRT_BITS: Final = FsBits(width=1 << 5, height=1 << 4)

PROFILES: Final[dict[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile("generic-80", "80 mm, GB18030", 80, 576),
        Profile("generic-58", "58 mm, GB18030", 58, 384, cutter=Cutter.NONE),
        Profile("gbk-80", "80 mm, GBK", 80, 576, charset=Charset.GBK),
        Profile("gbk-58", "58 mm, GBK", 58, 384, charset=Charset.GBK, cutter=Cutter.NONE),
        Profile("gb2312-58", "58 mm, GB2312", 58, 384, Charset.GB2312, cutter=Cutter.NONE),
        Profile("sprt-pos76", "SPRT POS76-II", 80, 576, Charset.GBK, fs_bits=SPRT_BITS),
        Profile(
            "zijiang-80",
            "ZIJIANG 80 mm",
            80,
            576,
            Charset.GBK,
            fs_bits=EPSON_BITS,
            esc_style=True,
            restyle_runs=True,
        ),
        Profile("drawn-80", "80 mm, all drawn", 80, 576, Charset.NONE, native_qr=False),
        Profile(
            "drawn-58",
            "58 mm, all drawn",
            58,
            384,
            Charset.NONE,
            native_qr=False,
            cutter=Cutter.NONE,
        ),
    )
}
