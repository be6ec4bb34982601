"""Long messages: cut into parts that telephones join again (user data header, 3GPP TS 23.040).

No part is longer than 140 octets, and none begins or ends inside a character.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from enum import Enum

CONTENT_OCTETS = 140
HEADED_OCTETS = 134
PARTS_MAX = 255
ONE_UNITS = 70
"""16-bit units in a message that is one."""
PART_UNITS = 67
"""16-bit units in each part of a message that is several."""


class TooLongError(ValueError):
    """More parts than a header can count."""


class Coding(Enum):
    """How text becomes octets; the value is Python's name for it."""

    ASCII = "ascii"
    UCS2 = "utf-16-be"
    GB18030 = "gb18030"
    GBK = "gbk"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: ``total`` and ``number`` count from 1; ``content`` begins with the header."""

    total: int
    number: int
    content: bytes

    @property
    def headed(self) -> bool:
        """Whether the content begins with a user data header."""
        return self.total > 1


def units(text: str) -> int:
    """Length as operators bill it: 16-bit units."""
    return len(_ucs2(text)) // 2


def part_count(text: str) -> int:
    """How many messages the operator bills for a text, its signature included.

    Raises:
        TooLongError: more than can be sent at all.
    """
    return len(split(text, 0))


def split(text: str, ref: int, coding: Coding = Coding.UCS2) -> tuple[Part, ...]:
    """Cut a text; ``ref`` (0-255) must differ between messages on their way to one number.

    Raises:
        TooLongError: more than 255 parts.
        UnicodeEncodeError: a character that GBK or ASCII does not have.
    """
    pieces = [_octets(character, coding) for character in text]
    whole = b"".join(pieces)
    if len(whole) <= CONTENT_OCTETS:
        return (Part(1, 1, whole),)
    bodies = list(_fill(pieces))
    if len(bodies) > PARTS_MAX:
        raise TooLongError(f"{len(bodies)} parts")
    total = len(bodies)
    return tuple(
        Part(total, number, bytes((5, 0, 3, ref & 0xFF, total, number)) + body)
        for number, body in enumerate(bodies, 1)
    )


def _fill(pieces: list[bytes]) -> Iterator[bytes]:
    body = b""
    for piece in pieces:
        if len(body) + len(piece) > HEADED_OCTETS:
            yield body
            body = b""
        body += piece
    yield body


def _octets(text: str, coding: Coding) -> bytes:
    return _ucs2(text) if coding is Coding.UCS2 else text.encode(coding.value)


def _ucs2(text: str) -> bytes:
    # Half a surrogate pair is no character; a telephone would show a box.
    return text.encode("utf-16-be", "replace")


@dataclass(frozen=True, slots=True)
class Header:
    """What a user data header says about joining."""

    ref: int
    total: int
    number: int
    wide: bool
    """Whether ``ref`` has 16 bits."""


def read_header(content: bytes) -> tuple[Header | None, bytes]:
    """The joining header of a content that begins with one, and the rest.

    Other elements of the header are passed over; a damaged header leaves the content as it is.
    """
    if not content or len(content) < 1 + content[0]:
        return None, content
    elements, rest = content[1 : 1 + content[0]], content[1 + content[0] :]
    found: Header | None = None
    while len(elements) >= 2:
        kind, size = elements[0], elements[1]
        value, elements = elements[2 : 2 + size], elements[2 + size :]
        if kind == 0x00 and len(value) == size == 3:
            found = Header(value[0], value[1], value[2], wide=False)
        elif kind == 0x08 and len(value) == size == 4:
            found = Header(int.from_bytes(value[:2], "big"), value[2], value[3], wide=True)
    if found is not None and not 1 <= found.number <= found.total:
        return None, content
    return found, rest


@dataclass(slots=True)
class _Pile:
    total: int
    began_at: float
    bodies: dict[int, bytes] = field(default_factory=dict)


class Joiner:
    """Joins parts as they come, in any order and more than once; forgets what stays incomplete."""

    def __init__(self, wait_s: float = 300.0, piles_max: int = 4096) -> None:
        """Keep an incomplete message for ``wait_s``, and no more than ``piles_max`` of them."""
        self._wait_s = wait_s
        self._piles_max = piles_max
        self._piles: dict[Hashable, _Pile] = {}

    @property
    def waiting(self) -> int:
        """How many messages are incomplete."""
        return len(self._piles)

    def add(self, source: str, destination: str, content: bytes, now: float) -> bytes | None:
        """A headed content; the whole message when this part was the last one missing."""
        header, body = read_header(content)
        if header is None or header.total == 1:
            return body
        self._forget(now)
        key = (source, destination, header.ref, header.total, header.wide)
        pile = self._piles.setdefault(key, _Pile(header.total, now))
        pile.bodies.setdefault(header.number, body)
        if len(pile.bodies) < pile.total:
            return None
        del self._piles[key]
        return b"".join(pile.bodies[number] for number in range(1, pile.total + 1))

    def _forget(self, now: float) -> None:
        # Piles are in the order in which they began.
        while self._piles:
            key, pile = next(iter(self._piles.items()))
            if now - pile.began_at < self._wait_s and len(self._piles) < self._piles_max:
                return
            del self._piles[key]
