"""Codes of tickets at a lane alone: held to the key that came with the day's bundle."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from menpiao.domain.ticket_code import TicketCode, read_code, signed_octets
from menpiao.terminals.gate.offline.rows import octets_of


def verified(text: str, key: str) -> TicketCode | None:
    """The ticket that a code means; None: it is none, or not of the centre with this key."""
    found = read_code(text)
    if found is None or not key:
        return None
    code, signature = found
    try:
        Ed25519PublicKey.from_public_bytes(octets_of(key)).verify(signature, signed_octets(code))
    except (InvalidSignature, ValueError):
        return None
    return code
