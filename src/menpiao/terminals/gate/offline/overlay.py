"""What a lane has heard since its bundles were made: rows that stand in the place of older ones.

An SQLite file, so that a restart without the network keeps what was heard. Used by one thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from menpiao.wire.bundle import (
    BundleTicket,
    BundleZone,
    unpack_ticket,
    unpack_zone,
)

_SCHEMA: Final = """
create table if not exists facts (name text primary key, value text not null) strict;
create table if not exists days (
    day text primary key,
    horizon integer not null,
    data_at text not null,
    settings text not null
) strict;
create table if not exists tickets (
    day text not null,
    id integer not null,
    holder blob not null,
    row blob not null,
    primary key (day, id)
) strict, without rowid;
create index if not exists tickets_by_holder on tickets (day, holder);
create table if not exists zones (
    day text not null,
    ticket_id integer not null,
    zone_id integer not null,
    row blob not null,
    primary key (day, ticket_id, zone_id)
) strict, without rowid;
"""
_ID_AT: Final = 16
_ZONE_AT: Final = 8


@dataclass(frozen=True, slots=True)
class Heard:
    """How far a day has been followed."""

    horizon: int
    data_at: datetime
    settings: str


class Overlay:
    """Rows newer than those of the bundles, by day."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises sqlite3.Error or OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=1.0, check_same_thread=False)
        path.chmod(0o600)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._db.execute("pragma secure_delete = on")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def fact(self, name: str) -> str:
        """A fact by its name; empty where it is not known."""
        row = self._db.execute("select value from facts where name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def facts_of(self, which: str) -> dict[date, str]:
        """The facts of this name that are of a day, by the day."""
        query = "select name, value from facts where name like ?"
        found = self._db.execute(query, (f"____-__-__ {which}",))
        return {date.fromisoformat(name[:10]): value for name, value in found}

    def set_fact(self, name: str, value: str) -> None:
        """Keep a fact."""
        with self._db:
            self._db.execute("insert or replace into facts values (?, ?)", (name, value))

    def heard(self, day: date) -> Heard | None:
        """How far a day has been followed; None: not at all."""
        row = self._db.execute(
            "select horizon, data_at, settings from days where day = ?", (day.isoformat(),)
        ).fetchone()
        return Heard(row[0], datetime.fromisoformat(row[1]), row[2]) if row else None

    def begin(self, day: date, heard: Heard) -> None:
        """Follow a day from a bundle on: what was heard before is in it."""
        with self._db:
            self._forget(day)
            self._db.execute("insert into days values (?, ?, ?, ?)", _day_values(day, heard))

    def take(
        self,
        day: date,
        heard: Heard,
        tickets: Sequence[bytes],
        zones: Sequence[bytes],
        lists: Mapping[str, str],
    ) -> None:
        """Rows as they are at a horizon; a ticket brings all its zone rights.

        ``lists`` by name, each whole, as `list_of` gives them.
        """
        name = day.isoformat()
        with self._db:
            self._db.execute(
                "update days set horizon = ?, data_at = ? where day = ?",
                (heard.horizon, heard.data_at.isoformat(), name),
            )
            self._db.executemany(
                "insert or replace into facts values (?, ?)",
                ((f"{name} {which}", text) for which, text in lists.items()),
            )
            ids = [(name, ticket_id(row)) for row in tickets]
            self._db.executemany("delete from zones where day = ? and ticket_id = ?", ids)
            self._db.executemany(
                "insert or replace into tickets values (?, ?, ?, ?)",
                ((*key, row[:_ID_AT], row) for key, row in zip(ids, tickets, strict=True)),
            )
            self._db.executemany(
                "insert or replace into zones values (?, ?, ?, ?)",
                ((name, _number(row, 0, 8), _number(row, _ZONE_AT, 4), row) for row in zones),
            )

    def list_of(self, day: date, which: str) -> str | None:
        """A list that is newer than the bundle's; None: none has been heard."""
        query = "select value from facts where name = ?"
        row = self._db.execute(query, (f"{day.isoformat()} {which}",)).fetchone()
        return str(row[0]) if row else None

    def of_holder(self, day: date, holder: bytes) -> list[BundleTicket]:
        """The newer rows under one hash."""
        found = self._db.execute(
            "select row from tickets where day = ? and holder = ?", (day.isoformat(), holder)
        )
        return [unpack_ticket(row[0]) for row in found]

    def of_ticket(self, day: date, ticket_id: int) -> BundleTicket | None:
        """The newer row of a ticket."""
        row = self._db.execute(
            "select row from tickets where day = ? and id = ?", (day.isoformat(), ticket_id)
        ).fetchone()
        return unpack_ticket(row[0]) if row else None

    def ids(self, day: date) -> Iterator[int]:
        """The tickets that there are newer rows of."""
        query = "select id from tickets where day = ?"
        return (int(row[0]) for row in self._db.execute(query, (day.isoformat(),)))

    def zones_of(self, day: date, ticket_id: int) -> list[BundleZone]:
        """The newer zone rights of a ticket."""
        found = self._db.execute(
            "select row from zones where day = ? and ticket_id = ? order by zone_id",
            (day.isoformat(), ticket_id),
        )
        return [unpack_zone(row[0]) for row in found]

    def count(self, day: date) -> int:
        """How many rows are newer than the bundle's."""
        values = (day.isoformat(),)
        query = "select count(*) from tickets where day = ?"
        return int(self._db.execute(query, values).fetchone()[0])

    def forget(self, day: date) -> None:
        """The day is over."""
        with self._db:
            self._forget(day)

    def days(self) -> list[date]:
        """The days that something is kept of."""
        return [date.fromisoformat(row[0]) for row in self._db.execute("select day from days")]

    def wipe(self) -> None:
        """Forget everything, the centre's key too."""
        with self._db:
            for table in ("facts", "days", "tickets", "zones"):
                self._db.execute(f"delete from {table}")  # noqa: S608 - our own names
        self._db.execute("pragma wal_checkpoint(truncate)")

    def _forget(self, day: date) -> None:
        for table in ("days", "tickets", "zones"):
            self._db.execute(f"delete from {table} where day = ?", (day.isoformat(),))  # noqa: S608 - our own names
        self._db.execute("delete from facts where name like ?", (f"{day.isoformat()} %",))


def ticket_id(row: bytes) -> int:
    """The ticket of a packed row."""
    return _number(row, _ID_AT, 8)


def _day_values(day: date, heard: Heard) -> tuple[str, int, str, str]:
    return day.isoformat(), heard.horizon, heard.data_at.isoformat(), heard.settings


def _number(row: bytes, begins: int, octets: int) -> int:
    return int.from_bytes(row[begins : begins + octets], "big")
