"""Secret keys in one file (mode 0600) outside the database: one key for each purpose.

Whoever has the database or a backup, but not this file, has neither numbers nor names.
"""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

PURPOSES = (
    "identity_index",
    "personal_data",
    "device_tokens",
    "order_links",
    "live_figures",
    "django",
)


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
    """Read the key file; the first start makes it. Never overwrites an existing file."""
    if not path.exists():
        _create(path)
    if path.stat().st_mode & 0o077:
        msg = f"{path} can be read by others: chmod 600 it"
        raise KeyFileError(msg)
    try:
        raw = json.loads(path.read_text(encoding="ascii"))
        return Keys({name: base64.b64decode(text) for name, text in raw["keys"].items()})
    except (ValueError, KeyError, AttributeError) as error:
        msg = f"{path} is not a key file: restore it from its backup"
        raise KeyFileError(msg) from error


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = {p: base64.b64encode(secrets.token_bytes(32)).decode() for p in PURPOSES}
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        json.dump({"version": 1, "keys": keys}, file)
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails when another process was first: its keys are then the ones.
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
