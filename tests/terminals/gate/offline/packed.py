"""Bundles made by hand: rows of tickets as the centre's SQL packs them."""

import base64
import hashlib
import zlib
from datetime import UTC, datetime

import msgspec

from menpiao.terminals.gate.offline.files import build, decoded
from menpiao.wire.bundle import (
    BUNDLE_VERSION,
    BundleGate,
    BundleProduct,
    BundleTicket,
    BundleZone,
    Manifest,
    pack_content,
    seconds,
    signed_text,
)

EVIDENCES = [("学生证", "student card"), ("老年证", "senior card")]
FACTS = {
    n: BundleProduct(id=n, name=f"票{n}", name_en=f"Ticket {n}", reentry=reentry, gate_ids=gates)
    for n, (reentry, gates) in enumerate(
        [("none", []), ("after_exit", []), ("unlimited", [1]), ("none", [2])], 1
    )
}


def text(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def row_of(ticket, holder, gate):
    product = next(
        n
        for n, p in FACTS.items()
        if (p.name, p.reentry, frozenset(p.gate_ids))
        == (ticket.product_name, ticket.reentry.value, ticket.gate_ids)
    )
    names = [zh for zh, _ in EVIDENCES]
    return BundleTicket(
        holder=holder,
        id=ticket.id,
        opens_s=seconds(ticket.opens_at),
        closes_s=seconds(ticket.closes_at),
        product_id=product,
        state=ticket.state.value,
        people=ticket.people,
        used=ticket.used,
        inside=ticket.inside,
        daily=ticket.daily,
        visits_left=ticket.visits_left,
        first_in_s=seconds(ticket.first_in_at),
        last_in_s=seconds(ticket.last_in_at),
        first_in_gate=gate.id if gate and ticket.first_in_gate else None,
        evidence=names.index(ticket.evidence) + 1 if ticket.evidence else 0,
        difference_fen=ticket.difference_fen,
        counted_on=ticket.counted_on,
    )


def zones_of(ticket):
    return [
        BundleZone(
            ticket_id=ticket.id,
            zone_id=z.zone_id,
            allowed=z.allowed,
            used=z.used,
            inside=z.inside,
        )
        for z in ticket.zones
    ]


def manifest_of(day, site, gates, key, **changes):
    facts = {
        "version": BUNDLE_VERSION,
        "site_id": site,
        "site": "测试山",
        "site_en": "Test Hill",
        "day": day,
        "utc_offset_s": 28800,
        "horizon": 100,
        "made_at": datetime(2026, 5, 1, 4, tzinfo=UTC),
        "tickets": 0,
        "zones": 0,
        "size": 0,
        "sha256": "",
        "hash_key": text(b"k" * 32),
        "alone": "admit",
        "products": list(FACTS.values()),
        "gates": [
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
                passback_s=g.passback_s,
                expired_document=g.expired_document.value,
                leave_first=sorted(g.leave_first),
                products=sorted(g.product_ids),
                reentry=g.reentry.value if g.reentry else "",
            )
            for g in gates
        ],
        "devices": [],
        "settings": "s",
        "barred": "",
        "places": [],
        "evidences": EVIDENCES,
    }
    manifest = Manifest(**(facts | changes))
    signature = text(key.sign(signed_text(manifest)))
    return msgspec.structs.replace(manifest, signature=signature)


def signed(day, site, gates, key, rows, horizon, made_at, **changes):
    """A manifest and its packed content."""
    packed = zlib.compress(pack_content(rows, []))
    manifest = manifest_of(
        day,
        site,
        gates,
        key,
        tickets=len(rows),
        horizon=horizon,
        made_at=made_at,
        size=len(packed),
        sha256=hashlib.sha256(packed).hexdigest(),
        **changes,
    )
    return manifest, packed


def bundle_file(path, manifest, packed):
    part = path.with_suffix(".packed")
    part.write_bytes(packed)
    build(decoded(msgspec.json.encode(manifest)), part, path)
    part.unlink()
