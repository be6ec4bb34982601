"""The code of a ticket (入园码): what a visitor shows to a lane's scanner instead of a document.

``MP1`` and then base32 without padding (RFC 4648: capitals and digits, so that it fits a QR code's
dense mode and survives a scanner that types) over 18 octets and their Ed25519 signature:

    version 1 | site 4 | ticket 8 | last day 4 (as YYYYMMDD in decimal) | zero 1

A code says which ticket is meant and nothing of its holder. It decides nothing: the ticket is
decided on like any other, so that it opens as often as the document would.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import date
from typing import Final

MARK: Final = "MP1"
CODE_KIND: Final = "code"
"""The kind of credential that is such a code."""
_BODY: Final = struct.Struct(">BIQIx")
_SIGNATURE: Final = 64
_VERSION: Final = 1
_CONTEXT: Final = b"menpiao-ticket-code-v1\0"


@dataclass(frozen=True, slots=True)
class TicketCode:
    """Which ticket is meant; ``last_day``: of its validity, at the site, when it was written."""

    site_id: int
    ticket_id: int
    last_day: date


def signed_octets(code: TicketCode) -> bytes:
    """What the centre signs."""
    return _CONTEXT + _body(code)


def _body(code: TicketCode) -> bytes:
    day = code.last_day
    number = day.year * 10_000 + day.month * 100 + day.day
    return _BODY.pack(_VERSION, code.site_id, code.ticket_id, number)


def write_code(code: TicketCode, signature: bytes) -> str:
    """The text of a code, 135 characters."""
    text = base64.b32encode(_body(code) + signature).decode()
    return MARK + text.rstrip("=")


def read_code(text: str) -> tuple[TicketCode, bytes] | None:
    """The code of a text and its signature, not verified; None: it is no such text.

    Total over any text; small letters and white space around it are taken.
    """
    plain = text.strip().upper()
    if not plain.startswith(MARK) or not plain.isascii():
        return None
    body = plain[len(MARK) :]
    try:
        octets = base64.b32decode(body + "=" * (-len(body) % 8))
    except binascii.Error:
        return None
    # One text a code: what decodes to the same octets and is written otherwise is none.
    if base64.b32encode(octets).decode().rstrip("=") != body:
        return None
    if len(octets) != _BODY.size + _SIGNATURE or octets[_BODY.size - 1]:
        return None
    version, site_id, ticket_id, number = _BODY.unpack(octets[: _BODY.size])
    if version != _VERSION:
        return None
    try:
        last_day = date(number // 10_000, number // 100 % 100, number % 100)
    except ValueError:
        return None
    return TicketCode(site_id, ticket_id, last_day), octets[_BODY.size :]
