"""The book of scans decided without the centre: durable before anybody acts, without a gap.

Beside them stands what the centre has admitted through this lane and its bundle does not show yet.
An SQLite file with every entry on disk before its call returns; it holds no document number and no
name. Entries are never changed but for what became of them. Used by one thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from menpiao.domain.merge import Happened
from menpiao.terminals.gate.durable import Durable
from menpiao.wire.check import Answer, Heard

_KEEP: Final = timedelta(days=90)
_SCHEMA: Final = """
create table if not exists scans (
    sequence integer primary key,
    asker integer not null,
    nonce text not null,
    gate_id integer not null,
    day text not null,
    at text not null,
    admitted integer not null,
    reason text not null,
    source text not null,
    people integer not null,
    first_entry integer not null,
    ticket_id integer,
    horizon integer not null,
    answer blob not null,
    outcome text not null default '',
    detail text not null default '',
    reported_at text not null default '',
    late text not null default '',
    settled integer not null default 0,
    unique (asker, nonce)
) strict;
create index if not exists scans_open on scans (ticket_id) where admitted and not settled;
create index if not exists scans_unreported on scans (sequence) where outcome = '';
create table if not exists heard (
    nonce text primary key,
    gate_id integer not null,
    day text not null,
    at text not null,
    people integer not null,
    remaining integer not null,
    ticket_id integer not null,
    settled integer not null default 0
) strict;
create index if not exists heard_open on heard (ticket_id) where not settled;
"""


_OPEN_PEOPLE: Final = """
select gate_id, sum(people) from (
    select gate_id, people from scans where admitted and not settled and day = ?
    union all select gate_id, people from heard where not settled and day = ?
) group by gate_id
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One scan; ``asker`` is the lane that a hub decided for, 0 the terminal itself."""

    sequence: int
    asker: int
    nonce: str
    gate_id: int
    day: date
    at: datetime
    admitted: bool
    reason: str
    source: str
    people: int
    first_entry: int
    ticket_id: int | None
    horizon: int
    answer: bytes


@dataclass(frozen=True, slots=True)
class Open:
    """An admission that the rows do not show yet; ``remaining`` where only that is known."""

    gate_id: int
    day: date
    happened: Happened
    remaining: int | None = None


class Book:
    """What was decided here."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises sqlite3.Error or OSError."""
        self._file = Durable(path, _SCHEMA)
        self._db = self._file.db
        path.chmod(0o600)
        self._open_people: dict[date, Counter[int]] = {}

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def tidy(self) -> None:
        """Do what may take a while; call it when nobody waits for an entry."""
        self._file.tidy()

    def answer(self, asker: int, nonce: str) -> bytes | None:
        """What was answered under this nonce before."""
        query = "select answer from scans where asker = ? and nonce = ?"
        row = self._db.execute(query, (asker, nonce)).fetchone()
        return bytes(row[0]) if row else None

    def note(self, entry: Entry) -> int:
        """Write a scan down and give its sequence; it is on disk when this returns.

        ``entry.sequence`` is not looked at: numbers go on from the last without a gap.
        Raises sqlite3.Error: then it has not happened.
        """
        with self._db:
            last = self._db.execute("select coalesce(max(sequence), 0) from scans").fetchone()
            sequence = int(last[0]) + 1
            self._db.execute(
                "insert into scans (sequence, asker, nonce, gate_id, day, at, admitted, reason,"
                " source, people, first_entry, ticket_id, horizon, answer)"
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    sequence,
                    entry.asker,
                    entry.nonce,
                    entry.gate_id,
                    entry.day.isoformat(),
                    entry.at.isoformat(),
                    int(entry.admitted),
                    entry.reason,
                    entry.source,
                    entry.people,
                    entry.first_entry,
                    entry.ticket_id,
                    entry.horizon,
                    entry.answer,
                ),
            )
        if entry.admitted and entry.day in self._open_people:
            self._open_people[entry.day][entry.gate_id] += entry.people
        return sequence

    def hear(self, ticket_id: int, answer: Answer | Heard, gate_id: int, day: date) -> None:
        """The centre has admitted somebody here, or told a hub so of a lane."""
        with self._db:
            noted = self._db.execute(
                "insert or ignore into heard values (?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    answer.nonce,
                    gate_id,
                    day.isoformat(),
                    answer.at.isoformat(),
                    answer.people,
                    answer.remaining,
                    ticket_id,
                ),
            )
        if noted.rowcount and day in self._open_people:
            self._open_people[day][gate_id] += answer.people

    def open_people(self, day: date) -> Mapping[int, int]:
        """People of admissions that the centre's figures do not show yet, by gate."""
        found = self._open_people.get(day)
        if found is None:
            rows = self._db.execute(_OPEN_PEOPLE, (day.isoformat(),) * 2)
            # Of other days nobody asks again: only what is kept up by hand must be right.
            self._open_people = {day: Counter(dict(rows.fetchall()))}
            found = self._open_people[day]
        return found

    def open_of(self, ticket_id: int) -> list[Open]:
        """Admissions of a ticket that its row does not show yet, in their order."""
        found = [
            Open(row[0], date.fromisoformat(row[1]), _happened(row[2:5]))
            for row in self._db.execute(
                "select gate_id, day, people, first_entry, at from scans"
                " where ticket_id = ? and admitted and not settled",
                (ticket_id,),
            )
        ]
        found += [
            Open(row[0], date.fromisoformat(row[1]), _happened(row[2:5]), row[5])
            for row in self._db.execute(
                "select gate_id, day, people, 0, at, remaining from heard"
                " where ticket_id = ? and not settled",
                (ticket_id,),
            )
        ]
        return sorted(found, key=lambda o: o.happened.at)

    def unreported(self, most: int) -> list[Entry]:
        """The oldest scans that the centre has not acknowledged."""
        rows = self._db.execute(
            "select sequence, asker, nonce, gate_id, day, at, admitted, reason, source, people,"
            " first_entry, ticket_id, horizon, answer from scans where outcome = ''"
            " order by sequence limit ?",
            (most,),
        )
        return [_entry(row) for row in rows]

    def queue(self) -> int:
        """How many scans the centre has not acknowledged."""
        query = "select count(*) from scans where outcome = ''"
        return int(self._db.execute(query).fetchone()[0])

    def acknowledge(self, results: Sequence[tuple[int, str, str]], at: datetime) -> None:
        """Keep what became of scans: (sequence, outcome, detail)."""
        with self._db:
            self._db.executemany(
                "update scans set outcome = ?, detail = ?, reported_at = ? where sequence = ?",
                ((outcome, detail, at.isoformat(), n) for n, outcome, detail in results),
            )

    def late(self, nonce: str, text: str) -> None:
        """The centre's own answer came after the decision here."""
        with self._db:
            self._db.execute("update scans set late = ? where nonce = ?", (text, nonce))

    def settle(self, before: datetime) -> None:
        """Rows heard from now on show what the centre had learnt before this time."""
        text = before.isoformat()
        self._open_people.clear()
        with self._db:
            self._db.execute(
                "update scans set settled = 1"
                " where admitted and not settled and outcome <> '' and reported_at < ?",
                (text,),
            )
            self._db.execute("update heard set settled = 1 where not settled and at < ?", (text,))

    def anything_open(self) -> bool:
        """Whether there is anything to settle."""
        query = (
            "select exists (select 1 from scans where admitted and not settled and outcome <> '')"
            " or exists (select 1 from heard where not settled)"
        )
        return bool(self._db.execute(query).fetchone()[0])

    def prune(self, now: datetime) -> None:
        """Forget reported scans after 90 days; the newest stays, so that numbers go on."""
        before = (now - _KEEP).isoformat()
        with self._db:
            self._db.execute(
                "delete from scans where outcome <> '' and at < ?"
                " and sequence < (select max(sequence) from scans)",
                (before,),
            )
            self._db.execute("delete from heard where settled and at < ?", (before,))


def _happened(row: Sequence[object]) -> Happened:
    people, first_entry, at = row
    return Happened(int(str(people)), int(str(first_entry)), datetime.fromisoformat(str(at)))


def _entry(row: Sequence[Any]) -> Entry:
    sequence, asker, nonce, gate_id, day, at, admitted, *rest = row
    when = datetime.fromisoformat(at)
    known = (sequence, asker, nonce, gate_id, date.fromisoformat(day), when, bool(admitted))
    return Entry(*known, *rest)
