"""The lane's own book: every ask before it is asked, its answer, and whether a slip came out.

Documents are not in it: an entry is its nonce and the kind of card. Trouble with the disk is a
value (False), and the next call tries again from the start.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from menpiao.terminals.gate.durable import Durable

log = structlog.get_logger(__name__)

_KEEP: Final = timedelta(days=90)
_PRUNE_EVERY: Final = 100
_PRUNE_MOST: Final = 1000
"""At a time: after a winter there are many, and the next visitor is on the way."""
_PRUNE: Final = """
delete from asks where rowid in (
    select rowid from asks where asked_at < ? order by asked_at limit ?
)
"""
_SCHEMA: Final = """
create table if not exists asks (
    nonce text primary key,
    kind text not null,
    gate_id integer not null,
    asked_at text not null,
    times integer not null default 1,
    outcome text not null default 'asked'
        check (outcome in ('asked', 'admitted', 'refused', 'no_answer', 'late')),
    reason text not null default '',
    people integer not null default 0,
    ticket_no text not null default '',
    answered_at text not null default '',
    printed text not null default ''
) strict;
create index if not exists asks_by_time on asks (asked_at);
create table if not exists passages (
    sequence integer primary key autoincrement,
    gate_id integer not null,
    at text not null,
    kind text not null,
    count integer not null,
    direction text not null,
    nonce text not null
) strict;
create table if not exists journal (name text not null) strict;
-- Numbers begin at 1 in every file, so that a file has a name of its own for ever. Those that were
-- begun before files had names keep the name under which their passages are known.
insert into journal (name)
select case when exists (select 1 from sqlite_sequence where name = 'passages') then ''
    else lower(hex(randomblob(16))) end
where not exists (select 1 from journal);
"""
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an ask ended: admitted, refused, no_answer or late."""

    outcome: str
    reason: str
    people: int = 0
    ticket_no: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """An ask that was answered in time: who it was for is in no book."""

    nonce: str
    admitted: bool
    reason: str
    people: int
    ticket_no: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PassageNote:
    """Something the barrier did or saw, as ``wire.lane.PassageEvent`` names it."""

    gate_id: int
    at: datetime
    kind: str
    count: int = 1
    direction: str = ""
    nonce: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """Passages by their numbers, which are unique together with the name of the journal."""

    journal: str = ""
    passages: tuple[tuple[int, PassageNote], ...] = ()


class Journal:
    """An SQLite file; every entry is on disk before its call returns True."""

    def __init__(self, path: Path, timeout_s: float = 2.0) -> None:
        self._path = path
        self._timeout_s = timeout_s
        # One thread: SQLite calls never overlap, and a hanging disk holds nobody else up.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._file: Durable | None = None
        self._ended = 0
        self._latest: datetime | None = None

    async def begin(self, nonce: str, kind: str, gate_id: int, at: datetime) -> bool:
        """Note an ask that is about to be made; a repeat of its nonce counts up."""
        self._latest = at
        return await self._write(
            "insert into asks (nonce, kind, gate_id, asked_at) values (?, ?, ?, ?)"
            " on conflict (nonce) do update set times = times + 1",
            (nonce, kind, gate_id, at.isoformat()),
        )

    async def end(self, nonce: str, outcome: Outcome) -> bool:
        """Note how an ask ended; when it is noted, nobody waits, and the file is put in order."""
        noted = await self._write(
            "update asks set outcome = ?, reason = ?, people = ?, ticket_no = ?, answered_at = ?"
            " where nonce = ?",
            (
                outcome.outcome,
                outcome.reason,
                outcome.people,
                outcome.ticket_no,
                outcome.at.isoformat() if outcome.at else "",
                nonce,
            ),
        )
        self._thread.submit(self._guarded, self._tidy)
        return noted

    async def withdraw(self, nonce: str, at: datetime) -> bool:
        """Note that an ask was not made after all; one that was made before stays as it ended."""
        return await self._write(
            "update asks set outcome = 'no_answer', reason = 'withdrawn', answered_at = ?"
            " where nonce = ? and outcome = 'asked'",
            (at.isoformat(), nonce),
        )

    async def printed(self, nonce: str, status: str) -> bool:
        """Note how the slip of an ask ended."""
        return await self._write("update asks set printed = ? where nonce = ?", (status, nonce))

    async def decided(self, most: int, since: datetime) -> list[Decided]:
        """The last asks that were answered, newest first; none while the file cannot be read."""
        found: list[Decided] = []

        def read(connection: sqlite3.Connection) -> None:
            rows = connection.execute(
                "select nonce, outcome = 'admitted', reason, people, ticket_no,"
                " iif(answered_at = '', asked_at, answered_at) from asks"
                " where asked_at >= ? and outcome in ('admitted', 'refused')"
                " order by asked_at desc limit ?",
                (since.isoformat(), most),
            )
            for nonce, admitted, reason, people, ticket_no, at in rows:
                # A damaged disk: nobody can say when it was.
                with contextlib.suppress(ValueError):
                    when = datetime.fromisoformat(at)
                    found.append(Decided(nonce, bool(admitted), reason, people, ticket_no, when))

        return found if await self._run(read) else []

    async def passage(self, note: PassageNote) -> bool:
        """Note what the barrier did, under the next number.

        A number is never used again in this file, nor the name of the file in another one.
        """
        return await self._write(
            "insert into passages (gate_id, at, kind, count, direction, nonce)"
            " values (?, ?, ?, ?, ?, ?)",
            (
                note.gate_id,
                note.at.isoformat(),
                note.kind,
                note.count,
                note.direction,
                note.nonce,
            ),
        )

    async def passages_due(self, most: int) -> Due:
        """The oldest passages that the centre does not have yet, with their numbers."""
        found: list[Due] = []

        def read(connection: sqlite3.Connection) -> None:
            rows = connection.execute(
                "select sequence, gate_id, at, kind, count, direction, nonce from passages"
                " order by sequence limit ?",
                (most,),
            )
            passages = []
            for number, gate_id, at, *rest in rows:
                try:
                    note = PassageNote(gate_id, datetime.fromisoformat(at), *rest)
                except ValueError:  # a damaged disk: nobody can say when it was, and others wait
                    log.warning("passage_unreadable", sequence=number)
                else:
                    passages.append((number, note))
            (name,) = connection.execute("select name from journal").fetchone()
            found.append(Due(name, tuple(passages)))

        return found[0] if await self._run(read) else Due()

    async def passages_kept(self, journal: str, upto: int) -> bool:
        """Forget passages that the centre has, up to this number of this journal."""
        return await self._write(
            "delete from passages where sequence <= ? and exists (select 1 from journal"
            " where name = ?)",
            (upto, journal),
        )

    async def works(self) -> bool:
        """Whether an entry could be written now: one is written, and taken back."""
        return await self._run(self._try)

    def close(self) -> None:
        """Close the file; entries that are being written are waited for."""
        self._thread.submit(self._drop)
        self._thread.shutdown()

    async def _write(self, statement: str, values: tuple[object, ...]) -> bool:
        def work(connection: sqlite3.Connection) -> None:
            with connection:
                connection.execute(statement, values)

        return await self._run(work)

    async def _run(self, work: Callable[[sqlite3.Connection], None]) -> bool:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await loop.run_in_executor(self._thread, self._guarded, work)
        except TimeoutError:
            log.warning("journal_hangs")
            return False

    def _guarded(self, work: Callable[[sqlite3.Connection], None], *, again: bool = False) -> bool:
        try:
            if self._file is None:
                self._file = Durable(self._path, _SCHEMA)
            work(self._file.db)
        except (sqlite3.Error, OSError) as error:
            log.warning("journal_broken", kind=type(error).__name__, text=str(error))
            self._drop()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED or again:
                return False
            # What was to be written is written into the new file: it happened all the same.
            self._set_aside()
            return self._guarded(work, again=True)
        return True

    def _tidy(self, connection: sqlite3.Connection) -> None:
        if self._ended % _PRUNE_EVERY == 0 and self._latest is not None:
            with connection:
                connection.execute(_PRUNE, ((self._latest - _KEEP).isoformat(), _PRUNE_MOST))
        self._ended += 1
        if self._file is not None:
            self._file.tidy()

    @staticmethod
    def _try(connection: sqlite3.Connection) -> None:
        # Rolling back would prove nothing: only a commit needs the disk.
        with connection:
            connection.execute("pragma user_version = 1")
            connection.execute(
                "insert or replace into asks (nonce, kind, gate_id, asked_at)"
                " values ('-', '', 0, '9')"
            )
        with connection:
            connection.execute("delete from asks where nonce = '-'")

    def _drop(self) -> None:
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._file.db.close()
            self._file = None

    def _set_aside(self) -> None:
        """Keep a damaged file for whoever looks into it, and begin a new one."""
        log.error("journal_damaged", path=str(self._path))
        with contextlib.suppress(OSError):
            self._path.replace(self._path.with_suffix(".damaged"))
            for rest in ("-wal", "-shm"):
                self._path.with_name(self._path.name + rest).unlink(missing_ok=True)
