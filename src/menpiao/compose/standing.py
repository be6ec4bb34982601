"""What of the drawing stands: which parts hold code, and which pages and doors are served."""

import pkgutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import import_module
from zoneinfo import ZoneInfo

import msgspec
from starlette.routing import Mount

from menpiao.centre.statistics.service import make_ticket
from menpiao.compose.centre import Centre, CentreApp
from menpiao.storage.database import flow_history
from menpiao.storage.database.catalogue import Site
from menpiao.storage.database.overview import Overview, latest_holders, overview

__all__ = [
    "FlowHistory",
    "Holder",
    "Overview",
    "booked_holders",
    "has_door",
    "has_page",
    "is_built",
    "look_ticket",
    "park_overview",
    "site_of",
]

HOMES = {
    "5": "menpiao.edge.firewall",
    "6": "menpiao.edge.switch",
    "8": "menpiao.edge.private_network",
    "10": "menpiao.storage.files",
    "101": "menpiao.centre.counter",
    "702": "menpiao.centre.counter",
    "704": "menpiao.centre.regulator",
    "706": "menpiao.centre.coupon",
}
"""Parts of the drawing that a release may not have yet, and where their code lives."""


def is_built(numeral: str) -> bool:
    """Whether there is any code behind a numeral."""
    name = HOMES[numeral]
    module = import_module(name)
    if hasattr(module, "__path__"):
        return any(True for _ in pkgutil.iter_modules(module.__path__))
    return any(getattr(thing, "__module__", None) == name for thing in vars(module).values())


def has_page(path: str) -> bool:
    """Whether people find a page at ``path`` of the centre."""
    from django.urls import Resolver404, resolve

    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def has_door(application: CentreApp, path: str) -> bool:
    """Whether machines find a door whose address begins with ``path``."""
    routes = (route for route in application.app.router.routes if not isinstance(route, Mount))
    return any(getattr(route, "path", "").startswith(path) for route in routes)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a ticket was booked for; the demo makes the card of it."""

    ticket_id: int
    document_type: str
    number: str
    name: str
    masked: str

    def __repr__(self) -> str:
        """Never the number or the name."""
        return f"Holder({self.ticket_id})"


def look_ticket(centre: Centre, site_id: int) -> str:
    """A ticket with which a site's live figures may be asked for."""
    return make_ticket(centre.keys.get("live_figures"), site_id, centre.statistics.now())


async def park_overview(centre: Centre, site_id: int) -> Overview:
    """Counts of a site, and the data store's version and size."""
    async with centre.pool.acquire() as connection:
        return await overview(connection, site_id)


async def booked_holders(centre: Centre, site_id: int, limit: int) -> list[Holder]:
    """The holders of the tickets that people booked last in a demonstration."""
    async with centre.pool.acquire() as connection:
        rows = await latest_holders(connection, site_id, limit)
    found = []
    for row in rows:
        text = centre.vault.open(row["holder_sealed"], f"ticket.holder:{row['id']}")
        holder = msgspec.json.decode(text)
        found.append(
            Holder(
                row["id"],
                row["document_type"],
                holder["number"],
                holder["name"],
                row["holder_masked"],
            )
        )
    return found


async def site_of(centre: Centre, site_id: int) -> Site:
    """A site as the servers know it."""
    return (await centre.catalogue.current()).sites[site_id]


class FlowHistory:
    """Days of made-up flow, put where the real figures are: for the demo park alone."""

    def __init__(self, centre: Centre, site_id: int, zone: ZoneInfo) -> None:
        """Write for a site whose days begin in ``zone``."""
        self._centre, self._site_id, self._zone = centre, site_id, zone
        self._buckets: list[flow_history.BucketRow] = []
        self._visitors: list[flow_history.VisitorRow] = []

    async def days(self, first: date) -> set[date]:
        """The days from ``first`` on that have figures already."""
        async with self._centre.pool.acquire() as connection:
            return await flow_history.days_with_flow(connection, self._site_id, self._zone, first)

    def add(
        self,
        day: date,
        stretches: list[tuple[int, int, int, int, int]],
        visitors: list[tuple[str, str, str, str, int]],
    ) -> None:
        """Take a day: stretches of five minutes from local midnight by gate, and descriptions."""
        midnight = datetime.combine(day, time(), self._zone).astimezone(UTC)
        self._buckets += [
            (midnight + timedelta(minutes=5 * n), gate, entries, exits, refused)
            for n, gate, entries, exits, refused in stretches
        ]
        self._visitors += [(day, *row) for row in visitors]

    async def write(self) -> None:
        """Write what was taken, all or nothing."""
        async with self._centre.pool.acquire() as connection, connection.transaction():
            await flow_history.write_days(connection, self._site_id, self._buckets, self._visitors)
