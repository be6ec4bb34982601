"""The other side of ESC/POS: what a byte stream looks like on paper.

An interpreter of the subset of `tokens`, as a printer of a given profile would act on it. It gives
the text that a reader sees, line by line, and the paper as a picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from PIL import Image

from menpiao.terminals.parts.printer.base import Align
from menpiao.terminals.parts.printer.drawing import LINE_GAP_DOTS, draw_qr, offset_of
from menpiao.terminals.parts.printer.fonts import HALF_DOTS, LINE_DOTS, Fonts
from menpiao.terminals.parts.printer.profiles import Charset, Profile
from menpiao.terminals.parts.printer.tokens import (
    Characters,
    Command,
    Lexer,
    LineEnd,
    Token,
    Unknown,
)

MARGIN_DOTS: Final = 24
UNPRINTABLE: Final = "?"
"""What stands for bytes that are no character of the printer's font."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One printed character."""

    char: str
    size: int
    bold: bool

    @property
    def dots(self) -> int:
        """Width on paper."""
        return HALF_DOTS * self.size * (1 if self.char.isascii() else 2)


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """A line of text."""

    cells: tuple[Cell, ...]
    align: Align

    @property
    def text(self) -> str:
        """The line as a string."""
        return "".join(cell.char for cell in self.cells)


@dataclass(frozen=True, slots=True)
class PrintedPicture:
    """A raster image."""

    width: int
    rows: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PrintedQr:
    """A QR code that the printer drew by itself."""

    payload: str
    module_dots: int


@dataclass(frozen=True, slots=True)
class PaperCut:
    """The knife."""


Item = PrintedLine | PrintedPicture | PrintedQr | PaperCut


@dataclass(frozen=True, slots=True)
class _Style:
    align: Align = Align.LEFT
    bold: bool = False
    ascii_size: int = 1
    chinese_size: int = 1
    chinese: bool = False


class Interpreter:
    """A printer's mind: takes bytes in pieces, gives printed items."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        own_font = profile.charset is not Charset.NONE
        self._codec = (profile.charset if own_font else Charset.GB18030).value
        self._lexer = Lexer()
        self._style = _Style()
        self._cells: list[Cell] = []
        self._used_dots = 0
        self._qr_module = 3
        self._qr_payload = ""
        self.unknown: list[bytes] = []
        """Bytes that were no command: empty for a sound slip."""
        self.status_requests: list[int] = []
        """Arguments of DLE EOT not yet answered."""

    def feed(self, data: bytes) -> list[Item]:
        """Take bytes; return what came out of the printer."""
        items: list[Item] = []
        for token in self._lexer.feed(data):
            self._act(token, items)
        return items

    def end(self) -> list[Item]:
        """The host closed the connection: return the line that was not ended."""
        if self._lexer.rest:
            self.unknown.append(self._lexer.rest)
        items: list[Item] = []
        if self._cells:
            self._end_line(items)
        return items

    def _act(self, token: Token, items: list[Item]) -> None:
        match token:
            case Characters(data):
                for char in self._decode(data):
                    self._put(char, items)
                if self._profile.restyle_runs and self._style.chinese:
                    self._style = _Style(align=self._style.align, chinese=True)
            case LineEnd():
                self._end_line(items)
            case Command(name, arguments):
                self._obey(name, arguments, items)
            case Unknown(data):
                self.unknown.append(data)

    def _decode(self, data: bytes) -> str:
        if not self._style.chinese:
            return "".join(chr(byte) if byte < 0x80 else UNPRINTABLE for byte in data)
        chars, at = [], 0
        while at < len(data):
            step = 2 if data[at] >= 0x80 else 1
            try:
                char = data[at : at + step].decode(self._codec)
            except UnicodeDecodeError:
                char = UNPRINTABLE
            chars.append(char)
            at += step
        return "".join(chars)

    def _put(self, char: str, items: list[Item]) -> None:
        style = self._style
        size = style.ascii_size if char.isascii() else style.chinese_size
        cell = Cell(char, size, style.bold)
        if self._used_dots + cell.dots > self._profile.dots:
            self._end_line(items)
        self._cells.append(cell)
        self._used_dots += cell.dots

    def _end_line(self, items: list[Item]) -> None:
        items.append(PrintedLine(tuple(self._cells), self._style.align))
        self._cells = []
        self._used_dots = 0

    def _obey(self, name: str, arguments: bytes, items: list[Item]) -> None:
        match name:
            case "ESC @":
                self._style = _Style()
                self._cells = []  # what was not printed yet is cleared
            case "FS &" | "FS .":
                self._style = replace(self._style, chinese=name == "FS &")
            case "ESC a":
                where = (Align.LEFT, Align.CENTRE, Align.RIGHT)[arguments[0] % 3]
                self._style = replace(self._style, align=where)
            case "ESC E":
                self._style = replace(self._style, bold=bool(arguments[0] & 1))
            case "GS !" | "ESC !" | "FS !":
                self._resize(name, arguments[0])
            case "ESC d":
                for _ in range(arguments[0]):
                    self._end_line(items)
            case "GS V":
                items.append(PaperCut())
            case "GS v0":
                width = int.from_bytes(arguments[1:3], "little")
                if width:
                    items.append(PrintedPicture(width * 8, arguments[5:]))
            case "GS (k":
                self._qr(arguments[2:], items)
            case "DLE EOT":
                self.status_requests.append(arguments[0])
            case _:  # spacing, code page and drawer leave no trace on paper
                pass

    def _resize(self, name: str, bits: int) -> None:
        fs_bits = self._profile.fs_bits
        if name == "FS !":
            if fs_bits is not None:
                size = 2 if bits & fs_bits.width and bits & fs_bits.height else 1
                self._style = replace(self._style, chinese_size=size)
            return
        size = 2 if bits & (0x11 if name == "GS !" else 0x30) else 1
        self._style = replace(self._style, ascii_size=size)
        if fs_bits is None:
            self._style = replace(self._style, chinese_size=size)

    def _qr(self, body: bytes, items: list[Item]) -> None:
        if len(body) < 3:  # no function is this short: what it was is shown as not understood
            self.unknown.append(body)
            return
        match body[1]:
            case 0x43:
                self._qr_module = max(1, min(body[2], 16))
            case 0x50:
                self._qr_payload = body[3:].decode("utf-8", "replace")
            case 0x51:
                items.append(PrintedQr(self._qr_payload, self._qr_module))
            case _:
                pass


def interpret(data: bytes, profile: Profile) -> tuple[list[Item], list[bytes]]:
    """What a whole stream prints, and the bytes in it that no printer would understand."""
    interpreter = Interpreter(profile)
    items = interpreter.feed(data)
    return items + interpreter.end(), interpreter.unknown


def text_lines(items: Iterable[Item]) -> list[str]:
    """The printed text, without empty lines; pictures have none."""
    lines = (item.text for item in items if isinstance(item, PrintedLine))
    return [line for line in lines if line]


def paper(items: Iterable[Item], profile: Profile, fonts: Fonts) -> Image.Image:
    """The slip as a grey picture of the paper, 8 dots to the millimetre, with its margins."""
    strips = [_strip(item, profile, fonts) for item in items]
    height = sum(strip.height for strip in strips)
    sheet = Image.new("L", (profile.dots + 2 * MARGIN_DOTS, height + 2 * MARGIN_DOTS), 255)
    y = MARGIN_DOTS
    for strip in strips:
        sheet.paste(0, (MARGIN_DOTS, y), strip)
        y += strip.height
    return sheet


def _strip(item: Item, profile: Profile, fonts: Fonts) -> Image.Image:
    match item:
        case PrintedLine():
            return _text_strip(item, profile, fonts)
        case PrintedPicture():
            return Image.frombytes(
                "1", (item.width, len(item.rows) // (item.width // 8)), item.rows
            )
        case PrintedQr():
            return draw_qr(item.payload, item.module_dots, profile.dots)
        case PaperCut():
            strip = Image.new("1", (profile.dots, 2), 0)
            for x in range(0, profile.dots, 12):
                strip.paste(1, (x, 0, x + 6, 1))
            return strip


def _text_strip(line: PrintedLine, profile: Profile, fonts: Fonts) -> Image.Image:
    size = max((cell.size for cell in line.cells), default=1)
    strip = Image.new("1", (profile.dots, LINE_DOTS * size + LINE_GAP_DOTS), 0)
    x = offset_of(sum(cell.dots for cell in line.cells), profile.dots, line.align)
    for cell in line.cells:
        glyph = fonts.cell(cell.char, cell.size, bold=cell.bold)
        strip.paste(glyph, (x, LINE_DOTS * size - glyph.height))
        x += cell.dots
    return strip
