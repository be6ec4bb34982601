"""The document number is the ticket: reading typed and machine-read numbers.

The public face of the document rules; other parts of the house import from here. Derived facts
are in ``document_facts``, names and the identity key in ``identity``, masks in ``masking``.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Final

from menpiao.domain.document_facts import (
    AGE_BANDS,
    AgeBand,
    AgeRule,
    LeapDay,
    Origin,
    age_band,
    age_on,
    birth_date,
    origin,
    region_code,
    sex,
)
from menpiao.domain.document_faults import (
    FAULT_TEXTS,
    WARNING_TEXTS,
    DocumentFault,
    DocumentRefusal,
    DocumentWarning,
)
from menpiao.domain.document_resident import has_valid_check, parse_18, resident_number, type_of_18
from menpiao.domain.document_travel import parse_patterned
from menpiao.domain.document_types import (
    TYPE_LABELS,
    Document,
    DocumentType,
    Label,
    Sex,
)
from menpiao.domain.identity import identity_text, names_match, normalise_name

__all__ = [
    "AGE_BANDS",
    "FAULT_TEXTS",
    "TYPE_LABELS",
    "WARNING_TEXTS",
    "AgeBand",
    "AgeRule",
    "Document",
    "DocumentFault",
    "DocumentRefusal",
    "DocumentType",
    "DocumentWarning",
    "Label",
    "LeapDay",
    "Origin",
    "Sex",
    "age_band",
    "age_on",
    "birth_date",
    "guess_type",
    "identity_text",
    "names_match",
    "normalise_name",
    "normalise_number",
    "origin",
    "parse_document",
    "region_code",
    "resident_number",
    "sex",
]

_RAW_LONGEST: Final = 64
_TOKEN_LONGEST: Final = 512
_TOKEN: Final = re.compile(r"[!-~]+")
_CLEAN: Final = re.compile(r"[0-9A-Z]+")

# Spaces of all kinds, invisible format characters, dashes, dots, slashes and brackets.
_SEPARATORS: Final = re.compile(
    r"[\s\-_./\\,:;'\"()\[\]<>{}|\u00ad\u00b7\u061c\u180e\u200b-\u200f\u2010-\u2015\u2022\u2027"
    r"\u202a-\u202e\u2060-\u206f\u2212\u3001\u3002\u30fb\ufeff]+"
)
_UPPER: Final = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}


def normalise_number(raw: str) -> str:
    """Unicode NFKC (full-width becomes ASCII), no separators, ASCII upper case; idempotent."""
    if _CLEAN.fullmatch(raw):
        return raw
    while True:
        # Removing a separator can bring together what NFKC then composes: once more, until still.
        text = _SEPARATORS.sub("", unicodedata.normalize("NFKC", raw)).translate(_UPPER)
        if text == raw:
            return text
        raw = text


def parse_document(
    type: DocumentType | str,  # noqa: A002 - the word of the house
    raw: str,
    today: date,
) -> Document | DocumentRefusal:
    """Check a typed or machine-read number of a given type on a given day.

    Never raises for bad input: what cannot be used comes back as a refusal with its fault. A
    valid 18-character number given under a neighbouring type gets the type the number has.
    """
    known = _RULES.get(type)
    if known is None:
        return DocumentRefusal(DocumentFault.TYPE_UNKNOWN)
    kind, rule = known
    if kind is DocumentType.NETWORK_ID:
        return _parse_token(raw)
    if len(raw) > _RAW_LONGEST:
        return DocumentRefusal(DocumentFault.LENGTH)
    number = normalise_number(raw)
    if not number:
        return DocumentRefusal(DocumentFault.EMPTY)
    return rule(kind, number, today)


def guess_type(raw: str) -> DocumentType | None:
    """The type of an 18-character number with a correct check; everything else must be asked for.

    Numbers of 8 to 15 characters are never guessed: they have no check digit and collide with
    order numbers and pieces of phone numbers.
    """
    if len(raw) > _RAW_LONGEST:
        return None
    number = normalise_number(raw)
    return type_of_18(number) if has_valid_check(number) else None


def _parse_token(raw: str) -> Document | DocumentRefusal:
    """A network identity is opaque: nothing is normalised and nothing can be derived from it."""
    token = raw.strip()
    if not token:
        return DocumentRefusal(DocumentFault.EMPTY)
    if len(token) > _TOKEN_LONGEST:
        return DocumentRefusal(DocumentFault.LENGTH)
    if _TOKEN.fullmatch(token) is None:
        return DocumentRefusal(DocumentFault.CHARACTERS)
    return Document(DocumentType.NETWORK_ID, token)


def _parse_foreigner(kind: DocumentType, number: str, today: date) -> Document | DocumentRefusal:
    """Both forms of the foreigner's card under either name: 15 characters old, 18 new."""
    if len(number) != _OLD_FOREIGNER_LENGTH:
        return parse_18(kind, number, today)
    old = parse_patterned(DocumentType.FOREIGNER_CARD_OLD, number, today)
    if isinstance(old, Document) and kind is not old.type:
        return replace(old, warnings=(*old.warnings, DocumentWarning.TYPE_CORRECTED))
    return old


_OLD_FOREIGNER_LENGTH: Final = 15

_Rule = Callable[[DocumentType, str, date], Document | DocumentRefusal]

_RULES: Final[dict[str, tuple[DocumentType, _Rule]]] = {
    kind: (kind, parse_patterned) for kind in DocumentType
} | {
    DocumentType.RESIDENT: (DocumentType.RESIDENT, parse_18),
    DocumentType.HMT_PERMIT: (DocumentType.HMT_PERMIT, parse_18),
    DocumentType.FOREIGNER_CARD: (DocumentType.FOREIGNER_CARD, _parse_foreigner),
    DocumentType.FOREIGNER_CARD_OLD: (DocumentType.FOREIGNER_CARD_OLD, _parse_foreigner),
}
