"""CMPP octets: header 12, big-endian numbers, octet strings filled with zeros on the right.

Sent strictly by the protocol, read widely: where programs in the field differ in length, the
length decides. Whatever arrives, decoding ends in a packet or in :class:`CodecError`.
"""

import struct
from collections.abc import Callable

from menpiao.centre.messaging.cmpp.packets import (
    ANSWER,
    ActiveTest,
    ActiveTestAnswer,
    Command,
    Connect,
    ConnectAnswer,
    Deliver,
    DeliverAnswer,
    Other,
    Packet,
    StatusReport,
    Submit,
    SubmitAnswer,
    Terminate,
    TerminateAnswer,
    Version,
    command_of,
)

HEADER = 12
PACKET_MAX = 64 * 1024
DESTINATIONS_MAX = 99
ASCII_OCTETS_MAX = 159
CONTENT_OCTETS_MAX = 140
_HEAD = struct.Struct(">III")


class CodecError(ValueError):
    """Octets that are no CMPP packet, or a value that fits no field; never quotes the content."""


# --- fields -------------------------------------------------------------------------------------


def _text(value: str, octets: int, field: str) -> bytes:
    try:
        raw = value.encode("ascii")
    except UnicodeEncodeError:
        raise CodecError(f"{field} is not ASCII") from None
    if len(raw) > octets or b"\0" in raw:
        raise CodecError(f"{field} does not fit {octets} octets")
    return raw.ljust(octets, b"\0")


def _number(value: int, octets: int, field: str) -> bytes:
    try:
        return value.to_bytes(octets, "big")
    except OverflowError:
        raise CodecError(f"{field} does not fit {octets} octets") from None


class _Reader:
    """Takes fields off a body in order."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def raw(self, octets: int) -> bytes:
        if self._at + octets > len(self._body):
            raise CodecError("the body is too short")
        piece = self._body[self._at : self._at + octets]
        self._at += octets
        return piece

    def number(self, octets: int) -> int:
        return int.from_bytes(self.raw(octets), "big")

    def text(self, octets: int) -> str:
        # Some gateways fill with spaces; whatever is not ASCII is shown escaped.
        raw = self.raw(octets).partition(b"\0")[0]
        return raw.decode("ascii", "backslashreplace").strip(" ")


# --- sending ------------------------------------------------------------------------------------


def encode(packet: Packet, sequence: int, version: Version) -> bytes:
    """The octets of a packet.

    Raises:
        CodecError: a value fits no field, or the protocol forbids it.
    """
    body = _encode_body(packet, version)
    return _HEAD.pack(HEADER + len(body), command_of(packet), sequence & 0xFFFFFFFF) + body


def _encode_body(packet: Packet, version: Version) -> bytes:
    short = 4 if version.wide else 1
    match packet:
        case Connect():
            return (
                _text(packet.source_addr, 6, "Source_Addr")
                + packet.authenticator.ljust(16, b"\0")[:16]
                + _number(packet.version, 1, "Version")
                + _number(packet.timestamp, 4, "Timestamp")
            )
        case ConnectAnswer():
            return (
                _number(packet.status, short, "Status")
                + packet.authenticator.ljust(16, b"\0")[:16]
                + _number(packet.version, 1, "Version")
            )
        case Submit():
            return _encode_submit(packet, wide=version.wide)
        case Deliver():
            return _encode_deliver(packet, wide=version.wide)
        case SubmitAnswer() | DeliverAnswer():
            return _number(packet.msg_id, 8, "Msg_Id") + _number(packet.result, short, "Result")
        case ActiveTestAnswer():
            return b"\0"
        case Other():
            return packet.body
        case _:
            return b""


def _encode_submit(packet: Submit, *, wide: bool) -> bytes:
    if not 1 <= len(packet.destinations) <= DESTINATIONS_MAX:
        raise CodecError(f"DestUsr_tl is 1 to {DESTINATIONS_MAX}")
    limit = CONTENT_OCTETS_MAX if packet.msg_fmt else ASCII_OCTETS_MAX
    if len(packet.content) > limit:
        raise CodecError(f"Msg_Content is longer than {limit} octets")
    terminal = 32 if wide else 21
    out = [
        _number(packet.msg_id, 8, "Msg_Id"),
        _number(packet.pk_total, 1, "Pk_total"),
        _number(packet.pk_number, 1, "Pk_number"),
        _number(packet.registered_delivery, 1, "Registered_Delivery"),
        _number(packet.msg_level, 1, "Msg_level"),
        _text(packet.service_id, 10, "Service_Id"),
        _number(packet.fee_user_type, 1, "Fee_UserType"),
        _text(packet.fee_terminal_id, terminal, "Fee_terminal_Id"),
        _number(packet.fee_terminal_type, 1, "Fee_terminal_type") if wide else b"",
        _number(packet.tp_pid, 1, "TP_pId"),
        _number(packet.tp_udhi, 1, "TP_udhi"),
        _number(packet.msg_fmt, 1, "Msg_Fmt"),
        _text(packet.msg_src, 6, "Msg_src"),
        _text(packet.fee_type, 2, "FeeType"),
        _text(packet.fee_code, 6, "FeeCode"),
        _text(packet.valid_time, 17, "ValId_Time"),
        _text(packet.at_time, 17, "At_Time"),
        _text(packet.src_id, 21, "Src_Id"),
        _number(len(packet.destinations), 1, "DestUsr_tl"),
        *(_text(number, terminal, "Dest_terminal_Id") for number in packet.destinations),
        _number(packet.destination_type, 1, "Dest_terminal_type") if wide else b"",
        _number(len(packet.content), 1, "Msg_Length"),
        packet.content,
        _text(packet.link_id, 20, "LinkID") if wide else bytes(8),
    ]
    return b"".join(out)


def _encode_deliver(packet: Deliver, *, wide: bool) -> bytes:
    out = [
        _number(packet.msg_id, 8, "Msg_Id"),
        _text(packet.destination, 21, "Dest_Id"),
        _text(packet.service_id, 10, "Service_Id"),
        _number(packet.tp_pid, 1, "TP_pid"),
        _number(packet.tp_udhi, 1, "TP_udhi"),
        _number(packet.msg_fmt, 1, "Msg_Fmt"),
        _text(packet.source, 32 if wide else 21, "Src_terminal_Id"),
        _number(packet.source_type, 1, "Src_terminal_type") if wide else b"",
        _number(int(packet.is_report), 1, "Registered_Delivery"),
        _number(len(packet.content), 1, "Msg_Length"),
        packet.content,
        _text(packet.link_id, 20, "LinkID") if wide else bytes(8),
    ]
    return b"".join(out)


def encode_report(report: StatusReport, version: Version) -> bytes:
    """The content of a report: 60 octets in version 2, 71 in version 3."""
    return (
        _number(report.msg_id, 8, "Msg_Id")
        + _text(report.stat, 7, "Stat")
        + _text(report.submit_time, 10, "Submit_time")
        + _text(report.done_time, 10, "Done_time")
        + _text(report.destination, 32 if version.wide else 21, "Dest_terminal_Id")
        + _number(report.smsc_sequence, 4, "SMSC_sequence")
    )


# --- receiving ----------------------------------------------------------------------------------


def decode(frame: bytes, version: Version) -> tuple[int, Packet]:
    """Sequence_Id and packet of one whole frame.

    Raises:
        CodecError: the frame is no packet of this protocol.
    """
    if len(frame) < HEADER:
        raise CodecError("the header is too short")
    length, command, sequence = _HEAD.unpack_from(frame)
    if length != len(frame):
        raise CodecError("Total_Length is not the length")
    decoder = _DECODERS.get(command)
    body = frame[HEADER:]
    return sequence, decoder(body, version) if decoder else Other(command, body)


def _connect(body: bytes, version: Version) -> Packet:
    del version
    _exactly(body, 27)
    take = _Reader(body)
    return Connect(
        source_addr=take.text(6),
        authenticator=take.raw(16),
        version=take.number(1),
        timestamp=take.number(4),
    )


def _connect_answer(body: bytes, version: Version) -> Packet:
    del version
    _exactly(body, 18, 21)
    take = _Reader(body)
    return ConnectAnswer(
        status=take.number(len(body) - 17), authenticator=take.raw(16), version=take.number(1)
    )


def _submit(body: bytes, version: Version) -> Packet:
    for wide in _widths(version):
        count_at, terminal = (128, 32) if wide else (116, 21)
        if len(body) > count_at:
            length_at = count_at + 1 + terminal * body[count_at] + (1 if wide else 0)
            tail = 20 if wide else 8
            if len(body) > length_at and len(body) == length_at + 1 + body[length_at] + tail:
                return _read_submit(_Reader(body), wide=wide)
    raise CodecError("SUBMIT has no length that fits")


def _read_submit(take: _Reader, *, wide: bool) -> Submit:
    terminal = 32 if wide else 21
    # Arguments are evaluated in the order they are written: the order of the fields.
    head = {
        "msg_id": take.number(8),
        "pk_total": take.number(1),
        "pk_number": take.number(1),
        "registered_delivery": take.number(1),
        "msg_level": take.number(1),
    }
    service_id, fee_user_type = take.text(10), take.number(1)
    fee_terminal_id, fee_terminal_type = take.text(terminal), take.number(1) if wide else 0
    tp_pid, tp_udhi, msg_fmt = take.number(1), take.number(1), take.number(1)
    msg_src, fee_type, fee_code = take.text(6), take.text(2), take.text(6)
    valid_time, at_time, src_id = take.text(17), take.text(17), take.text(21)
    destinations = tuple(take.text(terminal) for _ in range(take.number(1)))
    return Submit(
        **head,
        service_id=service_id,
        fee_user_type=fee_user_type,
        fee_terminal_id=fee_terminal_id,
        fee_terminal_type=fee_terminal_type,
        tp_pid=tp_pid,
        tp_udhi=tp_udhi,
        msg_fmt=msg_fmt,
        msg_src=msg_src,
        fee_type=fee_type,
        fee_code=fee_code,
        valid_time=valid_time,
        at_time=at_time,
        src_id=src_id,
        destinations=destinations,
        destination_type=take.number(1) if wide else 0,
        content=take.raw(take.number(1)),
        link_id=take.text(20) if wide else "",
    )


def _deliver(body: bytes, version: Version) -> Packet:
    for wide in _widths(version):
        length_at, tail = (76, 20) if wide else (64, 8)
        if len(body) > length_at and len(body) == length_at + 1 + body[length_at] + tail:
            take = _Reader(body)
            return Deliver(
                msg_id=take.number(8),
                destination=take.text(21),
                service_id=take.text(10),
                tp_pid=take.number(1),
                tp_udhi=take.number(1),
                msg_fmt=take.number(1),
                source=take.text(32 if wide else 21),
                source_type=take.number(1) if wide else 0,
                is_report=take.number(1) == 1,
                content=take.raw(take.number(1)),
                link_id=take.text(20) if wide else "",
            )
    raise CodecError("DELIVER has no length that fits")


def _submit_answer(body: bytes, version: Version) -> Packet:
    del version
    _exactly(body, 9, 12)
    take = _Reader(body)
    return SubmitAnswer(msg_id=take.number(8), result=take.number(len(body) - 8))


def _deliver_answer(body: bytes, version: Version) -> Packet:
    del version
    _exactly(body, 9, 12)
    take = _Reader(body)
    return DeliverAnswer(msg_id=take.number(8), result=take.number(len(body) - 8))


def _bare(packet: Packet) -> Callable[[bytes, Version], Packet]:
    """A packet without content; octets that should not be there are overlooked."""

    def read(body: bytes, version: Version) -> Packet:
        del body, version
        return packet

    return read


def _exactly(body: bytes, *lengths: int) -> None:
    if len(body) not in lengths:
        raise CodecError(f"a body of {len(body)} octets where {lengths} are possible")


def _widths(version: Version) -> tuple[bool, bool]:
    """The agreed form first, then the other: the lengths say which one it is."""
    return version.wide, not version.wide


_DECODERS: dict[int, Callable[[bytes, Version], Packet]] = {
    Command.CONNECT: _connect,
    Command.CONNECT | ANSWER: _connect_answer,
    Command.TERMINATE: _bare(Terminate()),
    Command.TERMINATE | ANSWER: _bare(TerminateAnswer()),
    Command.SUBMIT: _submit,
    Command.SUBMIT | ANSWER: _submit_answer,
    Command.DELIVER: _deliver,
    Command.DELIVER | ANSWER: _deliver_answer,
    Command.ACTIVE_TEST: _bare(ActiveTest()),
    Command.ACTIVE_TEST | ANSWER: _bare(ActiveTestAnswer()),
}


def decode_report(content: bytes) -> StatusReport:
    """A report's content; its length (60 or 71), not the version, says which form it has.

    Raises:
        CodecError: it has another length.
    """
    if len(content) not in {60, 71}:
        raise CodecError(f"a report of {len(content)} octets")
    take = _Reader(content)
    return StatusReport(
        msg_id=take.number(8),
        stat=take.text(7),
        submit_time=take.text(10),
        done_time=take.text(10),
        destination=take.text(len(content) - 39),
        smsc_sequence=take.number(4),
    )
