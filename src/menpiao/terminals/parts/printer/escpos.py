"""Slips as ESC/POS bytes.

Text is sent as one- and two-byte codes where the printer's own font has every character of a line;
any other line is drawn and sent as a picture, so that a rare name comes out right or visibly not,
and never as other characters. Only printable characters are ever taken from a slip.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from PIL import Image

from menpiao.terminals.parts.printer.base import (
    Align,
    Cut,
    Feed,
    QrCode,
    Rule,
    Slip,
    SlipLine,
    Text,
)
from menpiao.terminals.parts.printer.drawing import draw_line, draw_qr, fitting_module
from menpiao.terminals.parts.printer.fonts import Fonts
from menpiao.terminals.parts.printer.layout import columns_of, encoded, printable, wrap
from menpiao.terminals.parts.printer.profiles import Cutter, Profile

INITIALISE: Final = b"\x1b@"
CHINESE_ON: Final = b"\x1c&"
CHINESE_SPACING_NONE: Final = b"\x1cS\x00\x00"
_KNIFE: Final = {Cutter.FULL: 0, Cutter.PARTIAL: 1}
"""The argument of GS V."""
_ALIGN: Final = {Align.LEFT: 0, Align.CENTRE: 1, Align.RIGHT: 2}
_RUNS: Final = re.compile(r"[\x20-\x7e]+|[^\x20-\x7e]+")
_FEED_MAX: Final = 20


def encode(slip: Slip, profile: Profile, fonts: Fonts) -> bytes:
    """The bytes of a whole slip; raises `drawing.QrTooLarge` for a code that cannot fit."""
    parts = [INITIALISE, CHINESE_ON, CHINESE_SPACING_NONE]
    for line in slip.lines:
        parts += _encode_line(line, profile, fonts)
    return b"".join(parts)


def style(profile: Profile, size: int, *, bold: bool) -> bytes:
    """Size and weight for ASCII and Chinese characters alike, by the means the printer has."""
    big = size == 2
    bytes_ = [b"\x1bE", bytes((bold,))]
    if profile.esc_style:
        bytes_ += [b"\x1b!", bytes(((0x30 if big else 0) | (0x08 if bold else 0),))]
    else:
        bytes_ += [b"\x1d!", bytes((0x11 if big else 0,))]
    if profile.fs_bits is not None:
        bits = profile.fs_bits
        bytes_ += [b"\x1c!", bytes(((bits.width | bits.height) if big else 0,))]
    return b"".join(bytes_)


def align(where: Align) -> bytes:
    """ESC a."""
    return b"\x1ba" + bytes((_ALIGN[where],))


def raster(image: Image.Image) -> bytes:
    """GS v 0: a one-bit image whose width is a multiple of 8."""
    width = image.width // 8
    head = width.to_bytes(2, "little") + image.height.to_bytes(2, "little")
    return b"\x1dv0\x00" + head + image.tobytes()


def native_qr(payload: str, module_dots: int) -> bytes:
    """GS ( k: model 2, module size, level L, store, print."""
    data = payload.encode()

    def function(code: int, argument: bytes) -> bytes:
        body = bytes((0x31, code)) + argument
        return b"\x1d(k" + len(body).to_bytes(2, "little") + body

    return b"".join(
        (
            function(0x41, b"2\x00"),
            function(0x43, bytes((module_dots,))),
            function(0x45, b"0"),
            function(0x50, b"0" + data),
            function(0x51, b"0"),
        )
    )


def _encode_line(line: SlipLine, profile: Profile, fonts: Fonts) -> Iterator[bytes]:
    match line:
        case Text():
            for paragraph in printable(line.text):
                for piece in wrap(paragraph, profile.columns // line.size):
                    yield from _encode_text(line, piece, profile, fonts)
        case Rule():
            yield from _encode_text(Text(""), "-" * profile.columns, profile, fonts)
        case QrCode():
            module_dots = fitting_module(line.payload, min(line.module_dots, 16), profile.dots)
            if profile.native_qr:
                yield align(Align.CENTRE) + native_qr(line.payload, module_dots)
            else:
                drawn = draw_qr(line.payload, module_dots, profile.dots)
                yield align(Align.LEFT) + raster(drawn)
        case Feed():
            yield _feed(line.lines)
        case Cut():
            yield align(Align.LEFT) + style(profile, 1, bold=False)
            yield _feed(profile.feed_before_cut_lines)
            if profile.cutter is not Cutter.NONE:
                yield b"\x1dV" + bytes((_KNIFE[profile.cutter],))


def _encode_text(line: Text, piece: str, profile: Profile, fonts: Fonts) -> Iterator[bytes]:
    data = encoded(piece, profile.charset)
    if data is None:
        drawn = draw_line(
            piece, profile.dots, fonts, size=line.size, bold=line.bold, align=line.align
        )
        yield align(Align.LEFT) + style(profile, 1, bold=False) + raster(drawn)
        return
    styled = style(profile, line.size, bold=line.bold)
    yield align(line.align)
    if profile.restyle_runs and columns_of(piece) > len(piece):
        for run in _RUNS.findall(piece):
            yield styled + CHINESE_ON + (encoded(run, profile.charset) or b"")
    else:
        yield styled + CHINESE_ON + data
    yield b"\n"


def _feed(lines: int) -> bytes:
    return b"\x1bd" + bytes((max(0, min(lines, _FEED_MAX)),))
