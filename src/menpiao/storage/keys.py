"""Secret keys in one file (mode 0600) outside the database: one key for each purpose.

Whoever has the database or a backup, but not this file, has neither numbers nor names.
"""

import base64
import binascii
import fcntl
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

DATA_PURPOSES = ("identity_index", "personal_data")
"""What is kept can only be found and read with these: a new one would be a loss of all of it."""
PASSING_PURPOSES = (
    "device_tokens",
    "order_links",
    "live_figures",
    "counter",
    "lane_board",
    "django",
    "ticket_codes",
)
"""What they seal lives for minutes or days, or can be asked for again."""
PURPOSES = DATA_PURPOSES + PASSING_PURPOSES
_OCTETS = 32


class KeyFileError(RuntimeError):
    """The key file is unusable; the message says what an operator must do."""


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The keys by purpose, 32 random octets each."""

    values: dict[str, bytes]

    def get(self, purpose: str) -> bytes:
        """The key of a purpose.

        Raises:
            KeyFileError: the file has no such key.
        """
        try:
            return self.values[purpose]
        except KeyError:
            msg = f"the key file has no key for {purpose!r}: restore it from its backup"
            raise KeyFileError(msg) from None

    def text(self, purpose: str) -> str:
        """The key of a purpose as text, for libraries that want one."""
        return base64.urlsafe_b64encode(self.get(purpose)).decode()


def load_keys(path: Path) -> Keys:
    """Read the key file; the first start makes it.

    A file that is older than a purpose gets a key for it, beside those it has; the keys to what is
    kept are never made anew.

    Raises:
        KeyFileError: it cannot be used.
    """
    if not path.exists():
        _create(path)
    if path.stat().st_mode & 0o077:
        msg = f"{path} can be read by others: chmod 600 it"
        raise KeyFileError(msg)
    keys = _read(path)
    if lost := [purpose for purpose in DATA_PURPOSES if purpose not in keys.values]:
        msg = f"{path} has no key for {', '.join(lost)}: restore it from its backup"
        raise KeyFileError(msg)
    if all(purpose in keys.values for purpose in PASSING_PURPOSES):
        return keys
    return _complete(path)


def _read(path: Path) -> Keys:
    try:
        raw = json.loads(path.read_text(encoding="ascii"))
        values = {name: base64.b64decode(text) for name, text in raw["keys"].items()}
    except (ValueError, KeyError, AttributeError, TypeError, binascii.Error) as error:
        msg = f"{path} is not a key file: restore it from its backup"
        raise KeyFileError(msg) from error
    if short := [name for name, value in values.items() if len(value) != _OCTETS]:
        msg = f"{path}: the key for {', '.join(short)} is damaged: restore it from its backup"
        raise KeyFileError(msg)
    return Keys(values)


def _complete(path: Path) -> Keys:
    """Add the passing keys that are missing; of several processes at once the first does it."""
    try:
        with path.with_name(f"{path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            keys = _read(path)
            fresh = {p: secrets.token_bytes(_OCTETS) for p in PASSING_PURPOSES}
            complete = Keys(fresh | keys.values)
            if complete.values != keys.values:
                _write(path, complete).replace(path)
            return complete
    except OSError as error:
        msg = f"{path} needs new keys and cannot be written: {error.strerror}"
        raise KeyFileError(msg) from error


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = _write(path, Keys({p: secrets.token_bytes(_OCTETS) for p in PURPOSES}))
    try:
        # A link fails when another process was first: its keys are then the ones.
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _write(path: Path, keys: Keys) -> Path:
    """A file beside ``path`` that holds these keys, safely on the disk."""
    texts = {name: base64.b64encode(value).decode() for name, value in keys.values.items()}
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        json.dump({"version": 1, "keys": texts}, file)
        file.flush()
        os.fsync(file.fileno())
    return fresh
