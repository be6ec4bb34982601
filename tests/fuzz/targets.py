"""One function for each parser of foreign bytes: it takes any bytes, and must not raise.

Beside not crashing each holds what the parser promises: how much it keeps, that cutting a stream
elsewhere changes nothing, that what was built is understood.
"""

import contextlib
from collections.abc import Callable
from datetime import date

import msgspec

from menpiao.centre.messaging.cmpp.codec import CodecError, decode, decode_report, encode
from menpiao.centre.messaging.cmpp.packets import Version
from menpiao.domain.document_faults import DocumentRefusal
from menpiao.domain.mrz import parse_mrz
from menpiao.terminals.parts.barrier.templates import FrameParser as BarrierParser
from menpiao.terminals.parts.barrier.templates import built_in
from menpiao.terminals.parts.printer import status
from menpiao.terminals.parts.printer.profiles import PROFILES
from menpiao.terminals.parts.printer.render import Interpreter
from menpiao.terminals.parts.printer.tokens import Lexer
from menpiao.terminals.parts.reader import frame
from menpiao.terminals.parts.reader.mrz import MrzAssembler, card_of
from menpiao.terminals.parts.reader.protocol import Answer, meaning
from menpiao.terminals.parts.reader.text import (
    TEXT_BYTES,
    photo_of_payload,
    read_text,
    text_ahead,
    text_of_payload,
)
from menpiao.terminals.ports.framing import LineFramer, decoded
from menpiao.terminals.ports.keyboard import KeyDecoder
from menpiao.wire.check import LinkDown, LinkUp

TODAY = date(2026, 1, 1)
BOARDS = tuple(built_in(name).receive for name in ("rs485_turnstile", "xor5_events"))
PROFILE = PROFILES["generic-58"]
DOWN = msgspec.json.Decoder(LinkDown)
UP = msgspec.json.Decoder(LinkUp)


def _cut(data: bytes) -> tuple[bytes, bytes]:
    at = data[0] * len(data) // 256 if data else 0
    return data[:at], data[at:]


def reader_frame(data: bytes) -> None:
    first, second = _cut(data)
    whole, pieces = frame.FrameParser(), frame.FrameParser()
    bodies = whole.feed(data)
    assert pieces.feed(first) + pieces.feed(second) == bodies
    assert all(len(body) >= 3 for body in bodies)
    for body in bodies:
        meaning(Answer.of(body).sw3)
    assert len(whole.partial) < frame.LEN_MAX
    whole.expire()
    assert not whole.inside


def reader_text(data: bytes) -> None:
    block = data[:TEXT_BYTES].ljust(TEXT_BYTES, b" ")
    text = read_text(block)
    assert len(text.card.number) <= 18 * 3
    assert not any(ord(char) < 32 for char in text.card.name)
    found = text_of_payload(data)
    if found is not None:
        assert len(photo_of_payload(data)) <= len(data)
        assert read_text(found).card
    text_ahead(data)


def mrz(data: bytes) -> None:
    first, second = _cut(data)
    assembler = MrzAssembler()
    for zone in (*assembler.feed(first), *assembler.feed(second), *assembler.flush()):
        result = parse_mrz(zone, TODAY)
        if not isinstance(result, DocumentRefusal):
            assert card_of(result).number
    assert not assembler.waiting
    parse_mrz(data.decode("utf-8", "replace"), TODAY)


def scanner(data: bytes) -> None:
    first, second = _cut(data)
    whole, pieces = LineFramer(64, b"qr", b"#"), LineFramer(64, b"qr", b"#")
    lines = whole.feed(data)
    assert pieces.feed(first) + pieces.feed(second) == lines
    for line in (*lines, *whole.flush()):
        assert 0 < len(line) <= 64
        text = decoded(line)
        assert text is None or text.isprintable() or not text.isascii()
    assert not whole.waiting


def keyboard(data: bytes) -> None:
    first, second = _cut(data)
    whole, pieces = KeyDecoder(), KeyDecoder()
    assert pieces.feed(first) + pieces.feed(second) == whole.feed(data)


def barrier(data: bytes) -> None:
    first, second = _cut(data)
    for receive in BOARDS:
        whole, pieces = BarrierParser(receive), BarrierParser(receive)
        found = whole.feed(data)
        assert pieces.feed(first) + pieces.feed(second) == found
        for _, values in found:
            assert all(0 <= value < 2**24 for value in values.values())


def printer(data: bytes) -> None:
    first, second = _cut(data)
    whole, pieces = Lexer(), Lexer()
    list(whole.feed(data))
    list(pieces.feed(first))
    list(pieces.feed(second))
    assert whole.rest == pieces.rest
    interpreter = Interpreter(PROFILE)
    interpreter.feed(data[:4096])
    interpreter.end()
    for byte in data[:16]:
        if status.is_answer(byte):
            for number in status.QUESTIONS:
                status.trouble(number, byte)


def cmpp(data: bytes) -> None:
    for version in Version:
        try:
            sequence, packet = decode(data, version)
        except CodecError:
            continue
        try:
            again = encode(packet, sequence, version)
        except CodecError:
            continue
        # The other version's form is understood too; what it says beyond this one's is not sent.
        following, understood = decode(again, version)
        assert (following, type(understood)) == (sequence, type(packet))
    with contextlib.suppress(CodecError):
        decode_report(data)


def link(data: bytes) -> None:
    for decoder in (DOWN, UP):
        try:
            message = decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        assert decoder.decode(msgspec.json.encode(message)) == message


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        reader_frame,
        reader_text,
        mrz,
        scanner,
        keyboard,
        barrier,
        printer,
        cmpp,
        link,
    )
}
