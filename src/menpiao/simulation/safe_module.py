"""The inside of a simulated ID-card reader: request body in, response frame out, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from menpiao.simulation.cards import SimulatedCard
from menpiao.terminals.parts.reader.frame import REQUEST_LEN_MIN, FrameParser, encode_response
from menpiao.terminals.parts.reader.protocol import (
    ABSENT_ITEM,
    CARD_FOUND,
    HOST_CHECKSUM,
    HOST_COMMAND,
    HOST_LENGTH,
    NO_CARD,
    READ_FAILED,
    SELECT_FAILED,
    SUCCESS,
)

SAM_ID: Final = bytes.fromhex("05000300A53A34013930000015CD5B07")
"""Prints as 05.03-20200101-0000012345-0123456789."""


class Unlifted(Enum):
    """What *find* answers while a card that was read has not been lifted: modules differ."""

    FOUND_AGAIN = auto()
    NONE_UNTIL_LIFTED = auto()


class Op(Enum):
    """The requests, by CMD and PARA."""

    RESET = (0x10, 0xFF)
    STATUS = (0x11, 0xFF)
    SAM_ID = (0x12, 0xFF)
    FIND = (0x20, 0x01)
    SELECT = (0x20, 0x02)
    READ = (0x30, 0x01)
    READ_ADDRESS = (0x30, 0x03)
    READ_MANAGEMENT = (0x30, 0x05)
    READ_FINGERPRINT = (0x30, 0x10)
    MAX_RF = (0x61, 0xFF)
    SET_BAUD = (0x60, -1)
    UNKNOWN = (-1, -1)

    @classmethod
    def of(cls, body: bytes) -> Op:
        """Name a request; PARA of SET_BAUD is the rate."""
        head = (body[0], body[1])
        if head[0] == cls.SET_BAUD.value[0]:
            return cls.SET_BAUD
        return next((op for op in cls if op.value == head), cls.UNKNOWN)


@dataclass(slots=True)
class SafeModule:
    """One module with one card on it, or two that disturb each other."""

    unlifted: Unlifted = Unlifted.FOUND_AGAIN
    sam_id: bytes = SAM_ID
    card: SimulatedCard | None = None
    crowded: bool = False
    """A second card lies on it: something is found, and nothing can be chosen or read."""
    requests: list[Op] = field(default_factory=list)
    """Every well-formed request so far, for tests to count."""
    _already_read: bool = False
    _parser: FrameParser = field(default_factory=lambda: FrameParser(REQUEST_LEN_MIN))

    def lay(self, card: SimulatedCard) -> None:
        """Put a card on the reader, in place of the one lying there."""
        self.card = card
        self._already_read = False

    def lift(self) -> None:
        """Take the card away."""
        self.card = None
        self._already_read = False

    def receive(self, data: bytes) -> Iterable[tuple[Op, bytes]]:
        """Take bytes from the host; give each complete request with the frame that answers it."""
        bad_checksums, bad_lengths = self._parser.bad_checksums, self._parser.bad_lengths
        bodies = self._parser.feed(data)
        if self._parser.bad_lengths > bad_lengths:
            yield Op.UNKNOWN, encode_response(HOST_LENGTH)
        if self._parser.bad_checksums > bad_checksums:
            yield Op.UNKNOWN, encode_response(HOST_CHECKSUM)
        for body in bodies:
            op = Op.of(body)
            self.requests.append(op)
            yield op, self.answer(op)

    def answer(self, op: Op) -> bytes:
        """The frame a healthy module answers with now."""
        match op:
            case Op.RESET | Op.STATUS | Op.MAX_RF | Op.SET_BAUD:
                return encode_response(SUCCESS)
            case Op.SAM_ID:
                return encode_response(SUCCESS, self.sam_id)
            case Op.FIND:
                hidden = self._already_read and self.unlifted is Unlifted.NONE_UNTIL_LIFTED
                if self.card is None or hidden:
                    return encode_response(NO_CARD)
                return encode_response(CARD_FOUND, bytes(4))
            case Op.SELECT:
                if self.card is None or self.crowded:
                    return encode_response(SELECT_FAILED)
                return encode_response(SUCCESS, bytes(8))
            case Op.UNKNOWN:
                return encode_response(HOST_COMMAND)
            case _:
                return self._read(op)

    def _read(self, op: Op) -> bytes:
        card = self.card
        if card is None or self.crowded:
            return encode_response(READ_FAILED)
        if op is Op.READ_MANAGEMENT:
            return encode_response(SUCCESS, bytes(28))
        if op is Op.READ_ADDRESS:
            if not card.addresses:
                return encode_response(ABSENT_ITEM)
            padded = "".join(f"{address[:35]:<35}" for address in card.addresses)
            return encode_response(SUCCESS, padded.encode("utf-16-le"))
        self._already_read = True
        return encode_response(SUCCESS, read_payload(card, fingerprint=op is Op.READ_FINGERPRINT))


def read_payload(card: SimulatedCard, *, fingerprint: bool = False) -> bytes:
    """The data of a read answer: lengths, text, photo and, on request, the fingerprint."""
    parts = [card.text, card.photo]
    if fingerprint:
        parts.append(card.fingerprint)
    return b"".join(len(part).to_bytes(2, "big") for part in parts) + b"".join(parts)
