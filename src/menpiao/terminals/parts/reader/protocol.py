"""Commands and status codes of SAM_V, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from menpiao.terminals.parts.reader.frame import encode_request


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a response.

    SW1 and SW2 are relayed from the card and normally zero; SW3 is the module's own status.
    """

    sw1: int
    sw2: int
    sw3: int
    data: bytes

    @classmethod
    def of(cls, body: bytes) -> Answer:
        """Split a frame's body; frames shorter than three status bytes never leave the parser."""
        return cls(body[0], body[1], body[2], body[3:])


@dataclass(frozen=True, slots=True)
class Command:
    """One request and how to know its success answer from a late answer to an earlier request."""

    name: str
    frame: bytes
    success: int
    fits: Callable[[int], bool]
    """Whether a success answer may carry this many data bytes."""

    def accepts(self, answer: Answer) -> bool:
        """Whether this can be the answer to this command: its own success, or any refusal."""
        if answer.sw3 == self.success:
            return self.fits(len(answer.data))
        return answer.sw3 not in {SUCCESS, CARD_FOUND}


SUCCESS: Final = 0x90
CARD_FOUND: Final = 0x9F
ABSENT_ITEM: Final = 0x91
HOST_CHECKSUM: Final = 0x10
HOST_LENGTH: Final = 0x11
HOST_COMMAND: Final = 0x21
NO_CARD: Final = 0x80
SELECT_FAILED: Final = 0x81
READ_FAILED: Final = 0x41
SELF_TEST_FAILED: Final = 0x60
NOT_AUTHORISED: Final = 0x66

STATUS: Final = Command("status", encode_request(0x11, 0xFF), SUCCESS, lambda n: n == 0)
SAM_ID: Final = Command("sam_id", encode_request(0x12, 0xFF), SUCCESS, lambda n: n == 16)
FIND: Final = Command("find", encode_request(0x20, 0x01), CARD_FOUND, lambda _: True)
SELECT: Final = Command("select", encode_request(0x20, 0x02), SUCCESS, lambda n: n <= 16)
READ: Final = Command("read", encode_request(0x30, 0x01), SUCCESS, lambda n: n > 16)


class Meaning(Enum):
    """What a refusal asks of the driver."""

    NO_CARD = auto()
    PLACE_AGAIN = auto()
    OUT_OF_SERVICE = auto()
    LINK = auto()
    PROGRAMMING = auto()


_MEANINGS: Final = {
    NO_CARD: Meaning.NO_CARD,
    SELF_TEST_FAILED: Meaning.OUT_OF_SERVICE,
    NOT_AUTHORISED: Meaning.OUT_OF_SERVICE,
    HOST_CHECKSUM: Meaning.LINK,
    HOST_LENGTH: Meaning.LINK,
    HOST_COMMAND: Meaning.PROGRAMMING,
    0x23: Meaning.PROGRAMMING,
}


def meaning(sw3: int) -> Meaning:
    """What a status other than success means.

    Every byte that is in no table asks for the card again.
    """
    return _MEANINGS.get(sw3, Meaning.PLACE_AGAIN)


def sam_id_text(data: bytes) -> str:
    """The printed form of the 16 bytes that identify a safe module.

    Such as 05.03-20200101-0000012345-0123456789.
    """
    fields = ((0, 2), (2, 2), (4, 4), (8, 4), (12, 4))
    a, b, c, d, e = (int.from_bytes(data[at : at + size], "little") for at, size in fields)
    return f"{a:02d}.{b:02d}-{c:08d}-{d:010d}-{e:010d}"
