"""Fonts for what is drawn: the installed ones, and no silent box where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

HALF_DOTS: Final = 12
LINE_DOTS: Final = 24

_FOLDERS: Final = ("/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts")
_NAMES: Final = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "SourceHanSansSC-Regular.otf",
    "NotoSerifCJK-Regular.ttc",
    "BabelStoneHan.ttf",
    "PlangothicP1-Regular.ttf",
    "PlangothicP2-Regular.ttf",
    "HanaMinA.ttf",
    "HanaMinB.ttf",
)
"""In order of preference; later ones fill the gaps of earlier ones."""


@lru_cache(maxsize=1)
def installed() -> tuple[Path, ...]:
    """The Chinese fonts found on this machine."""
    found: dict[str, Path] = {}
    for folder in map(Path, _FOLDERS):
        for path in sorted(folder.rglob("*.[to]t[cf]")) if folder.is_dir() else ():
            if path.name in _NAMES:
                found.setdefault(path.name, path)
    return tuple(found[name] for name in _NAMES if name in found)


class Fonts:
    """Draws single characters into cells of the printer's own grid."""

    def __init__(self, paths: Sequence[Path] | None = None) -> None:
        """`paths` replaces the installed fonts."""
        self._paths = installed() if paths is None else tuple(paths)
        self.missing: set[str] = set()
        """Characters that were asked for and that no font has."""
        self._cells: dict[tuple[str, int, bool], Image.Image] = {}
        self._loaded: dict[tuple[Path, int], ImageFont.FreeTypeFont] = {}

    @property
    def chinese(self) -> bool:
        """Whether Chinese characters can be drawn at all."""
        return bool(self._paths)

    def has(self, char: str) -> bool:
        """Whether a font has a glyph for this character."""
        return self._font_for(char, LINE_DOTS) is not None

    def cell(self, char: str, size: int, *, bold: bool) -> Image.Image:
        """One character as a one-bit image, 1 = ink: 12 or 24 dots wide and 24 high, times size."""
        key = (char, size, bold)
        if key not in self._cells:
            self._cells[key] = self._draw(char, size, bold=bold)
        return self._cells[key]

    def _draw(self, char: str, size: int, *, bold: bool) -> Image.Image:
        width = HALF_DOTS * size * (1 if char.isascii() else 2)
        height = LINE_DOTS * size
        cell = Image.new("1", (width, height), 0)
        if char == " ":
            return cell
        draw = ImageDraw.Draw(cell)
        font = self._font_for(char, 20 * size if char.isascii() else 22 * size)
        if font is None:
            self.missing.add(char)
            _draw_code(draw, ord(char), width, height, size)
            return cell
        for shift in (0, 1) if bold else (0,):
            draw.text((width / 2 + shift, height * 0.82), char, fill=1, font=font, anchor="ms")
        return cell

    def _font_for(self, char: str, pixels: int) -> ImageFont.FreeTypeFont | None:
        for path in self._paths:
            font = self._load(path, pixels)
            if _has_glyph(font, char):
                return font
        if char.isascii():
            default = ImageFont.load_default(pixels)
            return default if isinstance(default, ImageFont.FreeTypeFont) else None
        return None

    def _load(self, path: Path, pixels: int) -> ImageFont.FreeTypeFont:
        key = (path, pixels)
        if key not in self._loaded:
            self._loaded[key] = ImageFont.truetype(path, pixels)
        return self._loaded[key]


def _draw_code(draw: ImageDraw.ImageDraw, code: int, width: int, height: int, size: int) -> None:
    """A frame with the character's code: visibly not the character, and found in any table."""
    draw.rectangle((0, 0, width - 1, height - 1), outline=1, width=size)
    digits = f"{code:04X}" if code <= 0xFFFF else f"{code:06X}"
    half = len(digits) // 2
    font = ImageFont.load_default(10 * size if half == 2 else 8 * size)
    for row, text in enumerate((digits[:half], digits[half:])):
        draw.text((width / 2, height * (0.28 + 0.46 * row)), text, fill=1, font=font, anchor="mm")


def _has_glyph(font: ImageFont.FreeTypeFont, char: str) -> bool:
    # Pillow tells no coverage; a missing character looks like the one that never exists.
    missing = font.getmask("\uffff")
    drawn = font.getmask(char)
    return drawn.size != missing.size or bytes(drawn) != bytes(missing)
