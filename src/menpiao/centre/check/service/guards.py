"""People of the house at a lane: a badge and a PIN, and how often somebody may guess."""

import asyncio
import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from menpiao.domain.reasons import Reason, Refusal
from menpiao.storage.database.catalogue import Snapshot, StaffMember
from menpiao.wire.check import StaffProof

SUPERVISORS: Final = frozenset({"supervisor", "manager"})
TRIES: Final = 5
PAUSE: Final = timedelta(minutes=1)
# About 50 ms: a PIN is short, so that only a slow hash and few tries protect it.
_COST: Final = {"n": 2**14, "r": 8, "p": 1}


def hash_pin(pin: str) -> str:
    """A PIN as it is kept: scrypt with a salt of its own."""
    salt = secrets.token_bytes(16)
    return f"scrypt1${_text(salt)}${_text(_scrypt(pin, salt))}"


def _scrypt(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, dklen=32, maxmem=2**26, **_COST)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _holds(pin: str, kept: str) -> bool:
    kind, _, rest = kept.partition("$")
    salt, _, digest = rest.partition("$")
    if kind != "scrypt1":
        return False
    return hmac.compare_digest(_scrypt(pin, base64.b64decode(salt)), base64.b64decode(digest))


@dataclass(slots=True)
class _Failures:
    count: int
    last: datetime


class Guards:
    """Verifies proofs of staff. Guesses are counted by badge and device in this process."""

    def __init__(self) -> None:
        self._failures: dict[tuple[int, str, int], _Failures] = {}

    async def verify(
        self, proof: StaffProof, site_id: int, device_id: int, snapshot: Snapshot, now: datetime
    ) -> StaffMember | Refusal:
        """The person of this badge and PIN, or why not. Five wrong PINs: a minute's pause.

        The pause is the badge's at that one device: nobody can lock a colleague out elsewhere.
        """
        key = (site_id, proof.badge, device_id)
        failed = self._failures.get(key)
        if failed and failed.count >= TRIES and now - failed.last < PAUSE:
            return Refusal(Reason.RATE_LIMITED, "too many wrong PINs: wait a minute", "staff.pin")
        person = snapshot.staff.get((site_id, proof.badge))
        # An unknown badge costs the same time as a wrong PIN.
        kept = person.pin_hash if person else hash_pin("0")
        right = await asyncio.to_thread(_holds, proof.pin, kept)
        if person is None or not right:
            count = failed.count + 1 if failed and now - failed.last < PAUSE else 1
            self._failures[key] = _Failures(count, now)
            return Refusal(Reason.NOT_PERMITTED, "badge or PIN is wrong", "staff")
        self._failures.pop(key, None)
        return person
