"""Who sees how much of a name and a number."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import menpiao
from menpiao.domain.masking import (
    MASKS,
    Purpose,
    mask_name,
    mask_number,
    mask_number_tail,
    mask_phone,
    scrub,
    show_name,
    show_number,
)


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("张三", "张*"),
        ("欧阳娜娜", "欧***"),
        ("阿依古丽·买买提", "阿*******"),
        ("JOHN SMITH", "J*********"),
        ("葛\U000e0100三", "葛\U000e0100*"),
        ("𠮷野", "𠮷*"),
        ("张", "张"),
        ("  ", ""),
        ("", ""),
    ],
)
def test_names(name, masked):
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("number", "staff", "tail"),
    [
        ("11010519491231002X", "110105********002X", "**************002X"),
        ("110105491231002", "110105*******02", "*************02"),
        ("PAK310080010103", "PAK310*******03", "*************03"),
        ("H12345678", "H****5678", "*****5678"),
        ("12345678", "****5678", "****5678"),
        ("12345", "*****", "*****"),
        ("", "", ""),
    ],
)
def test_numbers(number, staff, tail):
    assert mask_number(number) == staff
    assert mask_number_tail(number) == tail


@given(st.text(alphabet="0123456789X", max_size=30))
def test_masks_keep_the_length_and_hide_at_least_four(number):
    for masked in (mask_number(number), mask_number_tail(number)):
        assert len(masked) == len(number)
        assert masked.count("*") >= min(len(number), 2)
        assert len(number) < 8 or masked.count("*") >= 4


@given(st.text(alphabet="张三李四王五·ABC", min_size=1))
def test_a_masked_name_shows_one_character(name):
    assert mask_name(name) == name[0] + "*" * (len(name) - 1)


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("13800005678", "138****5678"),
        ("+8613800005678", "**********5678"),
        ("12345", "*****"),
        ("", ""),
    ],
)
def test_phones(phone, masked):
    assert mask_phone(phone) == masked


@pytest.mark.parametrize(
    ("purpose", "name", "number"),
    [
        (Purpose.PUBLIC, "张*", ""),
        (Purpose.STAFF, "张三", "110105********002X"),
        (Purpose.STAFF_REVEALED, "张三", "11010519491231002X"),
        (Purpose.LOG, "", ""),
        (Purpose.EXPORT, "张*", "110105********002X"),
        (Purpose.REGULATOR, "", ""),
        (Purpose.OTA, "张*", "**************002X"),
    ],
)
def test_each_purpose_sees_its_share(purpose, name, number):
    assert show_name("张三", purpose) == name
    assert show_number("11010519491231002X", purpose) == number


def test_every_purpose_has_a_row():
    assert set(MASKS) == set(Purpose)


@pytest.mark.parametrize(
    "secret",
    [
        "11010519491231002X",
        "110105491231002",
        "H12345678",
        "MA1234567",
        "PAK310080010103",
        "E12345678",
        "EA1234567",
        "13800005678",
        "h1234567801",
    ],
)
def test_logs_lose_what_looks_like_a_number(secret):
    for text in (
        secret,
        f"document {secret} refused",
        f"/check?n={secret}&gate=3",
        f"张三{secret}",
    ):
        assert secret not in scrub(text)
        assert "[removed]" in scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        "gate 12 opened",
        "2026-05-01T08:30:00.123456Z",
        "order 20260501000123",
        "a1b2c3d4e5f60718",
        "",
    ],
)
def test_logs_keep_the_rest(text):
    assert scrub(text) == text


def test_nothing_else_shortens_names():
    """One rule in one file: stars after a piece of a name or number are made here only."""
    stars = re.compile(r"""["']\*+["']\s*\*|\*{4}["']""")
    root = Path(menpiao.__file__).parent
    offenders = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if path.name != "masking.py" and stars.search(path.read_text(encoding="utf-8"))
    ]
    assert offenders == []
