"""The machine readable zone of a passport: ICAO 9303 part 4, format TD3, two lines of 44."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Final

from menpiao.domain.document_faults import DocumentFault, DocumentRefusal
from menpiao.domain.document_types import Document, DocumentType, Sex

_LINE_LENGTH: Final = 44
_LINE: Final = re.compile(r"[0-9A-Z<]{44}")
_WEIGHTS: Final = (7, 3, 1)
_VALUES: Final[dict[str, int]] = {
    character: value for value, character in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
} | {"<": 0}


@dataclass(frozen=True, slots=True)
class Mrz:
    """What a passport's machine readable zone says.

    ``nationality`` is the ICAO code without padding (``D`` for Germany). Dates are None where the
    passport leaves them open. ``surname`` and ``given_names`` are empty without the first line.
    """

    number: str
    nationality: str
    birth: date | None
    sex: Sex | None
    expiry: date | None
    surname: str = ""
    given_names: str = ""

    def __repr__(self) -> str:
        """Without personal data: representations end in logs and error pages."""
        return "<Mrz>"

    @property
    def document(self) -> Document:
        """The passport as a document; the check digits stand in for a number pattern."""
        chinese = self.nationality in {"CHN", "HKG", "MAC", "TWN"}
        kind = DocumentType.PASSPORT_CN if chinese else DocumentType.PASSPORT_FOREIGN
        return Document(kind, self.number)


def check_digit(text: str) -> int:
    """The ICAO 9303 check digit of a field: weights 7-3-1, A = 10 to Z = 35, ``<`` = 0, mod 10."""
    return sum(_VALUES[c] * _WEIGHTS[i % 3] for i, c in enumerate(text)) % 10


def parse_mrz(raw: str, today: date) -> Mrz | DocumentRefusal:
    """Read both lines (in one text, broken or not) or the second line alone.

    Hard: length, characters, all five check digits, real dates, a birth not after ``today``.
    """
    if len(raw) > 4 * _LINE_LENGTH:
        return DocumentRefusal(DocumentFault.LENGTH)
    text = "".join(unicodedata.normalize("NFKC", raw).upper().split())
    if not text:
        return DocumentRefusal(DocumentFault.EMPTY)
    if len(text) not in {_LINE_LENGTH, 2 * _LINE_LENGTH}:
        return DocumentRefusal(DocumentFault.LENGTH)
    first, second = text[:-_LINE_LENGTH], text[-_LINE_LENGTH:]
    if not _LINE.fullmatch(second) or (first and not _LINE.fullmatch(first)):
        return DocumentRefusal(DocumentFault.CHARACTERS)
    if not _checks_hold(second):
        return DocumentRefusal(DocumentFault.CHECK_DIGIT)
    return _read(first, second, today)


def _checks_hold(line: str) -> bool:
    fields = (
        (line[0:9], line[9]),
        (line[13:19], line[19]),
        (line[21:27], line[27]),
        (line[28:42], line[42]),
        (line[0:10] + line[13:20] + line[21:43], line[43]),
    )
    # An empty personal number may have "<" for its check digit, which counts as 0.
    return all(check_digit(field) == _VALUES[digit] for field, digit in fields)


def _read(first: str, line: str, today: date) -> Mrz | DocumentRefusal:
    number = line[0:9].replace("<", "")
    if not number:
        return DocumentRefusal(DocumentFault.EMPTY)
    birth, expiry = _birth(line[13:19], today), _date(20, line[21:27])
    if isinstance(birth, DocumentRefusal):
        return birth
    if isinstance(expiry, DocumentRefusal):
        return expiry
    surname, _, given = first[5:].partition("<<")
    return Mrz(
        number=number,
        nationality=line[10:13].rstrip("<"),
        birth=birth,
        sex={"M": Sex.MALE, "F": Sex.FEMALE}.get(line[20]),
        expiry=expiry,
        surname=_words(surname),
        given_names=_words(given),
    )


def _words(field: str) -> str:
    return " ".join(field.replace("<", " ").split())


def _birth(text: str, today: date) -> date | DocumentRefusal | None:
    """Two-digit years have no century: the latest birth that does not lie in the future."""
    late = _date(20, text)
    if isinstance(late, date) and late <= today:
        return late
    return late if late is None else _date(19, text)


def _date(century: int, text: str) -> date | DocumentRefusal | None:
    """None where month or day is left open, which ICAO 9303 allows."""
    if "<" in text:
        return None
    try:
        return date(century * 100 + int(text[:2]), int(text[2:4]), int(text[4:6]))
    except ValueError:
        return DocumentRefusal(DocumentFault.DATE)
