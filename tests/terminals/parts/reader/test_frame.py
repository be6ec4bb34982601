import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from menpiao.simulation.cards import RESIDENT
from menpiao.simulation.safe_module import read_payload
from menpiao.terminals.parts.reader import protocol
from menpiao.terminals.parts.reader.frame import (
    LEN_MAX,
    PREAMBLE,
    REQUEST_LEN_MIN,
    FrameParser,
    encode,
    encode_request,
    encode_response,
)

READ_ANSWER = encode_response(0x90, read_payload(RESIDENT))
SHORT_ANSWER = encode_response(0x80)


def hexed(text: str) -> bytes:
    return bytes.fromhex("AA AA AA 96 69" + text)


@pytest.mark.parametrize(
    ("command", "frame"),
    [
        (protocol.STATUS, "00 03 11 FF ED"),
        (protocol.SAM_ID, "00 03 12 FF EE"),
        (protocol.FIND, "00 03 20 01 22"),
        (protocol.SELECT, "00 03 20 02 21"),
        (protocol.READ, "00 03 30 01 32"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_requests_are_those_of_the_protocol(command: protocol.Command, frame: str) -> None:
    assert command.frame == hexed(frame)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (encode_request(0x10, 0xFF), "00 03 10 FF EC"),
        (encode_request(0x61, 0xFF, b"\x50"), "00 04 61 FF 50 CA"),
        (encode_request(0x60, 0x04), "00 03 60 04 67"),
        (encode_response(0x90), "00 04 00 00 90 94"),
        (encode_response(0x9F, bytes(4)), "00 08 00 00 9F 00 00 00 00 97"),
        (encode_response(0x90, bytes(8)), "00 0C 00 00 90 00 00 00 00 00 00 00 00 9C"),
        (encode_response(0x41), "00 04 00 00 41 45"),
    ],
)
def test_frames_are_those_of_the_protocol(frame: bytes, expected: str) -> None:
    assert frame == hexed(expected)


def test_the_published_find_with_a_wrong_checksum_is_refused() -> None:
    parser = FrameParser(REQUEST_LEN_MIN)
    assert parser.feed(hexed("00 03 20 01 21")) == []
    assert parser.bad_checksums == 1


def test_both_bytes_of_the_length_are_used() -> None:
    assert len(READ_ANSWER) == 1295
    assert READ_ANSWER[5:7] == b"\x05\x08"
    assert FrameParser().feed(READ_ANSWER) == [READ_ANSWER[7:-1]]


def test_every_byte_by_itself() -> None:
    parser = FrameParser()
    bodies = [body for at in range(len(READ_ANSWER)) for body in parser.feed(READ_ANSWER[at:][:1])]
    assert bodies == [READ_ANSWER[7:-1]]


def test_every_split_point() -> None:
    for at in range(len(READ_ANSWER) + 1):
        parser = FrameParser()
        bodies = parser.feed(READ_ANSWER[:at]) + parser.feed(READ_ANSWER[at:])
        assert bodies == [READ_ANSWER[7:-1]], at


def test_two_frames_in_one_read() -> None:
    assert FrameParser().feed(SHORT_ANSWER + READ_ANSWER) == [
        SHORT_ANSWER[7:-1],
        READ_ANSWER[7:-1],
    ]


def test_a_preamble_inside_the_photo_is_not_a_frame() -> None:
    photo = bytes(100) + SHORT_ANSWER + bytes(1024 - 100 - len(SHORT_ANSWER))
    frame = encode_response(0x90, b"\x01\x00\x04\x00" + RESIDENT.text + photo)
    assert FrameParser().feed(frame) == [frame[7:-1]]


@pytest.mark.parametrize("rubbish", [b"AAAA", b"\xaa", b"\xaa\xaa\xaa", PREAMBLE, b"\xaa" * 50])
def test_rubbish_directly_before_a_frame(rubbish: bytes) -> None:
    parser = FrameParser()
    assert parser.feed(rubbish + SHORT_ANSWER) == [SHORT_ANSWER[7:-1]]


@pytest.mark.parametrize("length", [0, 3, LEN_MAX + 1, 0xFFFF])
def test_an_impossible_length_costs_one_byte(length: int) -> None:
    parser = FrameParser()
    bad = PREAMBLE + length.to_bytes(2, "big")
    assert parser.feed(bad + SHORT_ANSWER) == [SHORT_ANSWER[7:-1]]
    assert parser.bad_lengths == 1


def test_a_corrupted_length_ends_with_the_deadline() -> None:
    parser = FrameParser()
    assert parser.feed(PREAMBLE + b"\x08\x04\x00\x00\x80" + SHORT_ANSWER) == []
    assert parser.inside
    assert parser.expire() == [SHORT_ANSWER[7:-1]]
    assert not parser.inside


def test_a_heart_beat_inside_a_frame_is_noticed_and_the_next_frame_found() -> None:
    for at in range(5, len(SHORT_ANSWER)):
        parser = FrameParser()
        spoilt = SHORT_ANSWER[:at] + b"AAAA" + SHORT_ANSWER[at:]
        bodies = parser.feed(spoilt + READ_ANSWER)
        bodies += parser.expire()
        assert bodies[-1:] == [READ_ANSWER[7:-1]], at
        assert SHORT_ANSWER[7:-1] not in bodies


@given(st.binary(max_size=400), st.lists(st.integers(1, 40), max_size=30))
def test_garbage_never_raises_and_a_frame_behind_it_is_found(
    garbage: bytes, cuts: list[int]
) -> None:
    parser = FrameParser()
    stream = garbage + READ_ANSWER
    bodies, at = [], 0
    for cut in cuts:
        bodies += parser.feed(stream[at : at + cut])
        at += cut
    bodies += parser.feed(stream[at:])
    bodies += parser.expire()
    # Rubbish that by chance forms a frame with the right checksum may take bytes with it.
    assume(all(body == READ_ANSWER[7:-1] for body in bodies))
    assert bodies == [READ_ANSWER[7:-1]]


@given(st.lists(st.sampled_from([PREAMBLE, b"\xaa", b"\x05\x08", b"\x00\x04", b"A"]), max_size=60))
def test_garbage_made_of_frame_parts(parts: list[bytes]) -> None:
    parser = FrameParser()
    bodies = parser.feed(b"".join(parts) + READ_ANSWER)
    bodies += parser.expire()
    # Rubbish that by chance forms a frame with the right checksum may take bytes with it.
    assume(all(body == READ_ANSWER[7:-1] for body in bodies))
    assert bodies == [READ_ANSWER[7:-1]]


@given(st.binary(min_size=3, max_size=2000), st.binary(max_size=20))
def test_what_is_encoded_is_found(body: bytes, tail: bytes) -> None:
    assert FrameParser().feed(encode(body) + tail)[0] == body


def test_the_buffer_stays_small() -> None:
    parser = FrameParser()
    for _ in range(100):
        parser.feed(b"\x00" * 1000)
        parser.feed(PREAMBLE + b"\x09\xff" + b"\xaa" * 1000)
    assert len(parser._buffer) <= LEN_MAX + 2000
