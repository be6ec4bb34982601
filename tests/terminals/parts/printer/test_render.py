"""The paper as a picture, and the interpreter against any bytes."""

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from menpiao.terminals.parts.printer.base import Align, QrCode, Slip, Text
from menpiao.terminals.parts.printer.escpos import encode
from menpiao.terminals.parts.printer.fonts import Fonts
from menpiao.terminals.parts.printer.profiles import PROFILES, Profile
from menpiao.terminals.parts.printer.render import (
    MARGIN_DOTS,
    Interpreter,
    interpret,
    paper,
    text_lines,
)

FONTS = Fonts()
GB18030 = PROFILES["generic-80"]
EVERY = pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)


def picture(profile: Profile, *lines: Text | QrCode, fonts: Fonts = FONTS) -> Image.Image:
    items, unknown = interpret(encode(Slip(lines), profile, fonts), profile)
    assert unknown == []
    return paper(items, profile, fonts)


@EVERY
def test_the_code_on_the_paper_can_be_read(profile: Profile) -> None:
    found = zxingcpp.read_barcodes(picture(profile, Text("票"), QrCode("MP7K2Q9XW4RT")))
    assert [code.text for code in found] == ["MP7K2Q9XW4RT"]


@EVERY
def test_the_paper_has_the_width_of_the_printer(profile: Profile) -> None:
    assert picture(profile, Text("票")).width == profile.dots + 2 * MARGIN_DOTS


@pytest.mark.parametrize("align", list(Align))
@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("bold", [False, True])
def test_a_drawn_line_looks_like_a_printed_one(align: Align, size: int, bold: bool) -> None:
    line = Text("门票 No 1 号", size=size, bold=bold, align=align)
    printed, drawn = picture(GB18030, line), picture(PROFILES["drawn-80"], line)
    assert printed.size == drawn.size
    assert ImageChops.difference(printed, drawn).getbbox() is None


def test_ink_is_where_the_alignment_says() -> None:
    centre = GB18030.dots / 2 + MARGIN_DOTS
    for align, side in ((Align.LEFT, -1), (Align.CENTRE, 0), (Align.RIGHT, 1)):
        ink = ImageChops.invert(picture(GB18030, Text("门票", align=align))).getbbox()
        assert ink is not None
        middle = (ink[0] + ink[2]) / 2 - centre
        assert abs(middle) < 12 if side == 0 else middle * side > 200


def test_without_a_chinese_font_boxes_are_drawn() -> None:
    bare = Fonts([])
    assert not bare.chinese
    with_box = picture(PROFILES["drawn-80"], Text("票A"), fonts=bare)
    assert ImageChops.invert(with_box).getbbox() is not None
    assert bare.has("A")
    assert not bare.has("票")


@pytest.mark.needs("wqy-microhei")
def test_a_glyph_that_the_font_lacks_is_known() -> None:
    assert FONTS.has("票")
    assert not Fonts([path for path in FONTS._paths if "wqy-microhei" in path.name]).has("𬭎")


@given(st.binary(max_size=300), st.integers(1, 20))
def test_any_bytes_in_any_pieces_mean_the_same(data: bytes, step: int) -> None:
    whole, unknown = interpret(data, GB18030)
    pieces = Interpreter(GB18030)
    items = [item for at in range(0, len(data), step) for item in pieces.feed(data[at : at + step])]
    items += pieces.end()
    assert text_lines(items) == text_lines(whole)
    assert b"".join(pieces.unknown) == b"".join(unknown)


def test_a_four_byte_code_is_seen_as_what_a_printer_makes_of_it() -> None:
    items, _ = interpret(b"\x1c&" + "¥80".encode("gb18030") + b"\n", GB18030)
    assert text_lines(items) == ["??80"]


def test_high_bytes_outside_chinese_mode_are_no_text() -> None:
    items, _ = interpret(b"\x1b@" + "票".encode("gbk") + b"\n", GB18030)
    assert text_lines(items) == ["??"]
