"""What the printers met in Chinese shops can do: one data file for each family.

No two makers agree on the bits of FS !, so nothing about a model is in code. Values not confirmed
on a device are those of its manual or of programs that drive it. A site adds its own printer with
a file of the same form.
"""

from __future__ import annotations

import tomllib
from enum import Enum
from pathlib import Path
from typing import Annotated, Final

import msgspec

MAKES: Final = Path(__file__).parent / "makes"
Bit = Annotated[int, msgspec.Meta(ge=1, le=0x80)]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class ProfileError(ValueError):
    """A printer's profile cannot be used; the message says where and why."""


class Charset(Enum):
    """Which characters a printer's own font knows, by the Python codec of its two-byte codes."""

    GB18030 = "gb18030"
    """The two-byte part of GB18030; a four-byte code is never sent."""
    GBK = "gbk"
    GB2312 = "gb2312"
    NONE = "none"
    """Everything beyond ASCII is drawn."""


class Cutter(Enum):
    """What GS V does on a printer."""

    NONE = "none"
    FULL = "full"
    PARTIAL = "partial"


class FsBits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bits of FS ! that widen and heighten Chinese characters."""

    width: Bit
    height: Bit

    def __post_init__(self) -> None:
        """Raise ValueError for what is not two different bits."""
        both = (self.width, self.height)
        if self.width == self.height or any(one & (one - 1) for one in both):
            raise ValueError("fs_bits are two different bits")


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One family of printers. `dots` is the printable width; a column is 12 dots wide."""

    name: str = ""
    """That of its file."""
    title_zh: Title
    title_en: Title
    paper_mm: Annotated[int, msgspec.Meta(ge=30, le=120)]
    dots: Annotated[int, msgspec.Meta(ge=192, le=1024, multiple_of=8)]
    charset: Charset = Charset.GB18030
    fs_bits: FsBits | None = None
    """Set where GS ! does not reach Chinese characters."""
    esc_style: bool = False
    """Whether ASCII is sized by ESC ! in place of GS !."""
    restyle_runs: bool = False
    """Whether Chinese output resets the style, so that every run must state it anew."""
    native_qr: bool = True
    cutter: Cutter = Cutter.PARTIAL
    feed_before_cut_lines: Annotated[int, msgspec.Meta(ge=0, le=20)] = 4
    """From the print head to the knife or the tear bar."""

    @property
    def columns(self) -> int:
        """Half-width characters in a line."""
        return self.dots // 12


def load_profile(path: Path) -> Profile:
    """Read a profile. Raises ProfileError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        found = msgspec.convert({"name": path.stem} | raw, Profile)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise ProfileError(f"{path}: {error}") from error
    if found.name != path.stem:
        raise ProfileError(f"{path}: a profile is called as its file is")
    return found


def _shipped() -> dict[str, Profile]:
    found = [load_profile(path) for path in MAKES.glob("*.toml")]
    order = ("generic-80", "generic-58")
    found.sort(key=lambda one: (one.name not in order, -one.paper_mm, one.name))
    return {one.name: one for one in found}


PROFILES: Final = _shipped()
"""The profiles that come with the program, by name; the generic ones first."""


def profile_of(named: str) -> Profile:
    """The shipped profile of this name, or the one in the file at this path.

    Raises:
        ProfileError: there is none, or it cannot be used.
    """
    found = PROFILES.get(named)
    if found is not None:
        return found
    path = Path(named)
    if path.suffix != ".toml":
        known = ", ".join(PROFILES)
        raise ProfileError(f"no such profile: {named!r}; there are {known}, and files (.toml)")
    return load_profile(path)
