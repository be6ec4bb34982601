"""Writes and verifies the codes of tickets; see ``domain.ticket_code`` for what is in one."""

import base64
import hashlib
import hmac
from datetime import date

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from menpiao.domain.ticket_code import TicketCode, read_code, signed_octets, write_code


class TicketCodes:
    """The codes of one installation. Ed25519 is deterministic: a ticket has one code."""

    def __init__(self, secret: bytes) -> None:
        """Take the secret that the signing key is made from."""
        seed = hmac.digest(secret, b"menpiao-ticket-codes-v1", hashlib.sha256)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._key.public_key()

    @property
    def public_key(self) -> str:
        """What lanes verify codes with: raw Ed25519, base64url."""
        raw = self._public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def write(self, site_id: int, ticket_id: int, last_day: date) -> str:
        """The code of a ticket."""
        code = TicketCode(site_id, ticket_id, last_day)
        return write_code(code, self._key.sign(signed_octets(code)))

    def read(self, text: str) -> TicketCode | None:
        """The ticket that is meant; None: no code of this installation."""
        found = read_code(text)
        if found is None:
            return None
        code, signature = found
        try:
            self._public.verify(signature, signed_octets(code))
        except InvalidSignature:
            return None
        return code
