"""The one place that shortens names and numbers for a reader who need not know them in full.

What each kind of reader sees is data (``MASKS``). Masked values contain ``*``: hand them to
templates as data, never as markup. First 6 and last 4 of an ID number hide the birth date only;
region and sex can still be read from them.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class NameMask(StrEnum):
    """How much of a name is shown."""

    FULL = "full"
    FIRST = "first"
    NONE = "none"


class NumberMask(StrEnum):
    """How much of a document number is shown."""

    FULL = "full"
    ENDS = "ends"
    TAIL = "tail"
    NONE = "none"


class Purpose(StrEnum):
    """Who reads it."""

    PUBLIC = "public"
    STAFF = "staff"
    STAFF_REVEALED = "staff_revealed"
    LOG = "log"
    EXPORT = "export"
    REGULATOR = "regulator"
    OTA = "ota"


@dataclass(frozen=True, slots=True)
class Mask:
    """What one purpose may see."""

    name: NameMask
    number: NumberMask


MASKS: Final[dict[Purpose, Mask]] = {
    Purpose.PUBLIC: Mask(NameMask.FIRST, NumberMask.NONE),
    Purpose.STAFF: Mask(NameMask.FULL, NumberMask.ENDS),
    # Every use of this one is written to the audit log by whoever asks for it.
    Purpose.STAFF_REVEALED: Mask(NameMask.FULL, NumberMask.FULL),
    Purpose.LOG: Mask(NameMask.NONE, NumberMask.NONE),
    Purpose.EXPORT: Mask(NameMask.FIRST, NumberMask.ENDS),
    Purpose.REGULATOR: Mask(NameMask.NONE, NumberMask.NONE),
    Purpose.OTA: Mask(NameMask.FIRST, NumberMask.TAIL),
}

# Length from which a number keeps so many characters at its head and tail. No row may show any
# of the birth date of a resident number: positions 7-14 of 18, 7-12 of 15.
_ENDS: Final = ((18, 6, 4), (15, 6, 2), (9, 1, 4), (6, 0, 4))

_TAIL: Final = 4


def mask_name(name: str) -> str:
    """First character and a star for each further one: ``张*``.

    Combining marks and variation selectors belong to the character before them.
    """
    characters = _characters(name.strip())
    return "".join((*characters[:1], "*" * (len(characters) - 1)))


def _characters(text: str) -> list[str]:
    found: list[str] = []
    for code_point in text:
        if found and unicodedata.category(code_point) in {"Mn", "Me"}:
            found[-1] += code_point
        else:
            found.append(code_point)
    return found


def mask_number(number: str) -> str:
    """For staff: ``110105********002X``; shorter numbers show less, and never the birth date."""
    for length, head, tail in _ENDS:
        if len(number) >= length:
            return f"{number[:head]}{'*' * (len(number) - head - tail)}{number[-tail:]}"
    return "*" * len(number)


def mask_number_tail(number: str) -> str:
    """For others, where a number is needed at all: stars and at most the last four."""
    for length, _, tail in _ENDS:
        if len(number) >= length:
            shown = min(tail, _TAIL)
            return "*" * (len(number) - shown) + number[-shown:]
    return "*" * len(number)


def mask_phone(phone: str) -> str:
    """``138****5678``; other lengths keep the last four of seven or more."""
    if len(phone) == len("13800005678"):
        return f"{phone[:3]}****{phone[7:]}"
    return mask_number_tail(phone) if len(phone) > 6 else "*" * len(phone)


def show_name(name: str, purpose: Purpose) -> str:
    """A name as the purpose may see it; empty when it may not."""
    match MASKS[purpose].name:
        case NameMask.FULL:
            return name
        case NameMask.FIRST:
            return mask_name(name)
        case NameMask.NONE:
            return ""


def show_number(number: str, purpose: Purpose) -> str:
    """A document number as the purpose may see it; empty when it may not."""
    match MASKS[purpose].number:
        case NumberMask.FULL:
            return number
        case NumberMask.ENDS:
            return mask_number(number)
        case NumberMask.TAIL:
            return mask_number_tail(number)
        case NumberMask.NONE:
            return ""


_DAY: Final = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_IN_TEXT: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    rf"[1-9][0-9]{{5}}(?:19|20)[0-9]{{2}}{_DAY}[0-9]{{3}}[0-9Xx]"
    rf"|[1-9][0-9]{{5}}[0-9]{{2}}{_DAY}[0-9]{{3}}"
    r"|[A-Za-z]{3}[0-9]{12}"
    r"|[HMhm][Aa]?[0-9]{7,10}"
    r"|[CWLTEGDPScwltegdps][A-Za-z]?[0-9]{7,8}"
    r"|1[3-9][0-9]{9}"
    r")(?![0-9A-Za-z])"
)

SCRUBBED: Final = "[removed]"


def scrub(text: str) -> str:
    """Free text without anything that looks like a document or mobile number: for logs and errors.

    A net below the rule that nobody logs numbers, not a replacement of it: 8-digit permits cannot
    be told from other numbers.
    """
    return _IN_TEXT.sub(SCRUBBED, text)
