"""Slips into a file, for a site without a printer and for tests: each slip is appended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from menpiao.terminals.parts.printer.transport import PrinterUnreachable


@dataclass(frozen=True, slots=True)
class FileTransport:
    """A plain file, made when the first slip comes."""

    path: Path

    async def connect(self) -> FileConnection:
        """Nothing to open yet."""
        return FileConnection(self.path)


@dataclass(frozen=True, slots=True)
class FileConnection:
    """Appends; never answers a question."""

    path: Path
    answers: ClassVar[bool] = False

    async def write(self, data: bytes) -> None:
        """Append."""

        def append() -> None:
            with self.path.open("ab") as file:
                file.write(data)

        try:
            await asyncio.to_thread(append)
        except OSError as error:
            raise PrinterUnreachable("file_unwritable") from error

    async def read(self) -> bytes:
        """A file never says anything."""
        raise PrinterUnreachable("no_answers")

    async def close(self) -> None:
        """Nothing is kept open."""
