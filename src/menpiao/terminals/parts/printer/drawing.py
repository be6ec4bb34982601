"""Lines and QR codes as one-bit images (1 = ink)."""

from __future__ import annotations

from typing import Final

import segno
from PIL import Image

from menpiao.terminals.parts.printer.base import Align
from menpiao.terminals.parts.printer.fonts import HALF_DOTS, LINE_DOTS, Fonts
from menpiao.terminals.parts.printer.layout import columns_of

LINE_GAP_DOTS: Final = 6
"""Between two lines, as printers leave it themselves."""
QUIET_MODULES: Final = 4
MODULE_DOTS_MIN: Final = 3
"""Smaller modules are not read reliably from thermal paper."""


class QrTooLarge(ValueError):
    """The payload's code does not fit on the paper in readable modules."""


def draw_line(
    text: str, dots: int, fonts: Fonts, *, size: int = 1, bold: bool = False, align: Align
) -> Image.Image:
    """One line of text over the whole width of the paper; what does not fit is cut off."""
    line = Image.new("1", (dots, LINE_DOTS * size + LINE_GAP_DOTS), 0)
    x = offset_of(columns_of(text) * HALF_DOTS * size, dots, align)
    for char in text:
        cell = fonts.cell(char, size, bold=bold)
        line.paste(cell, (x, 0))
        x += cell.width
    return line


def offset_of(width: int, dots: int, align: Align) -> int:
    """Where something of this width begins."""
    spare = max(0, dots - width)
    return {Align.LEFT: 0, Align.CENTRE: spare // 2, Align.RIGHT: spare}[align]


def fitting_module(payload: str, wanted_dots: int, dots: int) -> int:
    """The module size, at most the wanted one, with which the code and its quiet zone fit.

    Raises QrTooLarge.
    """
    try:
        modules = _matrix(payload).symbol_size(border=QUIET_MODULES)[0]
    except segno.DataOverflowError as error:
        raise QrTooLarge(str(error)) from error
    fitting = min(wanted_dots, dots // int(modules))
    if fitting < MODULE_DOTS_MIN:
        raise QrTooLarge(f"{modules} modules on {dots} dots")
    return fitting


def draw_qr(payload: str, module_dots: int, dots: int) -> Image.Image:
    """A QR code of level L, centred on the width of the paper, with its quiet zone."""
    rows = list(_matrix(payload).matrix_iter(scale=module_dots, border=QUIET_MODULES))
    code = Image.new("1", (len(rows), len(rows)), 0)
    code.putdata([int(dot) for row in rows for dot in row])
    image = Image.new("1", (dots, code.height), 0)
    image.paste(code, (offset_of(code.width, dots, Align.CENTRE), 0))
    return image


def _matrix(payload: str) -> segno.QRCode:
    return segno.make_qr(payload, error="l", boost_error=False)
