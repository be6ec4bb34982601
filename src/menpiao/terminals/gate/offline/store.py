"""The bundles of a lane, with what was heard since: what it knows at this moment.

Used by one thread; downloads are made elsewhere and handed over whole.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
import structlog

from menpiao.domain.admission import Direction
from menpiao.domain.ticket import Ticket
from menpiao.terminals.gate.offline.files import BundleError, DayBundle, open_bundle
from menpiao.terminals.gate.offline.holding import Holding, holding_of, places_text
from menpiao.terminals.gate.offline.overlay import Heard, Overlay, ticket_id
from menpiao.terminals.gate.offline.rows import Rules, ticket_of
from menpiao.wire.bundle import TICKET, ZONE, BundleTicket, Manifest, rows_of
from menpiao.wire.check import Changes, Follow

log = structlog.get_logger(__name__)

_NIGHT: Final = timedelta(hours=6)
"""So long after midnight people of the day before are still let out."""
_AHEAD: Final = timedelta(minutes=2)
"""A clock this far behind what was heard last cannot be believed."""
_LISTS: Final = ("barred", "places")
_GOOD_AT, _REFUSED = "good_at", "refused"
_HEAVY: Final = 20_000
"""Newer rows than this are better fetched as a new bundle."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The centre's newest rules of a day are not those that are gone by here.

    ``kind``: ``newer`` than this program, or ``unusable``; ``good_at``: when those that are gone
    by were the centre's for the last time, as far as is known: the day's data is no younger.
    """

    kind: str
    why: str
    good_at: datetime | None


@dataclass(frozen=True, slots=True)
class Known:
    """What a lane would decide on: ``data_at`` is the centre's time at which it was true.

    ``tickets``: those of the bundle, and those heard of since.
    """

    day: date
    data_at: datetime
    tickets: int
    horizon: int
    alone: str
    exits: frozenset[int]

    def lets_out(self, gate_id: int) -> bool:
        """Whether a gate leads out: there people are let out whatever a lane alone may do."""
        return gate_id in self.exits


class Store:
    """Bundles by day, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        """Open what is there; raises sqlite3.Error or OSError."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._overlay = Overlay(folder / "heard.sqlite3")
        self._bundles: dict[date, DayBundle] = {}
        self._holding: dict[date, Holding] = {}
        self._fresh: dict[date, set[int]] = {}
        self._refused = self._kept_refused()
        for path in sorted(folder.glob("????-??-??.bundle")):
            self._open(date.fromisoformat(path.stem))

    def close(self) -> None:
        """Let go of the files."""
        for bundle in self._bundles.values():
            bundle.close()
        self._bundles.clear()
        self._overlay.close()

    @property
    def key(self) -> str:
        """The centre's key that bundles are held to; empty before it is known."""
        return self._overlay.fact("bundle_key")

    @property
    def offset(self) -> timedelta:
        """How far the centre's clock was ahead of this one when they last met."""
        return timedelta(seconds=float(self._overlay.fact("offset_s") or 0))

    def met(self, key: str, offset: timedelta) -> None:
        """The centre has greeted: its key is pinned at the first time, its clock compared."""
        self._overlay.set_fact("offset_s", str(offset.total_seconds()))
        if key and not self.key:
            self._overlay.set_fact("bundle_key", key)
        elif key and key != self.key:
            # Another centre, or somebody who says so: whoever knows deletes the folder.
            log.error("bundle_key_changed")

    def path_of(self, day: date) -> Path:
        """Where the bundle of a day lies."""
        return self._folder / f"{day}.bundle"

    def manifest(self, day: date) -> Manifest | None:
        """The manifest of a day's bundle."""
        bundle = self._bundles.get(day)
        return bundle.manifest if bundle else None

    def is_heavy(self, day: date) -> bool:
        """Whether so much has been heard that a new bundle is the smaller thing."""
        return self._overlay.count(day) > _HEAVY

    @property
    def refused(self) -> Refused | None:
        """Rules that were refused and are the centre's still; of several days the first."""
        return self._refused[min(self._refused)] if self._refused else None

    def accept(self, day: date, now: datetime) -> None:
        """The rules of a day are the centre's now, or are about to be fetched."""
        self._overlay.set_fact(f"{day} {_GOOD_AT}", now.isoformat())
        if self._refused.pop(day, None) is not None:
            self._overlay.set_fact(f"{day} {_REFUSED}", "")

    def refuse(self, day: date, kind: str, why: str) -> None:
        """The rules of a day are not what the centre goes by, for this reason; kept on disk."""
        text = self._overlay.fact(f"{day} {_GOOD_AT}")
        bundle = self._bundles.get(day)
        made_at = bundle.manifest.made_at if bundle else None
        refused = Refused(kind, why, datetime.fromisoformat(text) if text else made_at)
        if self._refused.get(day) != refused:
            self._overlay.set_fact(f"{day} {_REFUSED}", msgspec.json.encode(refused).decode())
            self._refused[day] = refused

    def _kept_refused(self) -> dict[date, Refused]:
        kept = self._overlay.facts_of(_REFUSED)
        return {day: msgspec.json.decode(text, type=Refused) for day, text in kept.items() if text}

    def install(self, day: date) -> None:
        """A new file lies in the place of a day.

        Raises:
            BundleError: it cannot be used; then the one before has gone with it.
        """
        self._drop(day)
        self._open(day)
        if day not in self._bundles:
            raise BundleError("the new bundle cannot be used")

    def _open(self, day: date) -> None:
        try:
            bundle = open_bundle(self.path_of(day), self.key)
        except (BundleError, OSError) as error:
            log.warning("bundle_unusable", day=str(day), text=str(error))
            self.path_of(day).unlink(missing_ok=True)
            return
        manifest = bundle.manifest
        if manifest.day != day:
            log.warning("bundle_of_another_day", day=str(day))
            bundle.close()
            return
        heard = self._overlay.heard(day)
        # What was heard by the same rules and is newer than the bundle goes on standing.
        same = heard is not None and heard.settings == manifest.settings
        if heard is None or not same or heard.horizon < manifest.horizon:
            fresh = Heard(manifest.horizon, manifest.made_at, manifest.settings)
            self._overlay.begin(day, fresh)
        self._bundles[day] = bundle
        self._fresh[day] = set()
        self._count(day, self._overlay.ids(day))
        self._holding[day] = self._lists(day, manifest)
        log.info("bundle_ready", day=str(day), tickets=manifest.tickets, horizon=manifest.horizon)

    def _lists(self, day: date, manifest: Manifest) -> Holding:
        barred, places = (self._overlay.list_of(day, which) for which in _LISTS)
        # Both are what the bundle's signature or `take` has been held to.
        return holding_of(
            manifest.barred if barred is None else barred,
            places_text(manifest.places) if places is None else places,
        )

    def _drop(self, day: date) -> None:
        self._holding.pop(day, None)
        self._fresh.pop(day, None)
        bundle = self._bundles.pop(day, None)
        if bundle is not None:
            bundle.close()

    def follows(self) -> list[Follow]:
        """What to ask the centre to send."""
        found = []
        for day in sorted(self._bundles):
            heard = self._overlay.heard(day)
            if heard is not None:
                found.append(Follow(day=day, horizon=heard.horizon))
        return found

    def take(self, changes: Changes) -> bool:
        """Keep what has changed; False: it does not follow on what is known, so ask again."""
        heard = self._overlay.heard(changes.day)
        if heard is None or changes.day not in self._bundles:
            return True
        if changes.since > heard.horizon or changes.horizon < changes.since:
            return False
        lists = _lists_in(changes)
        try:
            tickets = rows_of(base64.b64decode(changes.tickets), TICKET)
            zones = rows_of(base64.b64decode(changes.zones), ZONE)
            holding_of(lists.get("barred", ""), lists.get("places", "[]"))
        except ValueError:
            log.warning("changes_unusable", day=str(changes.day))
            return False
        after = Heard(changes.horizon, changes.at, heard.settings)
        if changes.horizon < heard.horizon:
            # Rows that are said again after a new link; of them what is newer stands.
            after, tickets, zones = heard, [], []
        self._overlay.take(changes.day, after, tickets, zones, lists)
        self._count(changes.day, map(ticket_id, tickets))
        if lists:
            manifest = self._bundles[changes.day].manifest
            self._holding[changes.day] = self._lists(changes.day, manifest)
        return True

    def _count(self, day: date, heard: Iterable[int]) -> None:
        """Of these tickets those that were sold since the bundle was made."""
        bundle = self._bundles[day]
        for number in heard:
            if bundle.content.of_ticket(number) is None:
                self._fresh[day].add(number)
            bundle.looked()

    def holding(self, day: date) -> Holding:
        """What holds people back on a day that there is a bundle of."""
        return self._holding[day]

    def rules(self, day: date) -> Rules | None:
        """The rules of a day; None: there is no bundle of it."""
        bundle = self._bundles.get(day)
        return bundle.rules if bundle else None

    def day_of(self, now: datetime) -> date | None:
        """The site's date, if there is a bundle that can tell its zone."""
        for bundle in self._bundles.values():
            return bundle.rules.today(now)
        return None

    def known(self, now: datetime, oldest: timedelta) -> Known | None:
        """What may be decided on now; None: nothing, or nothing young enough."""
        day = self.day_of(now)
        bundle = self._bundles.get(day) if day else None
        heard = self._overlay.heard(day) if day else None
        if day is None or bundle is None or heard is None:
            return None
        # By rules that are the centre's no more, nothing is as young as its rows.
        refused = self._refused.get(day)
        good_at = refused.good_at if refused else None
        data_at = min(heard.data_at, good_at) if good_at else heard.data_at
        if now - data_at > oldest or heard.data_at - now > _AHEAD:
            return None
        manifest = bundle.manifest
        exits = frozenset(g.id for g in manifest.gates if g.direction == Direction.EXIT)
        tickets = manifest.tickets + len(self._fresh[day])
        return Known(day, data_at, tickets, heard.horizon, manifest.alone, exits)

    def rows(self, day: date, holder: bytes) -> list[BundleTicket]:
        """The rows of a holder, the newest of each ticket."""
        bundle = self._bundles.get(day)
        if bundle is None:
            return []
        newer = {row.id: row for row in self._overlay.of_holder(day, holder)}
        older = [row for row in bundle.content.of_holder(holder) if row.id not in newer]
        kept = [row for row in older if self._overlay.of_ticket(day, row.id) is None]
        return [*newer.values(), *kept]

    def row_of(self, day: date, ticket_id: int) -> list[BundleTicket]:
        """The row of a ticket, the newest there is; none: it is not one of the day's."""
        bundle = self._bundles.get(day)
        if bundle is None:
            return []
        found = self._overlay.of_ticket(day, ticket_id) or bundle.content.of_ticket(ticket_id)
        return [] if found is None else [found]

    def tickets(self, day: date, rows: Sequence[BundleTicket]) -> list[Ticket]:
        """Rows as tickets, with their zone rights."""
        bundle = self._bundles[day]
        found = []
        for row in rows:
            if self._overlay.of_ticket(day, row.id) is None:
                zones = bundle.content.zones_of(row.id)
            else:
                zones = self._overlay.zones_of(day, row.id)
            found.append(ticket_of(row, zones, bundle.rules))
        bundle.looked()
        return found

    def prune(self, now: datetime) -> None:
        """Delete days that are over."""
        today = self.day_of(now)
        if today is None:
            return
        eve = self.day_of(now - _NIGHT) or today
        for day in {*self._bundles, *self._overlay.days(), *self._refused}:
            if day < min(today, eve):
                self._drop(day)
                self._refused.pop(day, None)
                self._overlay.forget(day)
                self.path_of(day).unlink(missing_ok=True)

    def wipe(self) -> None:
        """Delete all that the centre gave: this terminal is no longer one of its."""
        for day in list(self._bundles):
            self._drop(day)
        for path in self._folder.glob("????-??-??.*"):
            path.unlink(missing_ok=True)
        self._overlay.wipe()
        self._refused.clear()
        log.warning("bundles_wiped")


def _lists_in(changes: Changes) -> dict[str, str]:
    lists = {}
    if changes.barred is not None:
        lists["barred"] = changes.barred
    if changes.places is not None:
        lists["places"] = places_text(changes.places)
    return lists
