"""Countries by the codes that documents carry: ISO 3166 letters and numbers, and those of ICAO."""

from dataclasses import dataclass
from functools import cache
from typing import Final

from menpiao.domain._country_table import PACKED


@dataclass(frozen=True, slots=True)
class Country:
    """``code`` is ISO 3166 alpha-3, or the ICAO 9303 code where there is no country."""

    code: str
    zh: str
    en: str


STATELESS: Final = Country("XXA", "无国籍", "Stateless")

_SPECIAL: Final = (
    STATELESS,
    Country("XXB", "难民", "Refugee"),
    Country("XXC", "难民（其他）", "Refugee (other)"),
    Country("XXX", "国籍不详", "Nationality not stated"),
    Country("UNO", "联合国", "United Nations"),
    Country("UNA", "联合国专门机构", "United Nations agency"),
    Country("EUE", "欧洲联盟", "European Union"),
)

# Codes of ICAO 9303 part 3 section 5 that mean a country with another ISO code.
_ALIASES: Final = {
    "D": "DEU",
    "GBD": "GBR",
    "GBN": "GBR",
    "GBO": "GBR",
    "GBP": "GBR",
    "GBS": "GBR",
    "RKS": "XKK",
}


@cache
def _tables() -> tuple[dict[str, Country], dict[str, Country]]:
    letters = {country.code: country for country in _SPECIAL}
    numbers = {"000": STATELESS}
    for line in PACKED.splitlines():
        code, number, zh, en = line.split("|")
        letters[code] = Country(code, zh, en)
        if number:
            numbers[number] = letters[code]
    letters |= {alias: letters[code] for alias, code in _ALIASES.items()}
    return letters, numbers


def country_of_code(letters: str) -> Country | None:
    """The country of a code of three letters (``D`` for Germany, ``<`` padding allowed)."""
    return _tables()[0].get(letters.rstrip("<").upper())


def country_of_numeric(number: str) -> Country | None:
    """The country of a numeric ISO 3166 code of three digits; 000 means stateless."""
    return _tables()[1].get(number)


def all_countries() -> list[Country]:
    """Every country and special status once, in order of code."""
    return sorted(set(_tables()[0].values()), key=lambda country: country.code)
