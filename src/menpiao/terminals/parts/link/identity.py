"""Who a terminal is: its Ed25519 key and the number that the centre gave it.

Both are kept in one file of mode 0600. The private key never leaves the terminal.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from menpiao.wire.check import Proof, proof_text
from menpiao.wire.unreadable import UNREADABLE


class IdentityError(ValueError):
    """The key file cannot be used; the message says why and never shows the key."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    private_key: str
    device_id: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """A terminal's key; ``device_id`` 0: not enrolled yet."""

    key: Ed25519PrivateKey = field(repr=False)
    device_id: int = 0

    @property
    def public_key(self) -> str:
        """The raw public key as base64url text without padding."""
        return _text(self.key.public_key().public_bytes_raw())

    def prove(self, challenge: str, software: str = "") -> Proof:
        """Sign the centre's challenge."""
        return Proof(
            device_id=self.device_id,
            challenge=challenge,
            signature=self.sign(proof_text(self.device_id, challenge)),
            software=software,
        )

    def sign(self, text: bytes) -> str:
        """The signature of this key as base64url text without padding."""
        return _text(self.key.sign(text))

    def attempt(self) -> Identity:
        """The key to prove with now; see `base.Keys`."""
        return self

    def welcomed(self, tried: Identity) -> None:
        """It was right; see `base.Keys`."""

    def refused(self, tried: Identity) -> bool:  # noqa: ARG002 - there is no other
        """It was not believed; see `base.Keys`."""
        return False

    def enrolled_as(self, device_id: int) -> Identity:
        """The same key with the number that the centre gave it."""
        return replace(self, device_id=device_id)


def new_identity() -> Identity:
    """A fresh key, not enrolled."""
    return Identity(Ed25519PrivateKey.generate())


def load_identity(path: Path) -> Identity:
    """Read a key file.

    Raises:
        IdentityError: it is absent, damaged, or other users of the machine may read it.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise IdentityError(f"{path}: others may read this key; its mode must be 0600")
        found = msgspec.json.decode(path.read_bytes(), type=_File)
        raw = base64.urlsafe_b64decode(found.private_key + "=" * (-len(found.private_key) % 4))
        return Identity(Ed25519PrivateKey.from_private_bytes(raw), found.device_id)
    except OSError as error:
        raise IdentityError(f"{path}: {error.strerror}") from None
    except (*UNREADABLE, ValueError) as error:
        if isinstance(error, IdentityError):
            raise
        raise IdentityError(f"{path}: not a key file") from None


def save_identity(path: Path, identity: Identity) -> None:
    """Write a key file of mode 0600, whole or not at all; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = _File(_text(identity.key.private_bytes_raw()), identity.device_id)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(body))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
