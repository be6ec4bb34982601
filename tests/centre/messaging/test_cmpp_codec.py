"""CMPP octets, pinned by hand from the protocol's tables, and what no octets may do."""

import contextlib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.centre.messaging.cmpp import codec, proof
from menpiao.centre.messaging.cmpp.packets import (
    ActiveTest,
    ActiveTestAnswer,
    Connect,
    ConnectAnswer,
    Deliver,
    DeliverAnswer,
    Other,
    StatusReport,
    Submit,
    SubmitAnswer,
    Terminate,
    TerminateAnswer,
    Version,
)

V2, V3 = Version.V20, Version.V30
SOURCE = bytes.fromhex("1d2f9b0d49a96f34f527178acc0b5d44")
ISMG_1 = bytes.fromhex("b95fb4b74a1998f1af1ac290cca0979e")
ISMG_4 = bytes.fromhex("4bbdebe2ef7cd602b2d1f4cdd2c42a5d")
CONNECT = Connect(source_addr="901234", authenticator=SOURCE, version=0x30, timestamp=708090210)
SUBMIT = Submit(
    destinations=("13800005678",),
    content="票".encode("utf-16-be"),
    msg_src="901234",
    src_id="10690012",
    service_id="MENPIAO",
    fee_user_type=2,
    fee_code="0",
)
MSG_ID = 0xB2B9DA8000010007
REPORT = StatusReport(
    msg_id=MSG_ID,
    stat="DELIVRD",
    submit_time="2611240900",
    done_time="2611240901",
    destination="13800005678",
    smsc_sequence=258,
)


def octets(*pieces):
    """Octets from hexadecimal text; ``(text, length)`` is filled with zeros on the right."""
    return b"".join(
        bytes.fromhex(p) if isinstance(p, str) else p[0].encode("ascii").ljust(p[1], b"\0")
        for p in pieces
    )


SUBMIT_HEAD = ("0000000000000000", "01 01 01 00", ("MENPIAO", 10), "02")
SUBMIT_MIDDLE = ("00 00 08", ("901234", 6), ("01", 2), ("0", 6), ("", 34), ("10690012", 21), "01")
PINNED = [
    (
        V3,
        CONNECT,
        octets("00000027 00000001 00000017", ("901234", 6), SOURCE.hex(), "30 2a349962"),
    ),
    (
        V2,
        ConnectAnswer(status=0, authenticator=ISMG_1, version=0x20),
        octets("0000001e 80000001 00000017 00", ISMG_1.hex(), "20"),
    ),
    (
        V3,
        ConnectAnswer(status=0, authenticator=ISMG_4, version=0x30),
        octets("00000021 80000001 00000017 00000000", ISMG_4.hex(), "30"),
    ),
    (
        V2,
        SUBMIT,
        octets(
            "000000a1 00000004 00000017",
            *SUBMIT_HEAD,
            ("", 21),
            *SUBMIT_MIDDLE,
            ("13800005678", 21),
            "02 7968",
            ("", 8),
        ),
    ),
    (
        V3,
        SUBMIT,
        octets(
            "000000c5 00000004 00000017",
            *SUBMIT_HEAD,
            ("", 32),
            "00",
            *SUBMIT_MIDDLE,
            ("13800005678", 32),
            "00 02 7968",
            ("", 20),
        ),
    ),
    (
        V2,
        SubmitAnswer(msg_id=MSG_ID, result=8),
        octets("00000015 80000004 00000017 b2b9da8000010007 08"),
    ),
    (
        V3,
        SubmitAnswer(msg_id=MSG_ID, result=8),
        octets("00000018 80000004 00000017 b2b9da8000010007 00000008"),
    ),
    (
        V2,
        Deliver(msg_id=7, destination="10690012", source="13800005678", content=b"ok"),
        octets(
            "00000057 00000005 00000017 0000000000000007",
            ("10690012", 21),
            ("", 10),
            "00 00 00",
            ("13800005678", 21),
            "00 02 6f6b",
            ("", 8),
        ),
    ),
    (
        V3,
        Deliver(msg_id=7, destination="10690012", source="13800005678", content=b"ok"),
        octets(
            "0000006f 00000005 00000017 0000000000000007",
            ("10690012", 21),
            ("", 10),
            "00 00 00",
            ("13800005678", 32),
            "00 00 02 6f6b",
            ("", 20),
        ),
    ),
    (V2, DeliverAnswer(msg_id=7), octets("00000015 80000005 00000017 0000000000000007 00")),
    (V3, DeliverAnswer(msg_id=7), octets("00000018 80000005 00000017 0000000000000007 00000000")),
    (V2, ActiveTest(), octets("0000000c 00000008 00000017")),
    (V3, ActiveTestAnswer(), octets("0000000d 80000008 00000017 00")),
    (V2, Terminate(), octets("0000000c 00000002 00000017")),
    (V3, TerminateAnswer(), octets("0000000c 80000002 00000017")),
]


@pytest.mark.parametrize(("version", "packet", "pinned"), PINNED)
def test_octets_are_those_of_the_protocol(version, packet, pinned):
    assert codec.encode(packet, 0x17, version).hex(" ") == pinned.hex(" ")
    assert codec.decode(pinned, version) == (0x17, packet)


@pytest.mark.parametrize(("version", "packet", "pinned"), PINNED)
def test_the_length_decides_where_the_version_was_misunderstood(version, packet, pinned):
    other = V2 if version is V3 else V3
    assert codec.decode(pinned, other) == (0x17, packet)


@pytest.mark.parametrize(("version", "fixed"), [(V2, 138 + 21), (V3, 163 + 32)])
@pytest.mark.parametrize("length", [0, 1, 140])
def test_a_submit_has_the_size_of_the_table(version, fixed, length):
    packet = Submit(destinations=("1",), content=bytes(length), msg_src="", src_id="")
    assert len(codec.encode(packet, 1, version)) == fixed + length


def test_login_check_values():
    assert proof.authenticator_source("901234", "1234", "0708090210") == SOURCE
    assert proof.authenticator_ismg(0, SOURCE, "1234", octets=1) == ISMG_1
    assert proof.authenticator_ismg(0, SOURCE, "1234", octets=4) == ISMG_4
    assert proof.timestamp_of(datetime(2026, 7, 8, 9, 2, 10)) == "0708090210"


@pytest.mark.parametrize("answered", [ISMG_1, ISMG_4])
def test_a_gateway_may_prove_itself_in_either_form(answered):
    answer = ConnectAnswer(status=0, authenticator=answered, version=0x30)
    assert proof.gateway_proved(answer, CONNECT, "1234")
    assert not proof.gateway_proved(answer, CONNECT, "12345")


def test_message_number_has_the_bits_of_the_protocol():
    # month 4 | day 5 | hour 5 | minute 6 | second 6 | gateway 22 | sequence 16
    bits = "10111100001001000001000010" + f"{106901:022b}" + f"{3:016b}"
    made = proof.make_msg_id(datetime(2026, 11, 24, 9, 1, 2), 106901, 3)
    assert f"{made:064b}" == bits
    assert proof.reference(made) == f"{int(bits, 2):016x}"


@pytest.mark.parametrize(("version", "terminal", "total"), [(V2, 21, 60), (V3, 32, 71)])
def test_report_octets(version, terminal, total):
    pinned = octets(
        "b2b9da8000010007",
        ("DELIVRD", 7),
        ("2611240900", 10),
        ("2611240901", 10),
        ("13800005678", terminal),
        "00000102",
    )
    assert len(pinned) == total
    assert codec.encode_report(REPORT, version) == pinned
    assert codec.decode_report(pinned) == REPORT


@pytest.mark.parametrize("length", [0, 59, 61, 70, 72, 140])
def test_a_report_of_another_length_is_none(length):
    with pytest.raises(codec.CodecError):
        codec.decode_report(bytes(length))


@pytest.mark.parametrize(
    "wrong",
    [
        {"destinations": ()},
        {"destinations": ("1",) * 100},
        {"content": bytes(141)},
        {"content": bytes(160), "msg_fmt": 0},
        {"msg_src": "9012345"},
        {"src_id": "号"},
        {"service_id": "a\0b"},
        {"pk_total": 256},
    ],
)
def test_what_the_protocol_forbids_is_not_sent(wrong):
    fields = {"destinations": ("1",), "content": b"", "msg_src": "", "src_id": ""}
    with pytest.raises(codec.CodecError) as caught:
        codec.encode(Submit(**fields | wrong), 1, V3)
    assert "号" not in str(caught.value)


def test_a_command_between_gateways_is_passed_on_unread():
    assert codec.decode(octets("0000000e 00000009 00000001 abcd"), V3) == (
        1,
        Other(9, b"\xab\xcd"),
    )


plain = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=21)


@given(
    st.sampled_from(Version),
    st.lists(plain, min_size=1, max_size=99),
    st.binary(max_size=140),
    plain,
    st.integers(0, 2**32 - 1),
)
def test_a_submit_comes_back_as_it_was(version, destinations, content, src_id, sequence):
    packet = Submit(
        destinations=tuple(destinations), content=content, msg_src="901234", src_id=src_id
    )
    assert codec.decode(codec.encode(packet, sequence, version), version) == (sequence, packet)


@given(st.sampled_from(Version), st.binary(max_size=140), plain, st.booleans())
def test_a_deliver_comes_back_as_it_was(version, content, source, is_report):
    packet = Deliver(
        msg_id=1, destination="106", source=source, content=content, is_report=is_report
    )
    assert codec.decode(codec.encode(packet, 1, version), version) == (1, packet)


COMMANDS = [1, 2, 4, 5, 6, 7, 8, 9]


@given(
    st.sampled_from(Version),
    st.sampled_from(COMMANDS + [c | 0x80000000 for c in COMMANDS]),
    st.binary(max_size=300),
)
def test_no_octets_do_more_than_a_refusal(version, command, body):
    frame = (12 + len(body)).to_bytes(4, "big") + command.to_bytes(4, "big") + bytes(4) + body
    try:
        _, packet = codec.decode(frame, version)
    except codec.CodecError:
        return
    if isinstance(packet, Deliver) and packet.is_report:
        with contextlib.suppress(codec.CodecError):
            codec.decode_report(packet.content)


@given(st.binary(max_size=40))
def test_no_frame_does_more_than_a_refusal(frame):
    with contextlib.suppress(codec.CodecError):
        codec.decode(frame, V3)
