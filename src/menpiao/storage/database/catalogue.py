"""What operators have arranged (sites, gates, products, devices), read into one snapshot.

The snapshot is never older than ``MAX_AGE_S`` as it is used, so that a change in the console is
everywhere within seconds. Where it is asked for often it is read ahead of that age, and no request
waits for the set-up tables.
"""

import asyncio
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg

from menpiao.domain.admission import Gate
from menpiao.domain.capacity import is_full
from menpiao.domain.product import PriceRule, Product
from menpiao.domain.refund import FREE_UNTIL_END, RefundPolicy, RefundStep
from menpiao.domain.ticket import Reentry
from menpiao.storage.database import gate_rules
from menpiao.storage.database.admissions import TicketTerms
from menpiao.storage.database.ahead import Ahead

MAX_AGE_S = 2.0
_RENEW_AGE_S = 1.0


@dataclass(frozen=True, slots=True)
class Site:
    """A scenic area as the servers know it."""

    id: int
    code: str
    name: str
    name_en: str
    zone: ZoneInfo
    address: str
    address_en: str
    phone: str
    day_capacity: int
    instant_capacity: int
    terms: str
    terms_en: str
    is_open: bool
    alone: str
    holds_when_full: bool


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of a site with gates of its own; ``instant_capacity`` 0: no ceiling."""

    id: int
    site_id: int
    name: str
    name_en: str
    instant_capacity: int


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A person of the house who may act at a gate; ``pin_hash`` empty: has no PIN."""

    id: int
    site_id: int
    badge: str
    role: str
    pin_hash: str


@dataclass(frozen=True, slots=True)
class Device:
    """An enrolled terminal."""

    id: int
    site_id: int
    name: str
    public_key: bytes
    revoked_at: datetime | None
    gate_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything arranged, at one moment."""

    sites: dict[int, Site] = field(default_factory=dict)
    """By id, in its order."""
    gates: dict[int, Gate] = field(default_factory=dict)
    products: dict[int, Product] = field(default_factory=dict)
    devices: dict[int, Device] = field(default_factory=dict)
    terms: dict[int, TicketTerms] = field(default_factory=dict)
    zones: dict[int, Zone] = field(default_factory=dict)
    staff: dict[tuple[int, str], StaffMember] = field(default_factory=dict)
    """By site and badge."""
    inside: dict[tuple[int, int], int] = field(default_factory=dict)
    """People in a place today, by site and zone (0: the site), as the roll-ups have them."""
    barred: dict[tuple[int, bytes], datetime | None] = field(default_factory=dict)
    """Holders that are not to be let in, by site and hash, and until when; None: for good."""
    ceilings: dict[tuple[int, int], int] = field(default_factory=dict)
    """Of places at which people are held back, by site and zone (0: the site)."""

    def default_site(self) -> Site:
        """The site of an installation that has one; the first of one that has more."""
        return next(iter(self.sites.values()))


class Catalogue:
    """The current snapshot."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Read from this database."""
        self._pool = pool
        self._snapshot: Snapshot | None = None
        self._read_at = 0.0
        self._lock = asyncio.Lock()
        self._ahead = Ahead()

    def at_hand(self) -> Snapshot | None:
        """The snapshot, when it need not be read now."""
        if self._older_than(MAX_AGE_S):
            return None
        if self._older_than(_RENEW_AGE_S):
            self._ahead.run(self._read_ahead)
        return self._snapshot

    async def current(self, *, fresh: bool = False) -> Snapshot:
        """A snapshot at most ``MAX_AGE_S`` old; ``fresh``: read now."""
        known = None if fresh else self.at_hand()
        if known is not None:
            return known
        async with self._lock:
            if self._snapshot is None or fresh or self._older_than(MAX_AGE_S):
                return await self._read()
            return self._snapshot

    def _older_than(self, age_s: float) -> bool:
        # While nothing is arranged yet, the first thing that is must be seen at once.
        nothing = self._snapshot is None or not self._snapshot.sites
        return nothing or time.monotonic() - self._read_at >= age_s

    async def _read_ahead(self) -> None:
        async with self._lock:
            if self._older_than(_RENEW_AGE_S):
                await self._read()

    async def _read(self) -> Snapshot:
        began_at = time.monotonic()
        moment = {"isolation": "repeatable_read", "readonly": True}
        async with self._pool.acquire() as connection, connection.transaction(**moment):
            self._snapshot = await read_snapshot(connection)
        self._read_at = began_at
        return self._snapshot


async def read_snapshot(connection: asyncpg.Connection) -> Snapshot:
    """Everything arranged, table by table: of one moment only if the caller's transaction is."""
    sites = {r["id"]: _site(r) for r in await connection.fetch("SELECT * FROM site ORDER BY id")}
    zones = {r["id"]: _zone(r) for r in await connection.fetch("SELECT * FROM zone")}
    inside = await _inside(connection, sites)
    ceilings = _ceilings(sites, zones)
    full = {place for place, most in ceilings.items() if is_full(inside.get(place, 0), most)}
    gates = {g.id: _at_site(g, sites, full) for g in await gate_rules.read(connection)}
    products = await _products(connection)
    devices = await _devices(connection)
    staff = [StaffMember(**r) for r in await connection.fetch(_STAFF)]
    barred = {(r["site_id"], r["holder_hash"]): r["until"] for r in await connection.fetch(_BARRED)}
    terms = {
        p.id: TicketTerms(p.name, p.name_en, p.reentry, p.gate_ids, bool(p.zones))
        for p in products.values()
    }
    by_badge = {(person.site_id, person.badge): person for person in staff}
    return Snapshot(
        sites, gates, products, devices, terms, zones, by_badge, inside, barred, ceilings
    )


_STAFF = """
SELECT s.id, s.site_id, s.badge, s.role, s.pin_hash
FROM staff s JOIN auth_user u ON u.id = s.user_id
WHERE s.badge <> '' AND s.pin_hash <> '' AND u.is_active
"""
_BARRED = """
SELECT site_id, holder_hash, until FROM barred
WHERE lifted_at IS NULL AND (until IS NULL OR until > now())
"""
_INSIDE = """
SELECT coalesce(gg.zone_id, g.zone_id, 0) AS zone_id,
    (sum(b.entries) - sum(b.exits))::int AS people
FROM flow_bucket b JOIN gate g ON g.id = b.gate_id LEFT JOIN gate_group gg ON gg.id = g.group_id
WHERE b.site_id = $1 AND b.bucket >= $2 GROUP BY 1
"""


def _site(row: asyncpg.Record) -> Site:
    names = (
        "id code name name_en address address_en phone day_capacity instant_capacity terms"
        " terms_en is_open alone holds_when_full"
    )
    return Site(zone=ZoneInfo(row["zone"]), **{name: row[name] for name in names.split()})


def _zone(row: asyncpg.Record) -> Zone:
    names = "id site_id name name_en instant_capacity"
    return Zone(**{name: row[name] for name in names.split()})


async def _inside(
    connection: asyncpg.Connection, sites: dict[int, Site]
) -> dict[tuple[int, int], int]:
    """People in each place since its midnight; a site that holds nobody back is not counted."""
    found: dict[tuple[int, int], int] = {}
    for site in sites.values():
        if site.holds_when_full:
            now = datetime.now(UTC).astimezone(site.zone)
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
            for row in await connection.fetch(_INSIDE, site.id, midnight):
                found[site.id, row["zone_id"]] = row["people"]
    return found


def _ceilings(sites: dict[int, Site], zones: dict[int, Zone]) -> dict[tuple[int, int], int]:
    """The ceilings of places where the site holds people back."""
    found = {(s.id, 0): s.instant_capacity for s in sites.values() if s.holds_when_full}
    for zone in zones.values():
        if zone.instant_capacity and sites[zone.site_id].holds_when_full:
            found[zone.site_id, zone.id] = zone.instant_capacity
    return found


def _at_site(gate: Gate, sites: dict[int, Site], full: set[tuple[int, int]]) -> Gate:
    site = sites[gate.site_id]
    offset = datetime.now(UTC).astimezone(site.zone).utcoffset() or timedelta()
    return replace(
        gate,
        is_open=gate.is_open and site.is_open,
        is_full=(site.id, gate.zone_id) in full,
        utc_offset_s=int(offset.total_seconds()),
    )


async def _products(connection: asyncpg.Connection) -> dict[int, Product]:
    rules: dict[int, list[PriceRule]] = {}
    for r in await connection.fetch(
        "SELECT *, ARRAY(SELECT jsonb_array_elements_text(document_types)) AS kinds,"
        " ARRAY(SELECT jsonb_array_elements_text(provinces)) AS origins FROM price_rule ORDER BY id"
    ):
        rule = PriceRule(
            code=r["code"],
            name=r["name"],
            name_en=r["name_en"],
            age_from=r["age_from"],
            age_below=r["age_below"],
            document_types=frozenset(r["kinds"]),
            provinces=frozenset(r["origins"]),
            price_fen=r["price_fen"],
            evidence=r["evidence"],
            evidence_en=r["evidence_en"],
            checked_at_gate=r["checked_at_gate"],
        )
        rules.setdefault(r["product_id"], []).append(rule)
    gates: dict[int, set[int]] = {}
    for r in await connection.fetch("SELECT product_id, gate_id FROM product_gates"):
        gates.setdefault(r["product_id"], set()).add(r["gate_id"])
    zones: dict[int, list[tuple[int, int]]] = {}
    for r in await connection.fetch(
        "SELECT product_id, zone_id, entries FROM product_zone ORDER BY zone_id"
    ):
        zones.setdefault(r["product_id"], []).append((r["zone_id"], r["entries"]))
    refunds: dict[int, list[RefundStep]] = {}
    for r in await connection.fetch("SELECT product_id, before_end_s, percent FROM refund_step"):
        step = RefundStep(r["before_end_s"], r["percent"])
        refunds.setdefault(r["product_id"], []).append(step)
    rows = await connection.fetch(
        "SELECT *, ARRAY(SELECT jsonb_array_elements_text(document_types)) AS kinds"
        " FROM product ORDER BY position, id"
    )
    same = (
        "id site_id code name name_en kind product_class price_fen people_per_order"
        " people_per_document sale_days sale_ends_s minor_age on_sale valid_days visits"
    )
    return {
        r["id"]: Product(
            reentry=Reentry(r["reentry"]),
            document_types=frozenset(r["kinds"]),
            gate_ids=frozenset(gates.get(r["id"], ())),
            rules=tuple(rules.get(r["id"], ())),
            zones=tuple(zones.get(r["id"], ())),
            refund=RefundPolicy(tuple(refunds[r["id"]])) if r["id"] in refunds else FREE_UNTIL_END,
            **{name: r[name] for name in same.split()},
        )
        for r in rows
    }


async def _devices(connection: asyncpg.Connection) -> dict[int, Device]:
    gates: dict[int, set[int]] = {}
    for r in await connection.fetch("SELECT device_id, gate_id FROM device_gates"):
        gates.setdefault(r["device_id"], set()).add(r["gate_id"])
    return {
        r["id"]: Device(
            id=r["id"],
            site_id=r["site_id"],
            name=r["name"],
            public_key=bytes(r["public_key"]),
            revoked_at=r["revoked_at"],
            gate_ids=frozenset(gates.get(r["id"], ())),
        )
        for r in await connection.fetch("SELECT * FROM device")
    }
