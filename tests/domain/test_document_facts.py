"""What a document tells of its holder."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.domain.document import (
    AGE_BANDS,
    AgeRule,
    Document,
    DocumentType,
    LeapDay,
    Sex,
    age_band,
    age_on,
    birth_date,
    origin,
    region_code,
    sex,
)

STRICT = AgeRule(birthday_counts=False)
EARLY_LEAP = AgeRule(leap_day=LeapDay.FEBRUARY_28)


@pytest.mark.parametrize(
    ("birth", "visit", "rule", "age"),
    [
        ((1960, 10, 1), (2026, 9, 30), AgeRule(), 65),
        ((1960, 10, 1), (2026, 10, 1), AgeRule(), 66),
        ((1960, 10, 1), (2026, 10, 1), STRICT, 65),
        ((1960, 10, 1), (2026, 10, 2), STRICT, 66),
        ((2008, 2, 29), (2026, 2, 28), AgeRule(), 17),
        ((2008, 2, 29), (2026, 3, 1), AgeRule(), 18),
        ((2008, 2, 29), (2026, 2, 28), EARLY_LEAP, 18),
        ((2008, 2, 29), (2028, 2, 28), EARLY_LEAP, 19),
        ((2008, 2, 29), (2028, 2, 29), AgeRule(), 20),
        ((2008, 2, 29), (2100, 2, 28), AgeRule(), 91),
        ((2026, 5, 1), (2026, 5, 1), AgeRule(), 0),
        ((2026, 5, 1), (2026, 4, 1), AgeRule(), 0),
    ],
)
def test_age_counts_on_the_visit_date(birth, visit, rule, age):
    assert age_on(date(*birth), date(*visit), rule) == age


@given(st.dates(date(1900, 1, 1), date(2026, 1, 1)), st.integers(0, 120))
def test_age_grows_by_one_on_each_birthday(birth, years):
    year = birth.year + years
    leap_day = (birth.month, birth.day) == (2, 29)
    birthday = date(year, 3, 1) if leap_day and year % 4 else None
    if leap_day and year in (1900, 2100):
        birthday = date(year, 3, 1)
    birthday = birthday or birth.replace(year=year)
    assert age_on(birth, birthday) == years
    assert age_on(birth, date.fromordinal(birthday.toordinal() - 1)) == max(0, years - 1)


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, "0-6"),
        (6, "0-6"),
        (7, "7-17"),
        (17, "7-17"),
        (18, "18-24"),
        (59, "45-59"),
        (60, "60-64"),
        (69, "65-69"),
        (70, "70+"),
        (126, "70+"),
    ],
)
def test_age_bands(age, band):
    assert age_band(age) == band


def test_bands_cover_every_age_once():
    for age in range(130):
        holding = [b for b in AGE_BANDS if b.first <= age <= (b.last or 999)]
        assert [b.code for b in holding] == [age_band(age)]


def test_a_document_without_a_birth_date_takes_the_stated_one():
    permit = Document(DocumentType.HM_TRAVEL, "H12345678")
    card = Document(DocumentType.RESIDENT, "11010519491231002X")
    stated = date(2001, 2, 3)
    assert birth_date(permit) is None
    assert birth_date(permit, stated) == stated
    assert birth_date(card, stated) == date(1949, 12, 31)


def test_the_sex_on_the_card_wins_over_the_digit():
    card = Document(DocumentType.RESIDENT, "11010519491231002X")
    assert sex(card) is Sex.FEMALE
    assert sex(card, Sex.MALE) is Sex.MALE


@pytest.mark.parametrize(
    ("kind", "number", "nationality", "province", "country"),
    [
        (DocumentType.PASSPORT_FOREIGN, "561234567", "USA", None, "USA"),
        (DocumentType.PASSPORT_FOREIGN, "C01X00T47", "D<<", None, "DEU"),
        (DocumentType.PASSPORT_FOREIGN, "123456789", "GBN", None, "GBR"),
        (DocumentType.PASSPORT_FOREIGN, "561234567", None, None, ""),
        (DocumentType.PASSPORT_FOREIGN, "561234567", "QQQ", None, ""),
        (DocumentType.PASSPORT_CN, "E12345678", None, None, "CHN"),
        (DocumentType.PASSPORT_CN, "K12345678", "HKG", "81", "CHN"),
        (DocumentType.PASSPORT_FOREIGN, "312345678", "TWN", "71", "CHN"),
        (DocumentType.HM_EXIT, "C12345678", None, None, "CHN"),
        (DocumentType.FOREIGNER_CARD_OLD, "PAK310080010103", None, None, "PAK"),
        (DocumentType.HM_TRAVEL, "K12345678", None, None, ""),
        (DocumentType.HM_TRAVEL, "M12345678", None, "82", "CHN"),
        (DocumentType.NETWORK_ID, "token", None, None, ""),
        (DocumentType.FOREIGNER_CARD, "911000199003071239", None, None, "XXA"),
    ],
)
def test_origin_by_document(kind, number, nationality, province, country):
    found = origin(Document(kind, number), nationality)
    assert (found.province_code, found.country) == (province, country)


@pytest.mark.parametrize(
    ("region", "province", "prefecture", "county"),
    [
        ("110105", "北京", "北京市", "朝阳区"),
        ("510202", "重庆", "重庆市", "渝中区"),
        ("512301", "重庆", "涪陵地区", "涪陵市"),
        ("441900", "广东", "东莞市", "东莞市"),
        ("330113", "浙江", "杭州市", "临平区"),
        ("449003", "海南", "", "海口市"),
        ("441001", "广东", "", "潮州市"),
        ("710000", "台湾", "", ""),
        ("429999", "湖北", "", ""),
        ("130101", "河北", "石家庄市", ""),
        ("130199", "河北", "", ""),
    ],
)
def test_origin_of_a_resident_is_the_place_of_first_registration(
    region, province, prefecture, county
):
    found = origin(Document(DocumentType.RESIDENT, f"{region}199003071231"))
    assert (found.province, found.prefecture, found.county) == (province, prefecture, county)
    assert found.country == "CHN"
    assert found.province_en


@pytest.mark.parametrize(
    ("kind", "number", "code"),
    [
        (DocumentType.RESIDENT, "420102199003071231", "420102"),
        (DocumentType.HMT_PERMIT, "810000199408230021", "810000"),
        (DocumentType.FOREIGNER_CARD, "942124198108030024", None),
        (DocumentType.TW_TRAVEL, "42012345", None),
        (DocumentType.PASSPORT_FOREIGN, "420123456", None),
    ],
)
def test_only_numbers_with_a_region_have_a_region_code(kind, number, code):
    assert region_code(Document(kind, number)) == code
