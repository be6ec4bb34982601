"""What was logged before this process began, where it is kept: in a log file or in journald.

A lane that has fallen over is asked for its log when it stands again: what is sought is what came
before. How much is read, and for how long, is bounded; what is read passes the scrubber once more,
because other programs may have written there too.
"""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Final

from menpiao.domain.masking import scrub

_TAIL: Final = 1 << 20
"""Octets read of a file at most, from its end."""
_WITHIN_S: Final = 5.0
_STDERR: Final = 2
_UNIT: Final = re.compile(r"[A-Za-z0-9:_.@\\-]{1,255}\.service")


def earlier_lines(most: int, longest: int) -> list[str]:
    """So many of the last lines of this program, oldest first, those of earlier runs included.

    Empty where nothing is kept, or it cannot be read: that is never an error of the lane.
    """
    try:
        state = os.fstat(_STDERR)
        if stat.S_ISREG(state.st_mode):
            lines = _of_file(Path(f"/proc/self/fd/{_STDERR}"))
        elif os.environ.get("JOURNAL_STREAM") == f"{state.st_dev}:{state.st_ino}":
            lines = _of_journal(most)
        else:
            return []
    except (OSError, subprocess.SubprocessError):
        return []
    return [scrub(line)[:longest] for line in lines if line.strip()][-most:]


def _of_file(path: Path) -> list[str]:
    """The end of a log file; raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        octets = file.read(_TAIL)
    lines = octets.decode("utf-8", "replace").split("\n")
    # The first one is cut where the reading began in the middle.
    return lines[1:] if size > _TAIL else lines


def _of_journal(most: int) -> list[str]:
    """What journald has of this unit; raises OSError or SubprocessError."""
    program, unit = shutil.which("journalctl"), _unit()
    if program is None or not unit:
        return []
    command = [
        program,
        "--quiet",
        "--no-pager",
        "--output=cat",
        f"--lines={most}",
        f"--unit={unit}",
    ]
    found = subprocess.run(  # noqa: S603 - its own unit's name, by its pattern
        command, capture_output=True, timeout=_WITHIN_S, check=True, stdin=subprocess.DEVNULL
    )
    return found.stdout[-_TAIL:].decode("utf-8", "replace").split("\n")


def _unit() -> str:
    """The unit of this process, as its own file says (``JOURNAL_UNIT=%n``); empty: it is none."""
    name = os.environ.get("JOURNAL_UNIT", "")
    return name if _UNIT.fullmatch(name) else ""
