"""The arbiter in a thread of its own: whoever asks it waits without holding the lane up."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

import structlog

from menpiao.terminals.gate.offline.arbiter import Arbiter
from menpiao.terminals.gate.offline.book import Book
from menpiao.terminals.gate.offline.store import Known, Refused, Store
from menpiao.wire.check import Answer, Ask

log = structlog.get_logger(__name__)

_T = TypeVar("_T")
_DECIDE_WITHIN_S: Final = 2.0


def utc_now() -> datetime:
    """The computer's time."""
    return datetime.now(UTC)


class Local:
    """What this terminal knows and decides by itself.

    ``known``, ``refused`` and ``queue`` are what they were a moment ago, for screen and beats.
    """

    def __init__(
        self,
        folder: Path,
        oldest: timedelta,
        source: str = "lane",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Keep bundles and book in ``folder``."""
        self.folder = folder
        self._oldest = oldest
        self._source = source
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="offline")
        self._arbiter: Arbiter | None = None
        self.offset = timedelta()
        self.known: Known | None = None
        self.refused: Refused | None = None
        self.queue = 0

    def retime(self, oldest: timedelta) -> None:
        """Decide on data up to another age from now on."""
        self._oldest = oldest
        if self._arbiter is not None:
            self._arbiter.oldest = oldest

    def now(self) -> datetime:
        """The centre's time, as far as this terminal can tell."""
        return self._clock() + self.offset

    async def run(self, work: Callable[[Arbiter], _T]) -> _T:
        """Let the arbiter do something.

        Raises:
            OSError: the disk does not take it; sqlite3's errors come as this too.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    async def decide(self, ask: Ask) -> Answer | None:
        """The decision, on disk; None: none can be made here."""
        try:
            async with asyncio.timeout(_DECIDE_WITHIN_S):
                return await self.run(lambda arbiter: arbiter.decide(ask, self.now()))
        except (OSError, TimeoutError) as error:
            log.warning("local_decision_failed", request_id=ask.nonce, kind=type(error).__name__)
            return None

    async def look(self) -> None:
        """Bring ``known`` and ``queue`` up to now, and the book in order."""
        with contextlib.suppress(OSError):
            await self.run(lambda arbiter: arbiter.book.tidy())

    def _do(self, work: Callable[[Arbiter], _T]) -> _T:
        try:
            if self._arbiter is None:
                self._arbiter = self._open()
            done = work(self._arbiter)
            self.offset = self._arbiter.store.offset
            self.known = self._arbiter.known(self.now())
            self.refused = self._arbiter.store.refused
            self.queue = self._arbiter.book.queue()
        except sqlite3.Error as error:
            log.warning("offline_disk", kind=type(error).__name__, text=str(error))
            self._shut()
            raise OSError(f"{type(error).__name__}: {error}") from None
        return done

    def _open(self) -> Arbiter:
        book = Book(self.folder / "decided.sqlite3")
        try:
            store = Store(self.folder)
        except (sqlite3.DatabaseError, OSError):
            book.close()
            raise
        arbiter = Arbiter(store, book, self._oldest, self._source)
        self.offset = store.offset
        book.prune(self.now())
        return arbiter

    def _shut(self) -> None:
        if self._arbiter is not None:
            with contextlib.suppress(sqlite3.Error):
                self._arbiter.store.close()
                self._arbiter.book.close()
            self._arbiter = None

    def close(self) -> None:
        """Close the files; what is being written is waited for."""
        self._thread.submit(self._shut)
        self._thread.shutdown()

    def today(self, utc_offset_s: int) -> date:
        """The date at a site of this zone."""
        return (self.now() + timedelta(seconds=utc_offset_s)).date()
