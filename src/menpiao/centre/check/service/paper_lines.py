"""Reading lines of paper: time, gate, number, people; what cannot be read says why."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from menpiao.domain.admission import Gate
from menpiao.domain.document import Document, DocumentType, guess_type, parse_document
from menpiao.domain.ticket import parse_serial

MOST_LINES: Final = 500
MOST_PEOPLE: Final = 500
OLDEST: Final = timedelta(days=7)
_SEPARATORS = str.maketrans({"，": ",", "\t": ",", "；": ",", ";": ",", "：": ":", "\u3000": " "})
_TIME = re.compile(
    r"(?:(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[ T]+)?(\d{1,2}):(\d{2})(?::(\d{2}))?\Z",
    re.ASCII,
)
_HEADINGS = ("时间", "time")


@dataclass(frozen=True, slots=True)
class Written:
    """A line that can be read. ``serial`` and ``documents``: what its number may be."""

    at: datetime
    gate: Gate
    people: int
    serial: int | None
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that cannot be read: a code of what is wrong with it."""

    fault: str


def lines_of(text: str) -> list[tuple[int, str]]:
    """The lines with something on them, by their number; headings are none."""
    found = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if found and found[0][1].strip('"').casefold().startswith(_HEADINGS):
        found = found[1:]
    return found


class Reader:
    """Reads lines for one site; ``day`` is that of lines which name none."""

    def __init__(self, gates: Iterable[Gate], zone: ZoneInfo, day: date, now: datetime) -> None:
        """Know the gates by number and by name, in either language."""
        self._zone, self._day, self._now = zone, day, now
        self._gates: dict[str, Gate] = {}
        for gate in gates:
            for name in (str(gate.id), gate.name, gate.name_en):
                if name:
                    self._gates.setdefault(_plain(name), gate)

    def read(self, line: str) -> Written | Unread:
        """What a line says, or the first thing in it that cannot be read."""
        cells = [cell.strip().strip('"').strip() for cell in line.translate(_SEPARATORS).split(",")]
        while cells and not cells[-1]:
            cells.pop()
        if not 3 <= len(cells) <= 4:
            return Unread("fields")
        at = self._time(cells[0])
        if isinstance(at, Unread):
            return at
        gate = self._gates.get(_plain(cells[1]))
        if gate is None:
            return Unread("gate")
        count = cells[3].removesuffix("人").strip() if len(cells) == 4 else "1"
        if not (count.isascii() and count.isdigit() and len(count) <= 6):
            return Unread("people")
        if not 1 <= int(count) <= MOST_PEOPLE:
            return Unread("people")
        serial = parse_serial(cells[2])
        documents = _documents(cells[2], gate.today(at))
        if guess_type(cells[2]) is not None:
            serial = None  # eighteen characters with a right check digit are a document
        if serial is None and not documents:
            return Unread("number")
        return Written(at, gate, int(count), serial, documents)

    def _time(self, text: str) -> datetime | Unread:
        found = _TIME.match(text)
        if found is None:
            return Unread("time")
        year, month, day, hour, minute, second = found.groups()
        try:
            on = date(int(year), int(month), int(day)) if year else self._day
            at = datetime.combine(on, time(int(hour), int(minute), int(second or 0)), self._zone)
        except ValueError:
            return Unread("time")
        if at > self._now:
            return Unread("future")
        return at if self._now - at <= OLDEST else Unread("old")


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()


def _documents(number: str, today: date) -> tuple[Document, ...]:
    """What documents a number may be of: paper does not say which type."""
    guessed = guess_type(number)
    kinds: Iterable[DocumentType] = (guessed,) if guessed is not None else DocumentType
    found: dict[tuple[str, str], Document] = {}
    for kind in kinds:
        if kind is DocumentType.NETWORK_ID:
            continue  # opaque: it could be anything
        document = parse_document(kind, number, today)
        if isinstance(document, Document):
            found[document.type, document.number] = document
    return tuple(found.values())


FAULTS: Final[Mapping[str, str]] = {
    "fields": "a line is time, gate, number, people",
    "time": "the time cannot be read",
    "future": "a time that has not come",
    "old": "more than seven days ago",
    "gate": "no such gate",
    "people": "1 to 500 people",
    "number": "no order, ticket or document number",
    "twice": "the same as an earlier line",
    "both": "the number is a ticket's and a document's",
    "later": "the pass was used on a later day",
}
"""Codes of lines that were not read or cannot be entered; pages have words for each."""
