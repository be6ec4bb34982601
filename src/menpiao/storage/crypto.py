"""Personal data at rest: AES-256-GCM envelopes and the keyed index over document numbers.

An envelope is ``version | nonce (12) | ciphertext and tag``; its associated data names the table,
the column and the row, so that a value moved to another row does not open. The index is
HMAC-SHA256 cut to 128 bits (a plain hash of an ID number protects nothing: its space is small).
"""

import os
from collections.abc import Callable
from datetime import date

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from menpiao.domain.document import Document
from menpiao.domain.identity import DAY_HASH_OCTETS, index_text
from menpiao.storage.keys import Keys

_VERSION = b"\x01"
_NONCE = 12
_INDEX = 16
_DAYS_KEPT = 64

KeyedHash = Callable[[bytes], bytes]


def keyed_hash(key: bytes) -> KeyedHash:
    """HMAC-SHA256 under ``key``, 32 octets: set up once and copied, a third of one made anew."""
    prepared = HMAC(key, SHA256())

    def digest(text: bytes) -> bytes:
        mac = prepared.copy()
        mac.update(text)
        return mac.finalize()

    return digest


class OpenError(RuntimeError):
    """A stored value does not open: wrong key, wrong row, or damaged."""


class Vault:
    """Seals and opens personal data, and computes the index under which people are found."""

    def __init__(self, keys: Keys) -> None:
        """Take the keys of this installation."""
        self._cipher = AESGCM(keys.get("personal_data"))
        self._index = keyed_hash(keys.get("identity_index"))
        self._days: dict[tuple[int, date], KeyedHash] = {}

    def holder_hash(self, document: Document) -> bytes:
        """The 16-octet index of a person's document; the same for all spellings of it."""
        return self._index(index_text(document))[:_INDEX]

    def day_key(self, site_id: int, day: date) -> bytes:
        """The key of a site's day, 32 octets: with it a lane finds the holders of that day."""
        return self._index(f"day:v1:{site_id}:{day.isoformat()}".encode())

    def day_hash(self, site_id: int, day: date, document: Document) -> bytes:
        """``domain.identity.day_hash`` under the key of a site's day, which is kept at hand."""
        of_day = self._days.get((site_id, day))
        if of_day is None:
            if len(self._days) >= _DAYS_KEPT:
                self._days.clear()
            of_day = self._days[site_id, day] = keyed_hash(self.day_key(site_id, day))
        return of_day(index_text(document))[:DAY_HASH_OCTETS]

    def phone_hash(self, phone: str) -> bytes:
        """The 16-octet index of a telephone number."""
        return self._index(b"phone:v1:" + phone.encode())[:_INDEX]

    def index_mark(self) -> bytes:
        """What tells this index key from another one, and nothing else about it."""
        return self._index(b"mark:v1")[:_INDEX]

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
