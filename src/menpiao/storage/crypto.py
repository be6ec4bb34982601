"""Personal data at rest: AES-256-GCM envelopes and the keyed index over document numbers.

An envelope is ``version | nonce (12) | ciphertext and tag``; its associated data names the table,
the column and the row, so that a value moved to another row does not open. The index is
HMAC-SHA256 cut to 128 bits (a plain hash of an ID number protects nothing: its space is small).
"""

import hashlib
import hmac
import os
from datetime import date

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from menpiao.domain.document import Document, identity_text
from menpiao.storage.keys import Keys

_VERSION = b"\x01"
_NONCE = 12


class OpenError(RuntimeError):
    """A stored value does not open: wrong key, wrong row, or damaged."""


class Vault:
    """Seals and opens personal data, and computes the index under which people are found."""

    def __init__(self, keys: Keys) -> None:
        """Take the keys of this installation."""
        self._cipher = AESGCM(keys.get("personal_data"))
        # A prepared HMAC is copied for each number: half the cost of making a new one.
        self._index = hmac.new(keys.get("identity_index"), digestmod=hashlib.sha256)

    def holder_hash(self, document: Document) -> bytes:
        """The 16-octet index of a person's document; the same for all spellings of it."""
        mac = self._index.copy()
        mac.update(b"id:v1:" + identity_text(document).encode())
        return mac.digest()[:16]

    def day_key(self, site_id: int, day: date) -> bytes:
        """The key of a site's day, 32 octets: with it a lane finds the holders of that day."""
        mac = self._index.copy()
        mac.update(f"day:v1:{site_id}:{day.isoformat()}".encode())
        return mac.digest()

    def phone_hash(self, phone: str) -> bytes:
        """The 16-octet index of a telephone number."""
        mac = self._index.copy()
        mac.update(b"phone:v1:" + phone.encode())
        return mac.digest()[:16]

    def index_mark(self) -> bytes:
        """What tells this index key from another one, and nothing else about it."""
        mac = self._index.copy()
        mac.update(b"mark:v1")
        return mac.digest()[:16]

    def seal(self, text: str, place: str) -> bytes:
        """Encrypt ``text`` for ``place``, for instance ``ticket.holder:17``."""
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, text.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Decrypt what :meth:`seal` made for the same place.

        Raises:
            OpenError: it was not made here, or not for this place.
        """
        if sealed[:1] != _VERSION:
            msg = f"unknown envelope at {place}"
            raise OpenError(msg)
        nonce, body = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            return self._cipher.decrypt(nonce, body, place.encode()).decode()
        except InvalidTag as error:
            msg = f"the value at {place} does not open"
            raise OpenError(msg) from error
