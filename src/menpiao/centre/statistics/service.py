"""Live figures of a site: people inside, flow by five minutes, and where visitors come from."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import asyncpg

from menpiao.centre.doors.passes import make_pass, read_pass
from menpiao.domain.document import AGE_BANDS
from menpiao.domain.flow import inside, instant_level
from menpiao.domain.region import PROVINCES
from menpiao.storage.database import flow
from menpiao.storage.database.catalogue import Catalogue, Site
from menpiao.wire.statistics import LiveFigures, Share, Stretch

TICKET_LIFE = timedelta(minutes=10)
"""How long a page may listen before it must show again who is logged in."""
MAX_AGE_S = 0.9
"""Figures are read once for all who look, and again when they are older."""
MAX_CITIES = 20


class UnknownSiteError(LookupError):
    """No such site."""


class StatisticsService:
    """Folds admissions into roll-ups, and reads them (patent part 2)."""

    def __init__(
        self, pool: asyncpg.Pool, catalogue: Catalogue, clock: Callable[[], datetime]
    ) -> None:
        """Work on this data store; ``clock`` gives aware times."""
        self._pool = pool
        self._catalogue = catalogue
        self._clock = clock
        self._kept: dict[int, tuple[float, LiveFigures]] = {}
        self._reading = asyncio.Lock()

    def now(self) -> datetime:
        """The time by which tickets of this service are judged."""
        return self._clock()

    async def live(self, site_id: int) -> LiveFigures:
        """The figures of a site, at most about a second old.

        Raises:
            UnknownSiteError: there is no such site.
        """
        async with self._reading:
            kept = self._kept.get(site_id)
            if kept is None or time.monotonic() - kept[0] > MAX_AGE_S:
                kept = time.monotonic(), await self._read(site_id)
                self._kept[site_id] = kept
            return kept[1]

    async def fold_all(self) -> int:
        """Fold every site once; how many admissions were folded."""
        snapshot = await self._catalogue.current()
        folded = 0
        for site in snapshot.sites.values():
            async with self._pool.acquire() as connection, connection.transaction():
                folded += await flow.fold(connection, site.id, site.zone)
        return folded

    async def _read(self, site_id: int) -> LiveFigures:
        site = (await self._catalogue.current()).sites.get(site_id)
        if site is None:
            raise UnknownSiteError(site_id)
        day = self._clock().astimezone(site.zone).date()
        # One snapshot, so that the flow and its description agree.
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            buckets = await flow.buckets_of(connection, site_id, day, site.zone)
            visitors = await flow.visitors_of(connection, site_id, day)
        return _figures(site, day.isoformat(), buckets, visitors)


def _figures(
    site: Site, day: str, buckets: Sequence[flow.Bucket], visitors: Sequence[flow.Visitors]
) -> LiveFigures:
    entries, exits = sum(b.entries for b in buckets), sum(b.exits for b in buckets)
    people = inside(entries, exits)
    ages = _count((v.age_band, v.people) for v in visitors)
    return LiveFigures(
        site_id=site.id,
        site=site.name,
        site_en=site.name_en or site.name,
        zone=site.zone.key,
        day=day,
        inside=people,
        capacity=site.instant_capacity,
        level=instant_level(people, site.instant_capacity),
        entries=entries,
        exits=exits,
        refused=sum(b.refused for b in buckets),
        visitors=sum(v.people for v in visitors),
        buckets=[
            Stretch(start=b.start, entries=b.entries, exits=b.exits, refused=b.refused)
            for b in buckets
        ],
        provinces=_ranked(_count((v.province, v.people) for v in visitors), _place_names),
        cities=_ranked(
            _count((v.city, v.people) for v in visitors if v.city), lambda name: (name, name)
        )[:MAX_CITIES],
        age_bands=[
            Share(code=b.code, zh=b.label.zh, en=b.label.en, people=ages[b.code]) for b in AGE_BANDS
        ]
        + ([_share("", ages[""], _sex_names)] if ages[""] else []),
        sexes=_ranked(_count((v.sex, v.people) for v in visitors), _sex_names),
    )


def _count(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for code, people in pairs:
        counted[code] += people
    return counted


def _ranked(counted: Counter[str], names: Callable[[str], tuple[str, str]]) -> list[Share]:
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [_share(code, people, names) for code, people in ranked]


def _share(code: str, people: int, names: Callable[[str], tuple[str, str]]) -> Share:
    zh, en = names(code)
    return Share(code=code, zh=zh, en=en, people=people)


def _place_names(code: str) -> tuple[str, str]:
    province = PROVINCES.get(code)
    return (province.zh, province.en) if province else ("境外或未知", "Abroad or not known")


def _sex_names(code: str) -> tuple[str, str]:
    return {"male": ("男", "Male"), "female": ("女", "Female")}.get(code, ("未知", "Not known"))


def make_ticket(key: bytes, site_id: int, now: datetime) -> str:
    """A ticket with which a browser may look at one site for ``TICKET_LIFE``."""
    return make_pass(key, (site_id,), now + TICKET_LIFE)


def read_ticket(key: bytes, ticket: str, now: datetime) -> tuple[int, float] | None:
    """Site, and seconds left; None: not a ticket of ours, or no longer."""
    found = read_pass(key, ticket, now)
    if found is None:
        return None
    [site_id], left_s = found
    return site_id, left_s
