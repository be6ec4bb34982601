"""What holds people back besides their tickets, as lanes need it: barred documents, full places."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

import asyncpg
import msgspec

from menpiao.domain.document import Document, DocumentType
from menpiao.domain.identity import day_hash
from menpiao.storage.crypto import OpenError, Vault
from menpiao.storage.database import barred, bundles
from menpiao.storage.database.barred import Numbered
from menpiao.storage.database.bundles import Sealed
from menpiao.storage.database.catalogue import Site, Snapshot
from menpiao.wire.bundle import pack_barred
from menpiao.wire.check import PlaceCount

_KEPT: Final = timedelta(days=2)


@dataclass(slots=True)
class _Day:
    """What is known of a site's day; ``hashes``: the day's hash by the holder's.

    ``packed``: of ``wished``, the barred holders as last seen.
    """

    hashes: dict[bytes, bytes] = field(default_factory=dict)
    wished: dict[bytes, datetime | None] = field(default_factory=dict)
    seen: Snapshot | None = None
    packed: str = ""


class Holding:
    """Makes the two lists for a site and day; asked often, it works only when something changes."""

    def __init__(self, pool: asyncpg.Pool, vault: Vault) -> None:
        """Read from this database and hash with these keys."""
        self._pool = pool
        self._vault = vault
        self._days: dict[tuple[int, date], _Day] = {}

    async def barred(self, snapshot: Snapshot, site_id: int, day: date) -> str:
        """The barred documents of a site under the key of a day, packed.

        A document's hash for the day is made from its sealed number. An entry of the time when none
        was kept is known by any ticket of its holder; without one, only the centre knows it.
        """
        kept = self._days.setdefault((site_id, day), _Day())
        if kept.seen is snapshot:
            return kept.packed
        wished = {holder: u for (site, holder), u in snapshot.barred.items() if site == site_id}
        missing = [holder for holder in wished if holder not in kept.hashes]
        if missing:
            key = self._vault.day_key(site_id, day)
            listed = await barred.numbers(self._pool, site_id, missing)
            rest = [holder for holder in missing if holder not in listed]
            holders = await bundles.holders(self._pool, site_id, rest) if rest else {}
            kept.hashes |= await asyncio.to_thread(self._hashed, listed, holders, key)
        if missing or wished != kept.wished:
            found = {kept.hashes[h]: _until(u) for h, u in wished.items() if h in kept.hashes}
            kept.wished, kept.packed = wished, pack_barred(found)
        kept.seen = snapshot
        self._forget(day)
        return kept.packed

    def _hashed(
        self, listed: Mapping[bytes, Numbered], holders: Mapping[bytes, Sealed], key: bytes
    ) -> dict[bytes, bytes]:
        rows: dict[bytes, Sealed | Numbered] = {**holders, **listed}
        found = {holder: hash_of(self._vault, row, key) for holder, row in rows.items()}
        return {holder: made for holder, made in found.items() if made is not None}

    def _forget(self, day: date) -> None:
        for place in [p for p in self._days if day - p[1] > _KEPT]:
            del self._days[place]


def hash_of(vault: Vault, row: Sealed | Numbered, key: bytes) -> bytes | None:
    """The day's hash of a ticket's holder, or of a barred document; None: it does not open."""
    try:
        number = _number(vault, row)
    except OpenError:
        # The centre still knows both; a row moved by hand is no right, and bars nobody else.
        return None
    return day_hash(key, Document(DocumentType(row.document_type), number))


def _number(vault: Vault, row: Sealed | Numbered) -> str:
    """Of a ticket's holder more is sealed than the number; raises OpenError."""
    if isinstance(row, Numbered):
        return vault.open(row.document_sealed, barred.number_place(row.id))
    holder = vault.open(row.holder_sealed, f"ticket.holder:{row.id}")
    return str(msgspec.json.decode(holder)["number"])


def places(snapshot: Snapshot, site: Site, day: date, now: datetime) -> Sequence[PlaceCount]:
    """The places of a site with a ceiling; only of today anybody has been counted."""
    today = day == now.astimezone(site.zone).date()
    return [
        PlaceCount(
            zone_id=zone_id,
            ceiling=ceiling,
            people=snapshot.inside.get((site_id, zone_id), 0) if today else 0,
        )
        for (site_id, zone_id), ceiling in sorted(snapshot.ceilings.items())
        if site_id == site.id
    ]


def _until(at: datetime | None) -> int:
    return 0 if at is None else math.ceil(at.timestamp())
