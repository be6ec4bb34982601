"""Numbers of 18 characters with an ISO 7064 MOD 11-2 check, and the 15-digit ones before them.

Three documents share the form of GB 11643-1999 (6 digits region, birth YYYYMMDD, 3 digits
sequence, check): the resident card, the residence permit for Hong Kong, Macao and Taiwan
residents, and the foreigner's card of 2023 (first digit 9). The number says which of them it is.
"""

import re
from datetime import date
from operator import mul
from typing import Final

from menpiao.domain.country import country_of_numeric
from menpiao.domain.document_faults import DocumentFault, DocumentRefusal, DocumentWarning
from menpiao.domain.document_types import EARLIEST_BIRTH, Document, DocumentType
from menpiao.domain.region import PROVINCES, is_known_region

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ZERO: Final = ord("0") * sum(_WEIGHTS)
_CHECKS: Final = "10X98765432"

_FORM_18: Final = re.compile(r"[0-9]{17}[0-9X]")
_FORM_15: Final = re.compile(r"[0-9]{15}")

PROVINCE_PREFIXES: Final = frozenset({*PROVINCES, "83"})
"""First two digits of a number that is not a foreigner's; 83 is Taiwan on residence permits."""

HMT_PREFIXES: Final = frozenset({"810000", "820000", "830000"})


def check_character(digits: str) -> str:
    """The MOD 11-2 check character of 17 ASCII digits (GB 11643-1999)."""
    # map() stops at the shorter of the two: an 18th character does no harm.
    return _CHECKS[(sum(map(mul, _WEIGHTS, digits.encode())) - _ZERO) % 11]


def resident_number(region: str, birth: date, sequence: int) -> str:
    """Put a number together: 6-digit region, birth date, sequence 0-999 (odd = male), check."""
    body = f"{region}{birth:%Y%m%d}{sequence:03d}"
    if len(body) != 17 or not (body.isascii() and body.isdigit()):
        msg = "a number has 6 digits of region and a sequence of 0 to 999"
        raise ValueError(msg)
    return body + check_character(body)


def foreigner_number(province: str, country: str, birth: date, sequence: int) -> str:
    """A card number of 2023: ``9``, province of application, numeric country (000 = stateless)."""
    return resident_number(f"9{province}{country}", birth, sequence)


def upgrade_15(number: str) -> str:
    """The 18-character form of a 15-digit number: births are in 19xx, the check is appended."""
    body = f"{number[:6]}19{number[6:]}"
    return body + check_character(body)


def has_valid_check(number: str) -> bool:
    """True for 18 normalised characters whose check character fits."""
    return _FORM_18.fullmatch(number) is not None and check_character(number) == number[17]


def type_of_18(number: str) -> DocumentType:
    """Which of the three documents a number of 18 characters is on."""
    if number[0] == "9":
        return DocumentType.FOREIGNER_CARD
    if number[:6] in HMT_PREFIXES:
        return DocumentType.HMT_PERMIT
    return DocumentType.RESIDENT


def parse_18(kind: DocumentType, number: str, today: date) -> Document | DocumentRefusal:
    """Check a normalised number of 18 characters, or of 15 digits for a resident card.

    Hard: length, characters, check character, province, a real birth date from 1900 to
    ``today``. An unknown region or country and a wrongly chosen type become warnings.
    """
    warnings: tuple[DocumentWarning, ...] = ()
    if len(number) == 15 and kind is DocumentType.RESIDENT:
        if _FORM_15.fullmatch(number) is None:
            return DocumentRefusal(DocumentFault.CHARACTERS)
        if number[0] in "89":  # permits and foreigners' cards never had 15 digits
            return DocumentRefusal(DocumentFault.PREFIX)
        number = upgrade_15(number)
        warnings = (DocumentWarning.FIRST_GENERATION,)
    fault = _fault(number, today)
    return DocumentRefusal(fault) if fault else _accepted(kind, number, warnings)


def _fault(number: str, today: date) -> DocumentFault | None:
    """The first hard check that fails, in the order in which a person would look."""
    if len(number) != 18:
        return DocumentFault.LENGTH
    if _FORM_18.fullmatch(number) is None:
        return DocumentFault.CHARACTERS
    if check_character(number) != number[17]:
        return DocumentFault.CHECK_DIGIT
    if number[:2] not in PROVINCE_PREFIXES and number[0] != "9":
        return DocumentFault.PREFIX
    return None if _born(number, today) else DocumentFault.DATE


def _born(number: str, today: date) -> bool:
    try:
        birth = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return EARLIEST_BIRTH <= birth <= today


def _accepted(kind: DocumentType, number: str, warnings: tuple[DocumentWarning, ...]) -> Document:
    actual = type_of_18(number)
    if actual is not kind:
        warnings = (*warnings, DocumentWarning.TYPE_CORRECTED)
    if actual is DocumentType.RESIDENT:
        if not is_known_region(number[:6]):
            warnings = (*warnings, DocumentWarning.REGION_UNKNOWN)
    elif actual is DocumentType.FOREIGNER_CARD and country_of_numeric(number[3:6]) is None:
        warnings = (*warnings, DocumentWarning.COUNTRY_UNKNOWN)
    return Document(actual, number, None, warnings)
