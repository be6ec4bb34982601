"""Passes of a short life: what a page that knows who is signed in gives to the doors for machines.

Whoever shows one may ask in the name of the identifiers in it, until it ends.
"""

import hashlib
import hmac
from datetime import datetime


def make_pass(key: bytes, identifiers: tuple[int, ...], until: datetime) -> str:
    """A pass for these identifiers that ends at ``until``."""
    said = ".".join(map(str, (*identifiers, int(until.timestamp()))))
    return f"{said}.{_seal(key, said)}"


def read_pass(key: bytes, shown: str, now: datetime) -> tuple[tuple[int, ...], float] | None:
    """The identifiers, and the seconds left; None: not a pass of this key, or no longer."""
    said, _, seal = shown.rpartition(".")
    if not hmac.compare_digest(seal.encode(), _seal(key, said).encode()):
        return None
    *identifiers, until = map(int, said.split("."))
    left_s = until - now.timestamp()
    return (tuple(identifiers), left_s) if left_s > 0 else None


def _seal(key: bytes, said: str) -> str:
    return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()
