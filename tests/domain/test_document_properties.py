"""What holds for every number, found by search."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.domain.document import (
    Document,
    DocumentFault,
    DocumentRefusal,
    DocumentType,
    Sex,
    birth_date,
    guess_type,
    identity_text,
    normalise_number,
    origin,
    parse_document,
    resident_number,
    sex,
)
from menpiao.domain.document_resident import foreigner_number
from menpiao.domain.masking import mask_number, mask_number_tail, scrub
from menpiao.domain.region import PROVINCES, all_regions

TODAY = date(2026, 5, 1)
REGIONS = [region.code for region in all_regions()]
FULL_WIDTH = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")

births = st.dates(date(1900, 1, 1), TODAY)
sequences = st.integers(0, 999)
regions = st.sampled_from(REGIONS)
numbers = st.builds(resident_number, regions, births, sequences)


def accept(raw: str) -> Document:
    result = parse_document(DocumentType.RESIDENT, raw, TODAY)
    assert isinstance(result, Document), result.fault
    return result


@given(regions, births, sequences)
def test_a_number_gives_back_what_it_was_made_of(region, birth, sequence):
    document = accept(resident_number(region, birth, sequence))
    assert birth_date(document) == birth
    assert sex(document) is (Sex.MALE if sequence % 2 else Sex.FEMALE)
    assert origin(document).province_code in PROVINCES
    assert guess_type(document.number) is document.type


@given(st.integers(0, 999_999), births, sequences)
def test_an_unknown_region_never_blocks(code, birth, sequence):
    region = f"{code:06d}"
    result = parse_document(DocumentType.RESIDENT, resident_number(region, birth, sequence), TODAY)
    real = region[:2] in {*PROVINCES, "83"} or region[0] == "9"
    assert isinstance(result, Document) is real
    assert real or result == DocumentRefusal(DocumentFault.PREFIX)


@given(numbers, st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_refused(number, position, change):
    digits = "0123456789X" if position == 17 else "0123456789"
    wrong = digits[(digits.index(number[position]) + change) % len(digits)]
    typed = number[:position] + wrong + number[position + 1 :]
    assert isinstance(parse_document(DocumentType.RESIDENT, typed, TODAY), DocumentRefusal)


@given(numbers, st.integers(0, 16))
def test_two_neighbours_exchanged_are_refused(number, place):
    one, other = number[place], number[place + 1]
    if one == other:
        return
    typed = number[:place] + other + one + number[place + 2 :]
    assert isinstance(parse_document(DocumentType.RESIDENT, typed, TODAY), DocumentRefusal)


@given(numbers)
def test_full_width_lower_case_and_spaces_make_no_difference(number):
    expected = accept(number)
    assert accept(number.translate(FULL_WIDTH)) == expected
    assert accept(f" {number[:6]} {number[6:14]}-{number[14:].lower()}\n") == expected


@given(
    st.builds(resident_number, regions, st.dates(date(1900, 1, 1), date(1999, 12, 31)), sequences)
)
def test_the_first_generation_number_finds_the_same_person(number):
    if guess_type(number) is not DocumentType.RESIDENT:
        return
    short = number[:6] + number[8:17]
    assert identity_text(accept(short)) == identity_text(accept(number))


@given(st.sampled_from(sorted(PROVINCES)), births, sequences)
def test_a_foreigner_number_gives_its_country_and_not_the_province(province, birth, sequence):
    document = accept(foreigner_number(province, "124", birth, sequence))
    assert document.type is DocumentType.FOREIGNER_CARD
    assert (origin(document).country, origin(document).province_code) == ("CAN", None)
    assert birth_date(document) == birth
    assert sex(document) is None
    assert sex(document, Sex.MALE) is Sex.MALE


@given(st.text(max_size=80))
def test_normalising_twice_is_normalising_once(raw):
    once = normalise_number(raw)
    assert normalise_number(once) == once


@given(st.sampled_from(DocumentType), st.text(max_size=40) | numbers | st.from_regex(r"[HM]A?\d+"))
def test_any_text_is_answered_with_a_value(kind, raw):
    result = parse_document(kind, raw, TODAY)
    if isinstance(result, Document):
        assert identity_text(result).partition(":")[2] == result.number
        again = parse_document(result.type, result.number, TODAY)
        assert isinstance(again, Document)
        assert identity_text(again) == identity_text(result)
        origin(result)
        birth_date(result)
        sex(result)
        guess_type(raw)


@given(numbers)
def test_masks_show_nothing_of_the_birth(number):
    assert mask_number(number) == f"{number[:6]}********{number[-4:]}"
    short = number[:6] + number[8:17]
    assert mask_number(short)[6:12] == "******"
    assert set(mask_number_tail(number)[:-4]) == {"*"}
    assert set(mask_number_tail(short)[6:12]) == {"*"}


@given(numbers)
def test_scrubbed_text_holds_no_number(number):
    assert number not in scrub(f"refused {number}, again")
    assert number.lower() not in scrub(f"card={number.lower()}")


@pytest.mark.parametrize(
    ("region", "sequence"), [("11010", 1), ("1101050", 1), ("11010５", 1), ("110105", 1000)]
)
def test_a_number_is_not_made_from_wrong_parts(region, sequence):
    with pytest.raises(ValueError, match="6 digits of region"):
        resident_number(region, date(1990, 1, 1), sequence)
