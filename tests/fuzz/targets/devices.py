"""What devices at a lane send: cards, codes, keys, passages, a printer's answers."""

from datetime import date
from typing import Final

from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU
from tests.fuzz.targets.target import Target, cut

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
from menpiao.terminals.parts.reader.protocol import Answer, meaning, sam_id_text
from menpiao.terminals.parts.reader.text import (
    TEXT_BYTES,
    photo_of_payload,
    read_text,
    text_ahead,
    text_of_payload,
)
from menpiao.terminals.ports.framing import LineFramer, decoded
from menpiao.terminals.ports.keyboard import KeyDecoder

_PARTS: Final = "menpiao.terminals.parts"
_PORTS: Final = "menpiao.terminals.ports"
TODAY: Final = date(2026, 1, 1)
BOARDS: Final = tuple(built_in(name).receive for name in ("rs485_turnstile", "xor5_events"))
CARD_ABSENT_BODY: Final = b"\x00\x00\x80"
CARD_ABSENT: Final = frame.encode(CARD_ABSENT_BODY)
FRAMERS: Final = (FramerRTU, FramerSocket)
PROFILE: Final = PROFILES["generic-58"]


def reader_frame(data: bytes) -> None:
    whole = frame.FrameParser()
    bodies = whole.feed(data)
    if pieces := cut(data):
        other = frame.FrameParser()
        assert other.feed(pieces[0]) + other.feed(pieces[1]) == bodies
    for body in bodies:
        assert len(body) >= 3
        meaning(Answer.of(body).sw3)
    assert len(whole.partial) < frame.LEN_MAX
    whole.expire()
    assert not whole.inside


def reader_heartbeat(data: bytes) -> None:
    """What a converter sends between frames (text, mostly) hides no frame that comes behind it."""
    parser = frame.FrameParser()
    for beat in (data[:16], data[16:]):
        plain = b"\xaa" not in beat and not parser.inside
        found = parser.feed(beat)
        found += parser.feed(CARD_ABSENT)
        assert not plain or found == [CARD_ABSENT_BODY]
        if parser.inside:
            parser.expire()


def reader_payload(data: bytes) -> None:
    found = text_of_payload(data)
    if found is not None:
        assert len(found) == TEXT_BYTES
        assert len(photo_of_payload(data)) <= len(data)
    ahead = text_ahead(data)
    assert ahead is None or len(ahead) == TEXT_BYTES
    assert len(sam_id_text(data[:16].ljust(16, b"\0"))) >= 36


def reader_text(data: bytes) -> None:
    text = read_text(data[:TEXT_BYTES].ljust(TEXT_BYTES, b" "))
    assert len(text.card.number) <= 18 * 3
    assert not any(ord(char) < 32 for char in text.card.name)


def mrz_stream(data: bytes) -> None:
    whole = MrzAssembler()
    zones = whole.feed(data)
    zones += whole.flush()
    assert not whole.waiting
    for zone in zones:
        assert zone
        assert len(zone) <= 44 + 3 * 44


def mrz(data: bytes) -> None:
    result = parse_mrz(data.decode("utf-8", "replace"), TODAY)
    if not isinstance(result, DocumentRefusal):
        assert card_of(result).number


def scanner(data: bytes) -> None:
    whole = LineFramer(16, b"q", b"#")
    lines = whole.feed(data)
    if pieces := cut(data):
        other = LineFramer(16, b"q", b"#")
        assert other.feed(pieces[0]) + other.feed(pieces[1]) == lines
    lines += whole.flush()
    assert not whole.waiting
    for line in lines:
        assert 0 < len(line) <= 16


def scanned_text(data: bytes) -> None:
    text = decoded(data)
    assert text is None or text.isprintable() or not text.isascii()


def keyboard(data: bytes) -> None:
    typed = KeyDecoder().feed(data)
    if pieces := cut(data):
        other = KeyDecoder()
        assert other.feed(pieces[0]) + other.feed(pieces[1]) == typed


def barrier(data: bytes) -> None:
    receive = BOARDS[data[0] & 1] if data else BOARDS[0]
    found = BarrierParser(receive).feed(data)
    if pieces := cut(data):
        other = BarrierParser(receive)
        assert other.feed(pieces[0]) + other.feed(pieces[1]) == found
    for _, values in found:
        assert all(0 <= value < 2**24 for value in values.values())


def modbus(data: bytes) -> None:
    """Answers of relay boards, cut and decoded by the library that the driver uses."""
    if not data:
        return
    framer = FRAMERS[data[0] & 1](DecodePDU(is_server=False))
    rest = data[1:]
    try:
        while rest:
            used, answer = framer.handleFrame(rest, 1, 0)
            if answer is not None and not answer.isError():
                assert isinstance(answer.bits, list)
            if not used:
                break
            rest = rest[used:]
    except ModbusException:
        pass


def printer_status(data: bytes) -> None:
    for byte in data[:8]:
        if status.is_answer(byte):
            for number in status.QUESTIONS:
                assert status.trouble(number, byte) != ""


def printer(data: bytes) -> None:
    """What a lane sends to a printer, as the twin of a printer cuts it."""
    whole = Lexer()
    tokens = list(whole.feed(data))
    assert len(tokens) + len(whole.rest) <= len(data)
    if pieces := cut(data):
        other = Lexer()
        for piece in pieces:
            list(other.feed(piece))
        assert whole.rest == other.rest


def printer_paper(data: bytes) -> None:
    """What the twin of a printer puts on paper."""
    interpreter = Interpreter(PROFILE)
    interpreter.feed(data)
    interpreter.end()


ALL: Final = (
    Target(reader_frame, (f"{_PARTS}.reader.frame", f"{_PARTS}.reader.protocol"), 96),
    Target(reader_heartbeat, (f"{_PARTS}.reader.frame",), 32),
    Target(reader_payload, (f"{_PARTS}.reader.text", f"{_PARTS}.reader.protocol"), 600),
    Target(reader_text, (f"{_PARTS}.reader.text",), TEXT_BYTES),
    Target(mrz_stream, (f"{_PARTS}.reader.mrz", f"{_PORTS}.framing"), 150),
    Target(mrz, ("menpiao.domain.mrz", f"{_PARTS}.reader.mrz"), 96),
    Target(scanner, (f"{_PORTS}.framing",), 64),
    Target(scanned_text, (f"{_PORTS}.framing",), 64),
    Target(keyboard, (f"{_PORTS}.keyboard",), 120),
    Target(barrier, (f"{_PARTS}.barrier.templates",), 24),
    Target(
        modbus,
        tuple(
            f"pymodbus.{name}"
            for name in (
                *("framer.base", "framer.rtu", "framer.socket"),
                *("pdu.decoders", "pdu.bit_message"),
            )
        ),
        64,
    ),
    Target(printer_status, (f"{_PARTS}.printer.status",), 8),
    Target(printer, (f"{_PARTS}.printer.tokens",), 40),
    Target(printer_paper, (f"{_PARTS}.printer.render",), 32),
)
