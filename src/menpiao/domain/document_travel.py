"""Documents whose numbers have no check digit: travel permits, passports, the old foreigner's card.

Formats change without notice, so a number that fits no pattern is taken with a warning and left
to a person. Only what cannot be a number at all is refused.
"""

import re
from datetime import date
from typing import Final

from menpiao.domain.document_faults import DocumentFault, DocumentRefusal, DocumentWarning
from menpiao.domain.document_types import Document, DocumentType

# Patterns as data. "number" is the part for life, "renewal" the count that grows with each card.
_PATTERNS: Final[dict[DocumentType, re.Pattern[str]]] = {
    kind: re.compile(pattern)
    for kind, pattern in {
        # H Hong Kong, M Macao; since 2024 HA/MA for permanent residents who are not Chinese.
        DocumentType.HM_TRAVEL: r"(?P<number>[HM][0-9]{8}|[HM]A[0-9]{7})(?P<renewal>[0-9]{2})?",
        # The oldest cards print one letter more, in brackets.
        DocumentType.TW_TRAVEL: r"(?P<number>[0-9]{8})(?:(?P<renewal>[0-9]{2})[A-Z]?)?",
        # C and L are the cards, W and T the booklets before them.
        DocumentType.HM_EXIT: r"(?P<number>C[0-9A-HJ-NP-Z][0-9]{7}|W[0-9]{8})",
        DocumentType.TW_EXIT: r"(?P<number>L[0-9A-HJ-NP-Z][0-9]{7}|T[0-9]{8})",
        # Ordinary, public affairs, service and diplomatic; H, K and M of the two special regions.
        DocumentType.PASSPORT_CN: (
            r"(?P<number>1[45][0-9]{7}|G[0-9]{8}|E[0-9A-HJ-NP-Z][0-9]{7}|[DPS]E?[0-9]{7,8}"
            r"|[HK]J?[0-9]{8}|M[A-Z]?[0-9]{7,8})"
        ),
        DocumentType.PASSPORT_FOREIGN: r"(?P<number>(?=[A-Z]*[0-9])[A-Z0-9]{5,9})",
        DocumentType.FOREIGNER_CARD_OLD: r"(?P<number>[A-Z]{3}[0-9]{12})",
    }.items()
}

_LETTERS_AND_DIGITS: Final = re.compile(r"[A-Z0-9]+")
_SHORTEST: Final = 5
_LONGEST: Final = 20


def parse_patterned(kind: DocumentType, number: str, _today: date) -> Document | DocumentRefusal:
    """Check a normalised number against the pattern of its kind and split off a renewal count.

    Hard: 5 to 20 characters, ASCII letters and digits. A pattern that does not match is a warning.
    """
    if not _SHORTEST <= len(number) <= _LONGEST:
        return DocumentRefusal(DocumentFault.LENGTH)
    if _LETTERS_AND_DIGITS.fullmatch(number) is None:
        return DocumentRefusal(DocumentFault.CHARACTERS)
    match = _PATTERNS[kind].fullmatch(number)
    if match is None:
        return Document(kind, number, None, (DocumentWarning.PATTERN_UNMATCHED,))
    parts = match.groupdict()
    return Document(kind, parts["number"], parts.get("renewal"))
