"""Who is asking: signed challenges of devices, and the session tokens they buy.

A challenge and a token are both texts under a keyed hash, so that any check server can verify
what another one gave out, and nothing is kept. A signature for each request would cost more than
the decision itself; a token is verified in microseconds.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from menpiao.wire.check import proof_text
from menpiao.wire.fleet import KeyRoll, roll_text

CHALLENGE_VALID_S = 60
TOKEN_VALID_S = 900
_KEY_OCTETS = 32


def encode(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes | None:
    """The octets of :func:`encode`; None when it is not such a text."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None


class Identity:
    """Gives out and verifies challenges and tokens."""

    def __init__(self, key: bytes) -> None:
        """Take the secret key for device tokens."""
        self._key = key
        self._known: dict[str, tuple[int, float]] = {}

    def _mac(self, text: str) -> str:
        return encode(
            hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)[:18]
        )

    def challenge(self, now: datetime) -> str:
        """A fresh challenge, valid for ``CHALLENGE_VALID_S``."""
        body = f"c.{int(now.timestamp())}.{secrets.token_urlsafe(12)}"
        return f"{body}.{self._mac(body)}"

    def _challenge_holds(self, challenge: str, now: datetime) -> bool:
        body, _, mac = challenge.rpartition(".")
        parts = body.split(".")
        if len(parts) != 3 or parts[0] != "c" or not parts[1].isdecimal():
            return False
        if not mac.isascii() or not hmac.compare_digest(mac, self._mac(body)):
            return False
        return 0 <= now.timestamp() - int(parts[1]) + 1 <= CHALLENGE_VALID_S + 1

    def proves(
        self, device_id: int, key: bytes, challenge: str, signature: str, now: datetime
    ) -> bool:
        """Whether the signature proves that the device holds its key."""
        return self._challenge_holds(challenge, now) and _signed(
            key, signature, proof_text(device_id, challenge)
        )

    def rolls(self, known: bytes, roll: KeyRoll, now: datetime) -> bool:
        """Whether a new key is wanted by who holds both it and the ``known`` one.

        A roll that has been made already needs the new one alone: its answer was lost.
        """
        after = decode(roll.public_key)
        if after is None or len(after) != _KEY_OCTETS:
            return False
        text = roll_text(roll.device_id, roll.challenge, roll.public_key)
        by_old = known == after or _signed(known, roll.signature, text)
        holds = self._challenge_holds(roll.challenge, now)
        return holds and by_old and _signed(after, roll.new_signature, text)

    def token(self, device_id: int, now: datetime) -> tuple[str, datetime]:
        """A session token and when it ends."""
        ends = int(now.timestamp()) + TOKEN_VALID_S
        body = f"t.{device_id}.{ends}"
        return f"{body}.{self._mac(body)}", datetime.fromtimestamp(ends, UTC)

    def device_of(self, token: str, now: datetime) -> int | None:
        """The device of a valid token; None otherwise."""
        known = self._known.get(token)
        stamp = now.timestamp()
        if known is not None:
            return known[0] if stamp < known[1] else None
        body, _, mac = token.rpartition(".")
        parts = body.split(".")
        if len(parts) != 3 or parts[0] != "t" or not (parts[1] + parts[2]).isdecimal():
            return None
        if not mac.isascii() or not hmac.compare_digest(mac, self._mac(body)):
            return None
        if stamp >= int(parts[2]):
            return None
        if len(self._known) > 4096:
            self._known.clear()
        self._known[token] = (int(parts[1]), float(parts[2]))
        return int(parts[1])


def _signed(key: bytes, signature: str, text: bytes) -> bool:
    raw = decode(signature)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(raw or b"", text)
    except (InvalidSignature, ValueError):
        return False
    return True
