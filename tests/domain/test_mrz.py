"""The machine readable zone of passports."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.domain.document import DocumentFault, DocumentRefusal, DocumentType, Sex, origin
from menpiao.domain.mrz import Mrz, check_digit, parse_mrz

TODAY = date(2026, 5, 1)
FIRST = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"
SECOND = "L898902C36UTO7408122F1204159ZE184226B<<<<<10"


def build(
    number="E12345678", nation="CHN", birth="900307", sex="M", expiry="301231", extra=""
) -> str:
    number, extra = number.ljust(9, "<"), extra.ljust(14, "<")
    head = f"{number}{check_digit(number)}"
    middle = f"{birth}{check_digit(birth)}"
    tail = f"{expiry}{check_digit(expiry)}{extra}{check_digit(extra)}"
    return f"{head}{nation:<<3}{middle}{sex}{tail}{check_digit(head + middle + tail)}"


def read(text: str) -> Mrz:
    result = parse_mrz(text, TODAY)
    assert isinstance(result, Mrz), result
    return result


@pytest.mark.parametrize(
    ("field", "digit"),
    [
        ("L898902C3", 6),
        ("740812", 2),
        ("120415", 9),
        ("ZE184226B<<<<<", 1),
        ("L898902C3674081221204159ZE184226B<<<<<1", 0),
    ],
)
def test_the_five_check_digits_of_the_specimen(field, digit):
    assert check_digit(field) == digit


@pytest.mark.parametrize(
    "text",
    [SECOND, f"{FIRST}\n{SECOND}", f"{FIRST}{SECOND}".lower(), f" {SECOND[:20]} {SECOND[20:]}"],
)
def test_the_specimen(text):
    mrz = read(text)
    assert (mrz.number, mrz.nationality, mrz.sex) == ("L898902C3", "UTO", Sex.FEMALE)
    assert (mrz.birth, mrz.expiry) == (date(1974, 8, 12), date(2012, 4, 15))


def test_names_come_from_the_first_line():
    mrz = read(f"{FIRST}\n{SECOND}")
    assert (mrz.surname, mrz.given_names) == ("ERIKSSON", "ANNA MARIA")
    assert read(SECOND).surname == ""


@pytest.mark.parametrize(
    ("birth", "expected"),
    [
        ("260501", date(2026, 5, 1)),
        ("260502", date(1926, 5, 2)),
        ("000229", date(2000, 2, 29)),
        ("960229", date(1996, 2, 29)),
        ("90<<<<", None),
    ],
)
def test_a_birth_does_not_lie_in_the_future(birth, expected):
    assert read(build(birth=birth)).birth == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", DocumentFault.EMPTY),
        (SECOND[:-1], DocumentFault.LENGTH),
        ("<" * 10_000, DocumentFault.LENGTH),
        (SECOND.replace("U", "*"), DocumentFault.CHARACTERS),
        (SECOND.replace("L", "中"), DocumentFault.CHARACTERS),
        (SECOND.replace("L898902C36", "L898902C37"), DocumentFault.CHECK_DIGIT),
        (SECOND[:-1] + "1", DocumentFault.CHECK_DIGIT),
        (SECOND[:-2] + "A0", DocumentFault.CHECK_DIGIT),
        (build(birth="901332"), DocumentFault.DATE),
        (build(expiry="300231"), DocumentFault.DATE),
        (build(birth="9A0307"), DocumentFault.DATE),
        (build(number=""), DocumentFault.EMPTY),
    ],
)
def test_what_cannot_be_read_is_refused(text, fault):
    assert parse_mrz(text, TODAY) == DocumentRefusal(fault)


def test_an_empty_personal_number_may_have_no_check_digit():
    line = build()
    assert line[42] == "0"
    assert read(line[:42] + "<" + line[43:]).number == "E12345678"


@pytest.mark.parametrize(
    ("nation", "kind", "province", "country"),
    [
        ("CHN", DocumentType.PASSPORT_CN, None, "CHN"),
        ("HKG", DocumentType.PASSPORT_CN, "81", "CHN"),
        ("D", DocumentType.PASSPORT_FOREIGN, None, "DEU"),
        ("USA", DocumentType.PASSPORT_FOREIGN, None, "USA"),
    ],
)
def test_the_nationality_gives_type_and_origin(nation, kind, province, country):
    mrz = read(build(nation=nation))
    assert mrz.document.type is kind
    found = origin(mrz.document, mrz.nationality)
    assert (found.province_code, found.country) == (province, country)


def test_representations_hold_no_personal_data():
    assert "ERIKSSON" not in repr(read(f"{FIRST}\n{SECOND}"))


@given(st.text(max_size=200) | st.text(alphabet="0123456789ABCX<", min_size=44, max_size=44))
def test_any_text_is_answered_with_a_value(text):
    assert isinstance(parse_mrz(text, TODAY), Mrz | DocumentRefusal)


@given(st.integers(0, 43), st.sampled_from("0123456789"))
def test_a_changed_digit_of_a_checked_field_is_found(position, digit):
    if not SECOND[position].isdigit() or SECOND[position] == digit:
        return
    changed = SECOND[:position] + digit + SECOND[position + 1 :]
    assert parse_mrz(changed, TODAY) == DocumentRefusal(DocumentFault.CHECK_DIGIT)
