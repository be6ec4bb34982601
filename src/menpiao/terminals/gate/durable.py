"""An SQLite file with every entry on disk before its commit returns.

Entries go to the end of a log first, and from there into the file (a checkpoint). SQLite does that
in whichever commit the log has grown too long with: the visitor whose commit it is would wait for
it. Here it is done where nobody waits.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

_ROWS: Final = 150
"""So many rows changed are worth a checkpoint: some five pages each, SQLite's own 1000 in all."""
_PAGES_MOST: Final = 8000
"""When nobody found the time for it, a commit does it after all."""


class Durable:
    """A connection to such a file, used by one thread."""

    def __init__(self, path: Path, schema: str) -> None:
        """Open the file; raises sqlite3.Error or OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(path, timeout=1.0, check_same_thread=False)
        try:
            self.db.execute("pragma journal_mode = wal")
            self.db.execute("pragma synchronous = full")
            self.db.execute(f"pragma wal_autocheckpoint = {_PAGES_MOST}")
            self.db.executescript(schema)
        except sqlite3.Error:
            self.db.close()
            raise
        self._tidied = self.db.total_changes

    def tidy(self) -> None:
        """Bring the log into the file if it has grown; call it when nobody waits for an entry."""
        if self.db.total_changes - self._tidied >= _ROWS:
            self.db.execute("pragma wal_checkpoint(passive)")
            self._tidied = self.db.total_changes
