"""What the fields of a card that was read add to its number: remarks for staff, an expiry rule."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from menpiao.domain.document_facts import birth_date, sex
from menpiao.domain.document_faults import DocumentFault, DocumentRefusal, DocumentWarning
from menpiao.domain.document_types import Document, Sex
from menpiao.domain.identity import names_match

_SEX_CODES: Final = {"1": Sex.MALE, "2": Sex.FEMALE}


class ExpiredCard(StrEnum):
    """What a site does with a card past its end date."""

    IGNORE = "ignore"
    WARN = "warn"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, repr=False)
class CardFields:
    """Fields of a card as its reader gives them; every one may be missing.

    ``sex`` is the code of GB/T 2261.1 (1 male, 2 female, others unknown). ``birth`` and
    ``valid_until`` are ISO dates with or without hyphens; ``valid_until`` may be ``长期``, and
    whatever is not a date counts as no end date.
    """

    name: str = ""
    sex: str = ""
    birth: str | None = None
    valid_until: str | None = None


def judge_card(
    document: Document,
    card: CardFields,
    today: date,
    *,
    booked_name: str = "",
    expired: ExpiredCard = ExpiredCard.WARN,
) -> Document | DocumentRefusal:
    """The document with the remarks that the card's own fields give cause for.

    Data changes and people marry: differences of sex, birth or name are remarks and never refuse.
    Only an expired card may refuse, at a site whose rule says so.
    """
    end = read_date(card.valid_until)
    over = end is not None and end < today and expired is not ExpiredCard.IGNORE
    if over and expired is ExpiredCard.REFUSE:
        return DocumentRefusal(DocumentFault.EXPIRED)
    remarks = [DocumentWarning.CARD_EXPIRED] if over else []
    if _differ(sex(document), sex_of_code(card.sex)):
        remarks.append(DocumentWarning.SEX_DIFFERS)
    if _differ(birth_date(document), read_date(card.birth)):
        remarks.append(DocumentWarning.BIRTH_DIFFERS)
    if booked_name and card.name and not names_match(booked_name, card.name):
        remarks.append(DocumentWarning.NAME_DIFFERS)
    if not remarks:
        return document
    warnings = tuple(dict.fromkeys((*document.warnings, *remarks)))
    return Document(document.type, document.number, document.renewal, warnings)


def sex_of_code(code: str) -> Sex | None:
    """The sex of a GB/T 2261.1 code; None for unknown, not stated and anything else."""
    return _SEX_CODES.get(code)


def read_date(text: str | None) -> date | None:
    """A date as cards write it (``20301231`` or ``2030-12-31``); None for ``长期`` and all else."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _differ(one: object, other: object) -> bool:
    """Two known facts that are not the same; what is not known differs from nothing."""
    return one is not None and other is not None and one != other
