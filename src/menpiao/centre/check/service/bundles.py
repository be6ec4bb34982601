"""Day bundles: made on demand, signed, kept for a while, and followed by what changes."""

import asyncio
import base64
import hashlib
import hmac
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import asyncpg
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from menpiao.centre.check.service.holding import Holding, hash_of, places
from menpiao.domain.reasons import Reason, Refusal
from menpiao.storage.crypto import Vault
from menpiao.storage.database import bundles
from menpiao.storage.database.bundles import Rows, Sealed, Span
from menpiao.storage.database.catalogue import Catalogue, Site, Snapshot
from menpiao.storage.ticket_codes import TicketCodes
from menpiao.wire.bundle import (
    BUNDLE_VERSION,
    TICKET,
    BundleDevice,
    BundleGate,
    BundleProduct,
    Manifest,
    rows_of,
    signed_text,
)
from menpiao.wire.check import Changes

FRESH: Final = timedelta(minutes=10)
"""A bundle younger than this is handed out again: what came since goes over the link."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A manifest and the packed content it describes."""

    manifest: Manifest
    packed: bytes


def signing_key(secret: bytes) -> Ed25519PrivateKey:
    """The key that bundles are signed with, made from a secret of this installation."""
    seed = hmac.digest(secret, b"menpiao-bundle-signing-v1", hashlib.sha256)
    return Ed25519PrivateKey.from_private_bytes(seed)


class BundleService:
    """Makes bundles. One is made at a time for a site and day, whoever asks meanwhile."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        vault: Vault,
        catalogue: Catalogue,
        secret: bytes,
        clock: Callable[[], datetime],
        codes: TicketCodes | None = None,
    ) -> None:
        """Stand on the data store; ``secret`` makes the signing key."""
        self._code_key = codes.public_key if codes else ""
        self._pool = pool
        self._vault = vault
        self._catalogue = catalogue
        self._key = signing_key(secret)
        self._clock = clock
        self._holding = Holding(pool, vault)
        self._kept: dict[tuple[int, date], Bundle] = {}
        self._named: tuple[Snapshot | None, dict[int, str]] = None, {}
        self._locks: dict[tuple[int, date], asyncio.Lock] = {}

    @property
    def public_key(self) -> str:
        """What lanes verify bundles with: raw Ed25519, base64url."""
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return _text(raw)

    async def rules(self, site_id: int) -> str:
        """Names the rules and keys of a site as they are now; another name: look at the manifest.

        Made once for each reading of what is arranged.
        """
        snapshot = await self._catalogue.current()
        seen, names = self._named
        if seen is not snapshot:
            names = {}
            self._named = snapshot, names
        if site_id not in names:
            names[site_id] = _settings(snapshot, snapshot.sites[site_id], self._code_key)
        return names[site_id]

    async def bundle(self, site_id: int, day: date) -> Bundle | Refusal:
        """The bundle of a site's day; only of yesterday, today and tomorrow there is one."""
        snapshot = await self._catalogue.current()
        site, now = snapshot.sites[site_id], self._clock()
        if abs((day - now.astimezone(site.zone).date()).days) > 1:
            return Refusal(Reason.BAD_REQUEST, "yesterday, today or tomorrow", "day")
        place = (site_id, day)
        async with self._locks.setdefault(place, asyncio.Lock()):
            kept = self._kept.get(place)
            settings = _settings(snapshot, site, self._code_key)
            same = kept is not None and kept.manifest.settings == settings
            if kept is not None and same and now - kept.manifest.made_at < FRESH:
                return kept
            made = await self._make(snapshot, site, day, settings)
            self._kept[place] = made
            self._forget(now)
            return made

    def kept(self, site_id: int, day: date, horizon: int) -> Bundle | None:
        """The bundle of this very state, if it is still held."""
        found = self._kept.get((site_id, day))
        return found if found and found.manifest.horizon == horizon else None

    async def changes(self, site_id: int, day: date, since: int) -> Changes:
        """What has changed since a horizon; what holds people back is always in it."""
        snapshot = await self._catalogue.current()
        site = snapshot.sites[site_id]
        span = _span(site, day)
        at = self._clock()
        names = [zh for zh, _ in _evidences(snapshot, site_id)]
        rows = await bundles.changed(self._pool, span, since, names)
        own = await asyncio.to_thread(self._hashed, rows.sealed, span)
        return Changes(
            day=day,
            since=since,
            horizon=rows.horizon,
            at=at,
            tickets=base64.b64encode(rows.packed + b"".join(own)).decode(),
            zones=base64.b64encode(rows.zones_packed).decode(),
            barred=await self._holding.barred(snapshot, site_id, day),
            places=list(places(snapshot, site, day, at)),
        )

    async def _make(self, snapshot: Snapshot, site: Site, day: date, settings: str) -> Bundle:
        span = _span(site, day)
        made_at = self._clock()
        evidences = _evidences(snapshot, site.id)
        rows = await bundles.whole(self._pool, span, [zh for zh, _ in evidences])
        content, packed = await asyncio.to_thread(self._pack, rows, span)
        manifest = Manifest(
            version=BUNDLE_VERSION,
            site_id=site.id,
            site=site.name,
            site_en=site.name_en,
            day=day,
            utc_offset_s=int((made_at.astimezone(site.zone).utcoffset() or timedelta()).seconds),
            horizon=rows.horizon,
            made_at=made_at,
            tickets=rows.tickets + len(content),
            zones=rows.zones,
            size=len(packed),
            sha256=hashlib.sha256(packed).hexdigest(),
            hash_key=_text(self._vault.day_key(site.id, day)),
            alone=site.alone,
            products=_products(snapshot, site.id),
            gates=_gates(snapshot, site.id),
            devices=_devices(snapshot, site.id),
            barred=await self._holding.barred(snapshot, site.id, day),
            places=list(places(snapshot, site, day, made_at)),
            evidences=evidences,
            settings=settings,
            code_key=self._code_key,
        )
        signature = _text(self._key.sign(signed_text(manifest)))
        signed = msgspec.structs.replace(manifest, signature=signature)
        return Bundle(signed, packed)

    def _pack(self, rows: Rows, span: Span) -> tuple[list[bytes], bytes]:
        """In a thread: the rows whose hash had to be made, and everything packed."""
        own = self._hashed(rows.sealed, span)
        tickets = rows.packed
        if own:
            tickets = b"".join(sorted((*rows_of(rows.packed, TICKET), *own)))
        return own, zlib.compress(tickets + rows.zones_packed, 6)

    def _hashed(self, sealed: Sequence[Sealed], span: Span) -> list[bytes]:
        key = self._vault.day_key(span.site_id, span.day)
        hashes = ((row, hash_of(self._vault, row, key)) for row in sealed)
        return [made + row.tail for row, made in hashes if made is not None]

    def _forget(self, now: datetime) -> None:
        old = [k for k, b in self._kept.items() if now - b.manifest.made_at > timedelta(days=1)]
        for place in old:
            del self._kept[place]
            self._locks.pop(place, None)


def _span(site: Site, day: date) -> Span:
    begins = datetime.combine(day, time(), site.zone).astimezone(UTC)
    ends = datetime.combine(day + timedelta(days=1), time(), site.zone).astimezone(UTC)
    return Span(site.id, day, begins, ends)


def _products(snapshot: Snapshot, site_id: int) -> list[BundleProduct]:
    return [
        BundleProduct(
            id=p.id,
            name=p.name,
            name_en=p.name_en,
            reentry=p.reentry.value,
            gate_ids=sorted(p.gate_ids),
        )
        for p in snapshot.products.values()
        if p.site_id == site_id
    ]


def _gates(snapshot: Snapshot, site_id: int) -> list[BundleGate]:
    return [
        BundleGate(
            id=g.id,
            name=g.name,
            name_en=g.name_en,
            direction=g.direction.value,
            people_per_scan=g.people_per_scan,
            early_grace_s=g.early_grace_s,
            late_grace_s=g.late_grace_s,
            is_open=g.is_open,
            zone_id=g.zone_id,
            needs_inside=g.needs_inside,
            leave_first=sorted(g.leave_first),
            products=sorted(g.product_ids),
            reentry=g.reentry.value if g.reentry else "",
            passback_s=g.passback_s,
            expired_document=g.expired_document.value,
        )
        for g in snapshot.gates.values()
        if g.site_id == site_id
    ]


def _devices(snapshot: Snapshot, site_id: int) -> list[BundleDevice]:
    return [
        BundleDevice(id=d.id, public_key=_text(d.public_key), gate_ids=sorted(d.gate_ids))
        for d in snapshot.devices.values()
        if d.site_id == site_id and d.revoked_at is None
    ]


def _evidences(snapshot: Snapshot, site_id: int) -> list[tuple[str, str]]:
    """Certificates that are asked for at gates: part of the settings, so numbers stay the same."""
    return sorted(
        {
            (rule.evidence, rule.evidence_en)
            for product in snapshot.products.values()
            for rule in product.rules
            if product.site_id == site_id and rule.evidence and rule.checked_at_gate
        }
    )


def _settings(snapshot: Snapshot, site: Site, code_key: str) -> str:
    """A digest of all that is not a ticket: when it changes, a bundle is made anew."""
    facts = (
        code_key,
        site.alone,
        _products(snapshot, site.id),
        _gates(snapshot, site.id),
        _devices(snapshot, site.id),
        _evidences(snapshot, site.id),
    )
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()[:16]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
