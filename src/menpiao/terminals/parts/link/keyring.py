"""A terminal's key while it is being changed: two, until it is known which one the centre holds.

The new key is on disk, beside the old one, before the centre hears of it. After a cut either may be
the right one: whichever the centre welcomes is kept, and the other one is forgotten then.
"""

from __future__ import annotations

import threading
from pathlib import Path

import structlog

from menpiao.terminals.parts.link.identity import (
    Identity,
    IdentityError,
    load_identity,
    new_identity,
    save_identity,
)
from menpiao.wire.fleet import KeyRoll, roll_text

log = structlog.get_logger(__name__)


class Keyring:
    """The key of a terminal in its file, and the one that is to follow it, if there is one.

    Used by the link and by errands, which are in another thread.
    """

    def __init__(self, path: Path) -> None:
        """Read the files.

        Raises:
            IdentityError: this terminal is not enrolled, or its key file cannot be used.
        """
        self._path = path
        self._next_path = path.with_name(path.name + ".next")
        self._lock = threading.Lock()
        self._key = load_identity(path)
        self._next: Identity | None = None
        if self._next_path.exists():
            try:
                self._next = load_identity(self._next_path)
            except IdentityError:
                # Cut while it was written: then nobody has heard of it.
                log.warning("next_key_unusable")
        self._in_use = self._key

    @property
    def device_id(self) -> int:
        """The terminal's number."""
        return self._key.device_id

    def attempt(self) -> Identity:
        """The key to prove with now."""
        with self._lock:
            return self._in_use

    def welcomed(self, tried: Identity) -> None:
        """This one was right: a new key that was takes the place of the old one; raises OSError."""
        with self._lock:
            if self._next is None or tried.public_key != self._next.public_key:
                return
            save_identity(self._path, self._next)
            self._key = self._in_use = self._next
            self._next = None
            self._next_path.unlink(missing_ok=True)
        log.warning("key_rolled")

    def refused(self, tried: Identity) -> bool:
        """This one was not believed; whether there is another one to try, which is in use then."""
        with self._lock:
            if self._next is None:
                return False
            tried_next = tried.public_key == self._next.public_key
            self._in_use = self._key if tried_next else self._next
            return True

    def begin(self) -> Identity:
        """The key that is to follow, on disk when this returns; raises OSError."""
        with self._lock:
            if self._next is None:
                fresh = new_identity().enrolled_as(self._key.device_id)
                save_identity(self._next_path, fresh)
                self._next = fresh
            return self._next

    def roll(self, after: Identity, challenge: str) -> KeyRoll:
        """What asks the centre to put ``after`` in the place of the present key."""
        with self._lock:
            known = self._key
        text = roll_text(known.device_id, challenge, after.public_key)
        return KeyRoll(
            device_id=known.device_id,
            challenge=challenge,
            public_key=after.public_key,
            signature=known.sign(text),
            new_signature=after.sign(text),
        )
