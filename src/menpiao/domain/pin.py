"""PINs of the house's people (岗位密码): kept as a slow hash, never as themselves."""

import base64
import hashlib
import hmac
from typing import Final

# About 50 ms: a PIN is short, so that only a slow hash and few tries protect it.
_COST: Final = {"n": 2**14, "r": 8, "p": 1}
SALT_OCTETS: Final = 16
_DIGEST_OCTETS: Final = 32


def hash_pin(pin: str, salt: bytes) -> str:
    """A PIN as it is kept: scrypt with a salt of its own, drawn by chance by the caller."""
    return f"scrypt1${_text(salt)}${_text(_scrypt(pin, salt))}"


def pin_fits(pin: str, kept: str) -> bool:
    """Whether this is the PIN; slow on purpose, and equally slow for a wrong one."""
    kind, _, rest = kept.partition("$")
    salt, _, digest = rest.partition("$")
    if kind != "scrypt1":
        return False
    return hmac.compare_digest(_scrypt(pin, base64.b64decode(salt)), base64.b64decode(digest))


def _scrypt(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, dklen=_DIGEST_OCTETS, maxmem=2**26, **_COST)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


NOBODYS: Final = f"scrypt1${_text(bytes(SALT_OCTETS))}${_text(bytes(_DIGEST_OCTETS))}"
"""Kept by nobody and fits no PIN: trying one against it takes as long as against a person's."""
