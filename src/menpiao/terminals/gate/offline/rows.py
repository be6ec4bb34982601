"""Rows of a day bundle as values of the decision: the same ticket that the centre's tables give."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from menpiao.domain.admission import Direction, ExpiredDocument, Gate
from menpiao.domain.ticket import Reentry, Ticket, TicketState, ZoneRight
from menpiao.wire.bundle import ALONE, BundleGate, BundleProduct, BundleTicket, BundleZone, Manifest
from menpiao.wire.bundle import moment as moment_of

_UNNAMED: Final = ("优惠证件", "concession document")
"""A certificate that no rule names any more is still to be seen."""
_EARLIEST: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Rules:
    """What a manifest says besides tickets, ready for decisions."""

    manifest: Manifest
    gates: dict[int, Gate]
    products: dict[int, BundleProduct]
    hash_key: bytes

    def today(self, now: datetime) -> date:
        """The site's date."""
        return (now + timedelta(seconds=self.manifest.utc_offset_s)).date()


def rules_of(manifest: Manifest) -> Rules:
    """The rules of a bundle.

    Raises:
        ValueError: it has a word that this version does not know.
    """
    if manifest.alone not in ALONE:
        raise ValueError(f"{manifest.alone[:40]!r} is not a valid mode of a lane alone")
    for product in manifest.products:
        Reentry(product.reentry)
    return Rules(
        manifest,
        {gate.id: _gate(gate, manifest) for gate in manifest.gates},
        {product.id: product for product in manifest.products},
        octets_of(manifest.hash_key),
    )


def _gate(gate: BundleGate, manifest: Manifest) -> Gate:
    return Gate(
        id=gate.id,
        site_id=manifest.site_id,
        name=gate.name,
        name_en=gate.name_en,
        direction=Direction(gate.direction),
        people_per_scan=gate.people_per_scan,
        early_grace_s=gate.early_grace_s,
        late_grace_s=gate.late_grace_s,
        is_open=gate.is_open,
        zone_id=gate.zone_id,
        needs_inside=gate.needs_inside,
        leave_first=frozenset(gate.leave_first),
        product_ids=frozenset(gate.products),
        reentry=Reentry(gate.reentry) if gate.reentry else None,
        passback_s=gate.passback_s,
        expired_document=ExpiredDocument(gate.expired_document),
        utc_offset_s=manifest.utc_offset_s,
    )


def ticket_of(row: BundleTicket, zones: Sequence[BundleZone], rules: Rules) -> Ticket:
    """A row as a ticket; its holder has no name here."""
    manifest = rules.manifest
    product = rules.products.get(row.product_id)
    gate = rules.gates.get(row.first_in_gate) if row.first_in_gate is not None else None
    evidence, evidence_en = _evidence(row.evidence, manifest)
    return Ticket(
        id=row.id,
        site_id=manifest.site_id,
        state=TicketState(row.state),
        people=row.people,
        used=row.used,
        inside=row.inside,
        visit_date=manifest.day,
        opens_at=moment_of(row.opens_s) or _EARLIEST,
        closes_at=moment_of(row.closes_s) or _EARLIEST,
        reentry=Reentry(product.reentry) if product else Reentry.NONE,
        gate_ids=frozenset(product.gate_ids) if product else frozenset(),
        product_name=product.name if product else "",
        product_name_en=product.name_en if product else "",
        holder_masked="",
        first_in_at=moment_of(row.first_in_s),
        first_in_gate=gate.name if gate else "",
        last_in_at=moment_of(row.last_in_s),
        daily=row.daily,
        counted_on=row.counted_on,
        visits_left=row.visits_left,
        evidence=evidence,
        evidence_en=evidence_en,
        difference_fen=row.difference_fen,
        zones=tuple(ZoneRight(z.zone_id, z.allowed, z.used, z.inside) for z in zones),
        product_id=row.product_id,
    )


def _evidence(number: int, manifest: Manifest) -> tuple[str, str]:
    if number == 0:
        return "", ""
    if number > len(manifest.evidences):
        return _UNNAMED
    return manifest.evidences[number - 1]


def home_gate(ticket: Ticket, rules: Rules) -> Gate | None:
    """The one entrance at which a ticket is good while lanes cannot ask anybody; None: there is no.

    Every lane finds the same one: a share of the site's open entrances, or of those of the
    product, by the ticket's number.
    """
    entrances = sorted(
        gate.id
        for gate in rules.gates.values()
        if gate.direction is Direction.ENTRY
        and gate.zone_id == 0
        and gate.is_open
        and (not ticket.gate_ids or gate.id in ticket.gate_ids)
        and (not gate.product_ids or ticket.product_id in gate.product_ids)
    )
    if not entrances:
        return None
    share = zlib.crc32(ticket.id.to_bytes(8, "big")) % len(entrances)
    return rules.gates[entrances[share]]


def at_home(ticket: Ticket, rules: Rules) -> Ticket:
    """The ticket as one that is good at its home gate alone."""
    home = home_gate(ticket, rules)
    return ticket if home is None else ticket._replace(gate_ids=frozenset((home.id,)))


def octets_of(text: str) -> bytes:
    """The octets of base64url text without padding.

    Raises:
        ValueError: it is no such text.
    """
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
