"""The bytes of text: every string that is known to go wrong on Chinese printers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.terminals.parts.printer.base import Align, Cut, Feed, QrCode, Rule, Slip, Text
from menpiao.terminals.parts.printer.drawing import QrTooLarge
from menpiao.terminals.parts.printer.escpos import encode
from menpiao.terminals.parts.printer.fonts import Fonts
from menpiao.terminals.parts.printer.layout import columns_of
from menpiao.terminals.parts.printer.profiles import PROFILES, Charset, Profile
from menpiao.terminals.parts.printer.render import (
    Item,
    PrintedLine,
    PrintedPicture,
    interpret,
    text_lines,
)

FONTS = Fonts()
GB18030 = PROFILES["generic-80"]
GBK = PROFILES["gbk-80"]
GB2312 = PROFILES["gb2312-58"]
EVERY = pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
WITH_TEXT = [profile for profile in PROFILES.values() if profile.charset is not Charset.NONE]
RASTER = b"\x1dv0"


def sent(profile: Profile, *lines: Text | Rule | QrCode | Feed | Cut) -> bytes:
    return encode(Slip(lines), profile, FONTS)


def printed(profile: Profile, *lines: Text | Rule | QrCode | Feed | Cut) -> list[Item]:
    items, unknown = interpret(sent(profile, *lines), profile)
    assert unknown == []
    return items


def codes(profile: Profile, text: str) -> bytes:
    """What follows the last switch to Chinese mode."""
    data = sent(profile, Text(text))
    assert RASTER not in data
    return data.rsplit(b"\x1c&", 1)[1]


@pytest.mark.parametrize("profile", [GB18030, GBK, GB2312], ids=lambda profile: profile.name)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("门票", "C3C5 C6B1"),
        ("门票 ¥80", "C3C5 C6B1 20 A3A4 3830"),
        ("￥80", "A3A4 3830"),
        ("：", "A3BA"),
        ("①", "A2D9"),
        ("℃", "A1E6"),
        ("《》", "A1B6 A1B7"),
        ("票", "C6B1"),
        ("￥：①", "A3A4 A3BA A2D9"),
    ],
)
def test_two_byte_codes(profile: Profile, text: str, expected: str) -> None:
    assert codes(profile, text) == bytes.fromhex(expected) + b"\n"


@pytest.mark.parametrize("profile", [GB18030, GBK], ids=lambda profile: profile.name)
def test_the_middle_dot(profile: Profile) -> None:
    assert codes(profile, "阿·木") == "阿".encode("gbk") + b"\xa1\xa4" + "木".encode("gbk") + b"\n"


def test_a_character_that_only_gb18030_has() -> None:
    assert codes(GB18030, "张䶮") == bytes.fromhex("D5C5 FE9F 0A")
    assert codes(GB18030, "䶮") == bytes.fromhex("FE9F 0A")
    assert codes(GB18030, "张\ue863") == bytes.fromhex("D5C5 FE9F 0A")
    for profile in (GBK, GB2312):
        assert RASTER in sent(profile, Text("张䶮"))


@EVERY
@pytest.mark.parametrize("text", ["㛃", "𬭎", "李㛃", "\ue000", "😀", "한", "é𬭎"])
def test_characters_without_a_two_byte_code_are_drawn(profile: Profile, text: str) -> None:
    data = sent(profile, Text(text))
    assert RASTER in data
    assert text.encode("gb18030") not in data
    items = printed(profile, Text(text))
    assert [type(item) for item in items] == [PrintedPicture]


@given(st.text(max_size=40))
def test_no_four_byte_code_is_ever_sent(text: str) -> None:
    data = sent(GB18030, Text(text))
    items, unknown = interpret(data, GB18030)
    assert unknown == []
    assert not any("?" in line for line in text_lines(items) if "?" not in text)


@EVERY
def test_every_slip_begins_with_reset_and_chinese_mode(profile: Profile) -> None:
    assert sent(profile).startswith(b"\x1b@\x1c&\x1cS\x00\x00")


@pytest.mark.parametrize("profile", WITH_TEXT, ids=lambda profile: profile.name)
def test_big_and_bold_reach_chinese_and_ascii_and_end_again(profile: Profile) -> None:
    big, plain = printed(
        profile, Text("票No1号", size=2, bold=True, align=Align.CENTRE), Text("票No1号")
    )
    assert isinstance(big, PrintedLine)
    assert isinstance(plain, PrintedLine)
    assert {(cell.size, cell.bold) for cell in big.cells} == {(2, True)}
    assert {(cell.size, cell.bold) for cell in plain.cells} == {(1, False)}
    assert (big.text, plain.text) == ("票No1号", "票No1号")
    assert (big.align, plain.align) == (Align.CENTRE, Align.LEFT)


def test_the_bits_of_each_maker() -> None:
    assert b"\x1d!\x11\x1c&" in sent(GB18030, Text("票", size=2))
    assert b"\x1d!\x11\x1c!\x30" in sent(PROFILES["sprt-pos76"], Text("票", size=2))
    assert b"\x1b!\x30\x1c!\x0c" in sent(PROFILES["zijiang-80"], Text("票", size=2))


@EVERY
@pytest.mark.parametrize(
    "evil",
    [
        "张\x1b@三",
        "\x1dV\x00",
        "\x10\x04\x01",
        "\x1bp\x00\x32\x32",
        "张\x9b三\x85",
        "\u202e\u2028\ufeff",
        "\x1c.",
        "a\x00b\x7fc",
        "\ud800",
    ],
)
def test_a_name_is_never_a_command(profile: Profile, evil: str) -> None:
    harmless = "".join(char for char in evil if char.isprintable())
    assert sent(profile, Text(evil)) == sent(profile, Text(harmless))


def test_line_ends_make_paragraphs() -> None:
    assert text_lines(printed(GB18030, Text("一\n二\r\n三\r四\t五"))) == ["一", "二", "三", "四 五"]


@pytest.mark.parametrize("profile", [GB18030, PROFILES["generic-58"]], ids=lambda p: p.name)
def test_a_full_line_of_mixed_text_does_not_wrap(profile: Profile) -> None:
    full = "a票" * (profile.columns // 3)
    full += "x" * (profile.columns - columns_of(full))
    assert text_lines(printed(profile, Text(full))) == [full]
    assert text_lines(printed(profile, Text(full + "票"))) == [full, "票"]
    odd = "x" * (profile.columns - 1) + "票"
    assert text_lines(printed(profile, Text(odd))) == [odd[:-1], "票"]


def test_words_stay_whole() -> None:
    text = "Your identity card is your ticket tap it at the gate"
    lines = text_lines(printed(PROFILES["generic-58"], Text(text)))
    assert " ".join(lines) == text
    assert all(len(line) <= 32 for line in lines)


def two_byte_chars() -> list[str]:
    chars = []
    for code in range(0x00A1, 0x10000):
        char = chr(code)
        if 0xD800 <= code <= 0xF8FF or not char.isprintable() or code == 0xA5:
            continue
        if 0xFE00 <= code <= 0xFE0F:
            continue
        if len(char.encode("gb18030")) == 2:
            chars.append(char)
    return chars


TWO_BYTE = two_byte_chars()
MIXED = st.text(
    st.one_of(st.sampled_from(TWO_BYTE), st.characters(min_codepoint=0x20, max_codepoint=0x7E)),
    max_size=120,
)


def test_every_two_byte_character_goes_through() -> None:
    assert len(TWO_BYTE) > 20_000
    text = "".join(TWO_BYTE)
    assert "".join(text_lines(printed(GB18030, Text(text)))) == text


@given(MIXED, st.sampled_from([1, 2]), st.booleans(), st.sampled_from(list(Align)))
def test_what_is_sent_is_what_is_read(text: str, size: int, bold: bool, align: Align) -> None:
    for profile in (GB18030, PROFILES["generic-58"]):
        items = printed(profile, Text(text, size=size, bold=bold, align=align))
        lines = [item for item in items if isinstance(item, PrintedLine)]
        assert len(lines) == len(items)
        shown = "".join(line.text for line in lines)
        assert shown.replace(" ", "") == text.replace(" ", "")
        for line in lines:
            assert sum(cell.dots for cell in line.cells) <= profile.dots
            assert all((cell.size, cell.bold) == (size, bold) for cell in line.cells)
            assert line.align is align


@given(MIXED)
def test_every_kind_of_printer_shows_the_same_text(text: str) -> None:
    for profile in PROFILES.values():
        if profile.charset is Charset.NONE:
            continue
        for item in printed(profile, Text(text, size=2)):
            if isinstance(item, PrintedLine):
                assert {cell.size for cell in item.cells} <= {2}
                assert "".join(item.text.split()) in "".join(text.split())


def test_native_qr_bytes() -> None:
    data = sent(GB18030, QrCode("MP7K2Q9XW4RT"))
    assert data.endswith(
        bytes.fromhex("1D286B0400314132001D286B03003143061D286B0300314530")
        + bytes.fromhex("1D286B0F00315030 4D50374B3251395857345254 1D286B0300315130")
    )


def test_a_code_that_cannot_be_read_from_paper_is_refused() -> None:
    for name in ("generic-58", "drawn-58"):
        with pytest.raises(QrTooLarge):
            sent(PROFILES[name], QrCode("X" * 4000))
    for profile in PROFILES.values():
        with pytest.raises(QrTooLarge):
            sent(profile, QrCode("x" * 5000))


def test_a_dense_code_gets_smaller_modules() -> None:
    items = printed(PROFILES["generic-58"], QrCode("X" * 400, module_dots=16))
    assert items[0].module_dots < 8


def test_rule_feed_and_cut() -> None:
    data = sent(GB18030, Rule(), Feed(3), Cut())
    assert b"-" * 48 + b"\n" in data
    assert data.endswith(b"\x1bd\x03\x1ba\x00\x1bE\x00\x1d!\x00\x1bd\x04\x1dV\x01")
    assert b"\x1dV" not in sent(PROFILES["generic-58"], Cut())
    assert b"\x1bd\x00" in sent(GB18030, Feed(-5))
    assert b"\x1bd\x14" in sent(GB18030, Feed(10_000))
