"""What operators have arranged (sites, gates, products, devices), read into one snapshot.

The snapshot is read again when it is older than ``MAX_AGE_S``, so that a change in the console is
everywhere within seconds and no request waits for the set-up tables.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import asyncpg

from menpiao.domain.admission import Direction, Gate
from menpiao.domain.product import PriceRule, Product
from menpiao.domain.ticket import Reentry
from menpiao.storage.database.admissions import TicketTerms

MAX_AGE_S = 2.0


@dataclass(frozen=True, slots=True)
class Site:
    """A scenic area as the servers know it."""

    id: int
    code: str
    name: str
    name_en: str
    zone: ZoneInfo
    address: str
    phone: str
    day_capacity: int
    instant_capacity: int
    terms: str
    terms_en: str
    is_open: bool


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
    gates: dict[int, Gate] = field(default_factory=dict)
    products: dict[int, Product] = field(default_factory=dict)
    devices: dict[int, Device] = field(default_factory=dict)
    terms: dict[int, TicketTerms] = field(default_factory=dict)

    def default_site(self) -> Site:
        """The site of an installation that has one; the first of one that has more."""
        return self.sites[min(self.sites)]


class Catalogue:
    """The current snapshot."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Read from this database."""
        self._pool = pool
        self._snapshot: Snapshot | None = None
        self._read_at = 0.0
        self._lock = asyncio.Lock()

    async def current(self, *, fresh: bool = False) -> Snapshot:
        """A snapshot at most ``MAX_AGE_S`` old; ``fresh``: read now."""
        if self._snapshot is not None and not fresh and not self._stale():
            return self._snapshot
        async with self._lock:
            if self._snapshot is None or fresh or self._stale():
                self._snapshot = await self._read()
                self._read_at = time.monotonic()
        return self._snapshot

    def _stale(self) -> bool:
        # While nothing is arranged yet, the first thing that is must be seen at once.
        nothing = self._snapshot is None or not self._snapshot.sites
        return nothing or time.monotonic() - self._read_at >= MAX_AGE_S

    async def _read(self) -> Snapshot:
        async with self._pool.acquire() as connection:
            sites = {r["id"]: _site(r) for r in await connection.fetch("SELECT * FROM site")}
            gates = {r["id"]: _gate(r, sites) for r in await connection.fetch("SELECT * FROM gate")}
            products = await _products(connection)
            devices = await _devices(connection)
        terms = {
            p.id: TicketTerms(p.name, p.name_en, p.reentry, p.gate_ids) for p in products.values()
        }
        return Snapshot(sites, gates, products, devices, terms)


def _site(row: asyncpg.Record) -> Site:
    names = (
        "id code name name_en address phone day_capacity instant_capacity terms terms_en is_open"
    )
    return Site(zone=ZoneInfo(row["zone"]), **{name: row[name] for name in names.split()})


def _gate(row: asyncpg.Record, sites: dict[int, Site]) -> Gate:
    return Gate(
        id=row["id"],
        site_id=row["site_id"],
        name=row["name"],
        name_en=row["name_en"],
        direction=Direction(row["direction"]),
        people_per_scan=row["people_per_scan"],
        early_grace_s=row["early_grace_s"],
        late_grace_s=row["late_grace_s"],
        is_open=row["is_open"] and sites[row["site_id"]].is_open,
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
        )
        rules.setdefault(r["product_id"], []).append(rule)
    gates: dict[int, set[int]] = {}
    for r in await connection.fetch("SELECT product_id, gate_id FROM product_gates"):
        gates.setdefault(r["product_id"], set()).add(r["gate_id"])
    rows = await connection.fetch(
        "SELECT *, ARRAY(SELECT jsonb_array_elements_text(document_types)) AS kinds"
        " FROM product ORDER BY position, id"
    )
    same = (
        "id site_id code name name_en kind product_class price_fen people_per_order"
        " people_per_document sale_days sale_ends_s minor_age on_sale"
    )
    return {
        r["id"]: Product(
            reentry=Reentry(r["reentry"]),
            document_types=frozenset(r["kinds"]),
            gate_ids=frozenset(gates.get(r["id"], ())),
            rules=tuple(rules.get(r["id"], ())),
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
