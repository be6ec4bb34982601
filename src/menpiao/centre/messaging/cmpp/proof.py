"""What both ends of a CMPP login prove, and the numbers that gateways give to messages."""

import hashlib
from datetime import datetime

from menpiao.centre.messaging.cmpp.packets import Connect, ConnectAnswer


def timestamp_of(moment: datetime) -> str:
    """Ten digits MMDDHHMMSS of a local time."""
    return moment.strftime("%m%d%H%M%S")


def authenticator_source(source_addr: str, secret: str, timestamp: str) -> bytes:
    """MD5 over Source_Addr, nine zeros, secret and timestamp: what CONNECT proves itself with."""
    text = source_addr.encode("ascii") + bytes(9) + secret.encode("ascii") + timestamp.encode()
    return hashlib.md5(text, usedforsecurity=False).digest()


def authenticator_ismg(status: int, source: bytes, secret: str, *, octets: int) -> bytes:
    """MD5 over Status (in 1 or 4 octets), AuthenticatorSource and secret: the gateway's proof."""
    text = status.to_bytes(octets, "big") + source + secret.encode("ascii")
    return hashlib.md5(text, usedforsecurity=False).digest()


def gateway_proved(answer: ConnectAnswer, request: Connect, secret: str) -> bool:
    """Whether the gateway knows the secret, in any of the forms that gateways use."""
    source, status = request.authenticator, answer.status
    odd = status.to_bytes(4, "big") + request.source_addr.encode("ascii") + secret.encode("ascii")
    return answer.authenticator in {
        authenticator_ismg(status, source, secret, octets=1),
        authenticator_ismg(status, source, secret, octets=4),
        hashlib.md5(odd, usedforsecurity=False).digest(),
        hashlib.md5(odd[3:], usedforsecurity=False).digest(),
    }


def make_msg_id(moment: datetime, gateway: int, sequence: int) -> int:
    """64 bits: month 4, day 5, hour 5, minute 6, second 6, gateway 22, sequence 16."""
    return (
        moment.month << 60
        | moment.day << 55
        | moment.hour << 50
        | moment.minute << 44
        | moment.second << 38
        | (gateway & 0x3FFFFF) << 16
        | (sequence & 0xFFFF)
    )


def reference(msg_id: int) -> str:
    """A Msg_Id as it is kept and shown: 16 hexadecimal digits."""
    return f"{msg_id:016x}"
