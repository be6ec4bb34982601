"""The configuration file: whole or not at all, what was there before kept beside it."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

OWN_MODE: Final = 0o600


def write_whole(path: Path, text: str, check: Callable[[Path], object]) -> Path | None:
    """Put a file in its place once ``check`` has accepted it there; give the backup's path.

    The file has the mode and owner of the one before it, or belongs to its writer alone. What
    ``check`` raises leaves everything as it was, and so does being interrupted.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWN_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                before = path.stat()
                os.fchmod(file.fileno(), before.st_mode & 0o7777)
                with contextlib.suppress(PermissionError):  # only root gives files away
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
        check(fresh)
        backup = _backup(path) if path.exists() else None
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    _keep(path.parent)
    return backup


def _backup(path: Path) -> Path:
    """A second name for what is there: it is never missing, not for a moment."""
    moment = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    for number in range(100):
        backup = path.with_name(f"{path.name}.{moment}{f'-{number}' if number else ''}.bak")
        with contextlib.suppress(FileExistsError):
            backup.hardlink_to(path)
            return backup
    raise FileExistsError(f"{path}: too many backups of this second")


def _keep(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hand_over(user: str, *paths: Path) -> bool:
    """Give files, and folders with all that is in them, to a user; False if there is no such one.

    For root alone: a lane that runs as a user of its own must read its file and its key.

    Raises:
        OSError: they cannot be given away.
    """
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return False
    for path in paths:
        inside = path.rglob("*") if path.is_dir() else ()
        for one in (path, *inside):
            if one.exists():
                os.chown(one, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
    return True
