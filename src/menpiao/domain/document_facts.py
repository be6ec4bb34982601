"""What a document tells of its holder: birth date, age on the visit date, sex, origin."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Final

from menpiao.domain.country import Country, country_of_code, country_of_numeric
from menpiao.domain.document_types import Document, DocumentType, Label, Sex
from menpiao.domain.region import PROVINCES, Province, find_region, province_of

_WITH_BIRTH: Final = frozenset(
    {DocumentType.RESIDENT, DocumentType.HMT_PERMIT, DocumentType.FOREIGNER_CARD}
)
# A foreigner's number has no region, and whether its 17th digit tells the sex is not confirmed.
_WITH_REGION: Final = frozenset({DocumentType.RESIDENT, DocumentType.HMT_PERMIT})


class LeapDay(StrEnum):
    """On which day of a common year someone born on 29 February has a birthday."""

    MARCH_1 = "march_1"
    FEBRUARY_28 = "february_28"


@dataclass(frozen=True, slots=True)
class AgeRule:
    """How a site counts years. ``birthday_counts``: one is a year older on the birthday itself."""

    birthday_counts: bool = True
    leap_day: LeapDay = LeapDay.MARCH_1


_DEFAULT_RULE: Final = AgeRule()


def birth_date(document: Document, stated: date | None = None) -> date | None:
    """The birth date in the number; for numbers without one, that stated (typed, card, MRZ)."""
    if document.type not in _WITH_BIRTH:
        return stated
    number = document.number
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))


def age_on(birth: date, visit_date: date, rule: AgeRule = _DEFAULT_RULE) -> int:
    """Completed years on the visit date, not on the day of sale; 0 before the birth."""
    birthday = (birth.month, birth.day)
    if birthday == (2, 29) and not _is_leap(visit_date.year):
        birthday = (3, 1) if rule.leap_day is LeapDay.MARCH_1 else (2, 28)
    today = (visit_date.month, visit_date.day)
    reached = birthday <= today if rule.birthday_counts else birthday < today
    return max(0, visit_date.year - birth.year - (not reached))


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Ages ``first`` to ``last`` (None: open), both included; ``code`` is stored."""

    code: str
    first: int
    last: int | None
    label: Label


AGE_BANDS: Final = (
    *(
        AgeBand(f"{a}-{z}", a, z, Label(f"{a}–{z}岁", f"{a}–{z}"))
        for a, z in ((0, 6), (7, 17), (18, 24), (25, 34), (35, 44), (45, 59), (60, 64), (65, 69))
    ),
    AgeBand("70+", 70, None, Label("70岁及以上", "70 and over")),
)
"""The bands of the statistics; together they cover every age once."""

_BAND_OF_AGE: Final = tuple(
    band.code for band in AGE_BANDS[:-1] for _ in range(band.first, (band.last or 0) + 1)
)


def age_band(age: int) -> str:
    """The code of the band an age in completed years falls into."""
    return _BAND_OF_AGE[max(age, 0)] if age < len(_BAND_OF_AGE) else AGE_BANDS[-1].code


def sex(document: Document, stated: Sex | None = None) -> Sex | None:
    """The sex on the card where one was read, else that in the number (17th digit odd = male)."""
    if stated is not None:
        return stated
    if document.type not in _WITH_REGION:
        return None
    return Sex.MALE if document.number[16] in "13579" else Sex.FEMALE


def region_code(document: Document) -> str | None:
    """The six digits of first registration, for rules that test a prefix; None if it has none."""
    return document.number[:6] if document.type in _WITH_REGION else None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a visitor comes from, as far as the document tells; empty where it does not.

    For resident cards it is the place of **first registration**, not of residence.
    ``province_code`` is the two digits of today's province, ``province``/``province_en`` its
    short names, ``prefecture`` and ``county`` Chinese names as in the region table, ``country``
    an ISO 3166 alpha-3 code (``XXA``: stateless).
    """

    province_code: str | None = None
    province: str = ""
    province_en: str = ""
    prefecture: str = ""
    county: str = ""
    country: str = ""
    country_name: str = ""
    country_name_en: str = ""


UNKNOWN_ORIGIN: Final = Origin()


def origin(document: Document, nationality: str | None = None) -> Origin:
    """The origin in the number; ``nationality`` (alpha-3, from MRZ or typed) where it has none."""
    found = _ORIGINS.get(document.type)
    if found is not None:
        return found(document.number)
    if nationality:
        return _of_nationality(nationality)
    return _MAINLAND if document.type is DocumentType.PASSPORT_CN else UNKNOWN_ORIGIN


def _of_resident(number: str) -> Origin:
    return _of_region(number[:6])


@lru_cache(maxsize=8192)
def _of_region(code: str) -> Origin:
    province = province_of(code)
    region = find_region(code)
    if region is None or region.code.endswith("0000"):
        return _in_china(province)
    return _in_china(province, region.prefecture, region.name)


def _in_china(province: Province | None, prefecture: str = "", county: str = "") -> Origin:
    country = country_of_code("CHN")
    return Origin(
        province_code=province.code if province else None,
        province=province.zh if province else "",
        province_en=province.en if province else "",
        prefecture=prefecture,
        county=county,
        country="CHN",
        country_name=country.zh if country else "",
        country_name_en=country.en if country else "",
    )


_HONG_KONG: Final = _in_china(PROVINCES["81"])
_MACAO: Final = _in_china(PROVINCES["82"])
_TAIWAN: Final = _in_china(PROVINCES["71"])
_MAINLAND: Final = _in_china(None)

# Passports of these places count for the province, not as a country.
_UNITS: Final = {"CHN": _MAINLAND, "HKG": _HONG_KONG, "MAC": _MACAO, "TWN": _TAIWAN}


def _of_country(country: Country | None) -> Origin:
    if country is None:
        return UNKNOWN_ORIGIN
    unit = _UNITS.get(country.code)
    if unit is not None:
        return unit
    return Origin(country=country.code, country_name=country.zh, country_name_en=country.en)


@lru_cache(maxsize=512)
def _of_nationality(letters: str) -> Origin:
    return _of_country(country_of_code(letters))


def _of_travel_permit(number: str) -> Origin:
    return {"H": _HONG_KONG, "M": _MACAO}.get(number[:1], UNKNOWN_ORIGIN)


def _of_foreigner(number: str) -> Origin:
    # Digits 2-3 are the province of application and say nothing of the origin.
    return _of_country(country_of_numeric(number[3:6]))


_ORIGINS: Final[dict[DocumentType, Callable[[str], Origin]]] = {
    DocumentType.RESIDENT: _of_resident,
    DocumentType.HMT_PERMIT: _of_resident,
    DocumentType.FOREIGNER_CARD: _of_foreigner,
    DocumentType.FOREIGNER_CARD_OLD: lambda number: _of_nationality(number[:3]),
    DocumentType.HM_TRAVEL: _of_travel_permit,
    DocumentType.TW_TRAVEL: lambda _: _TAIWAN,
    DocumentType.HM_EXIT: lambda _: _MAINLAND,
    DocumentType.TW_EXIT: lambda _: _MAINLAND,
}
