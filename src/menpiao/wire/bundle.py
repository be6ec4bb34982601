"""The day bundle (离线数据包), version 1: what a lane needs to decide without the centre.

It holds the rights of one site and day: no document number and no name, but a keyed hash of each
holder's document, under a key made for that site and day. The centre signs it. Its manifest is
JSON and is asked for first; the content is octets that may be fetched in pieces.

Content, big-endian, ready to be searched as it lies in the file:

* tickets, ``TICKET.size`` octets each, in the order of their hashes;
* zone rights, ``ZONE.size`` octets each, in the order of (ticket id, zone id).
"""

import base64
import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final

import msgspec

from menpiao.wire.check import Instant, PlaceCount, Told

BUNDLE_VERSION = 1
MEANINGS: Final[frozenset[str]] = frozenset()
"""What this program knows to act on of what ``Manifest.needs`` may name."""
ALONE: Final = ("admit", "home", "refuse")
"""What a lane may do that reaches neither centre nor hub."""
HASH_OCTETS = 16
TICKET = struct.Struct(">16sQIIHBHHHBHIIHBIH")
ZONE = struct.Struct(">QIHHH")
BARRED = struct.Struct(">16sI")
NOTHING = 0xFFFF
"""In a field of 16 bits: there is none."""
STATES = ("held", "valid", "refunding", "refunded", "cancelled", "blocked")
"""Ticket states by their number in a row; part of the format: only ever appended to."""
_EPOCH = date(1970, 1, 1)
_ID = struct.Struct(">Q")
_ID_OF_ROW = struct.Struct(f">{HASH_OCTETS}xQ{TICKET.size - HASH_OCTETS - 8}x")
_PLACE = struct.Struct(">I")
_SPREAD = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


class BundleProduct(Told, frozen=True, kw_only=True):
    """What a ticket takes from its product; ``gate_ids`` empty: every gate of the site."""

    id: int
    name: str
    name_en: str
    reentry: str
    gate_ids: list[int]


class BundleGate(Told, frozen=True, kw_only=True):
    """A gate of the site with its rules, as ``domain.admission.Gate`` has them."""

    id: int
    name: str
    name_en: str
    direction: str
    people_per_scan: int = 0
    early_grace_s: int = 0
    late_grace_s: int = 0
    is_open: bool = True
    zone_id: int = 0
    needs_inside: bool = False
    passback_s: int = 0
    expired_document: str = "warn"
    leave_first: list[int]
    products: list[int]
    """Those it takes; empty: every one."""
    reentry: str = ""
    """What it allows whatever the product says; empty: as the product says."""


class BundleDevice(Told, frozen=True, kw_only=True):
    """A terminal of the site that a hub may believe; its raw Ed25519 key as base64url."""

    id: int
    public_key: str
    gate_ids: list[int]


class Manifest(Told, frozen=True, kw_only=True):
    """What is in a bundle. ``signature``: Ed25519 over :func:`signed_text`.

    ``horizon`` names the state of the data: changes after it come over the link. ``size`` and
    ``sha256`` are of the packed content (zlib) as it is fetched; ``alone`` says what a lane may do
    that reaches neither centre nor hub: ``admit``, ``home`` (only at the home gate) or ``refuse``.
    """

    version: int
    site_id: int
    site: str
    site_en: str
    day: date
    utc_offset_s: int
    horizon: int
    made_at: Instant
    tickets: int
    zones: int
    size: int
    sha256: str
    hash_key: str
    """Base64url; for this site and day alone, see ``domain.identity.day_hash``."""
    alone: str
    products: list[BundleProduct]
    gates: list[BundleGate]
    devices: list[BundleDevice]
    settings: str
    """Of everything but the tickets: another one means that the rules have changed."""
    barred: str
    """Documents that are not let in, as base64 of packed rows: hash, until when (0: for good)."""
    places: list[PlaceCount]
    """What is held back at a ceiling, as last counted."""
    evidences: list[tuple[str, str]]
    """Certificates in Chinese and English; a row names one by its place, counted from 1."""
    code_key: str = ""
    """What codes of tickets are verified with: raw Ed25519, base64url; empty: none is taken."""
    needs: list[str] = msgspec.field(default_factory=list)
    """What whoever decides by this must know to act on: one unknown word, and it is refused."""
    signature: str = ""


class BundleTicket(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row; times are whole seconds, 0 where there is none."""

    holder: bytes
    id: int
    opens_s: int
    closes_s: int
    product_id: int
    state: str
    people: int
    used: int = 0
    inside: int = 0
    daily: bool = False
    visits_left: int | None = None
    first_in_s: int = 0
    last_in_s: int = 0
    first_in_gate: int | None = None
    evidence: int = 0
    difference_fen: int = 0
    counted_on: date | None = None


class BundleZone(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A ticket's right to a zone."""

    ticket_id: int
    zone_id: int
    allowed: int
    used: int
    inside: int


def signed_text(manifest: Manifest) -> bytes:
    """The octets that the centre signs: the manifest without its signature, keys in order."""
    plain = msgspec.structs.replace(manifest, signature="")
    return b"menpiao-bundle-v1\0" + msgspec.json.encode(plain, order="deterministic")


def signed_part(octets: bytes) -> bytes:
    """What the signature of a manifest in these octets is over: fields unknown here included.

    For a manifest that this program knows in full it is :func:`signed_text`.

    Raises:
        msgspec.MsgspecError: no JSON object.
    """
    fields: dict[str, msgspec.Raw] = msgspec.json.decode(octets, type=dict[str, msgspec.Raw])
    if "signature" in fields:
        fields["signature"] = msgspec.Raw(b'""')
    parts = [msgspec.json.encode(name) + b":" + bytes(raw) for name, raw in fields.items()]
    return b"menpiao-bundle-v1\0{" + b",".join(parts) + b"}"


def pack_ticket(row: BundleTicket) -> bytes:
    """A row as octets.

    Raises:
        struct.error: a figure is outside its field.
    """
    return TICKET.pack(
        row.holder,
        row.id,
        row.opens_s,
        row.closes_s,
        row.product_id,
        STATES.index(row.state),
        row.people,
        row.used,
        row.inside,
        1 if row.daily else 0,
        NOTHING if row.visits_left is None else min(row.visits_left, NOTHING - 1),
        row.first_in_s,
        row.last_in_s,
        NOTHING if row.first_in_gate is None else row.first_in_gate,
        row.evidence,
        row.difference_fen,
        NOTHING if row.counted_on is None else (row.counted_on - _EPOCH).days,
    )


def unpack_ticket(octets: bytes | memoryview) -> BundleTicket:
    """A row from its octets; a state that this version does not know lets nobody in.

    Raises:
        struct.error: they are too few.
    """
    f = TICKET.unpack(octets)
    return BundleTicket(
        holder=f[0],
        id=f[1],
        opens_s=f[2],
        closes_s=f[3],
        product_id=f[4],
        state=STATES[f[5]] if f[5] < len(STATES) else "blocked",
        people=f[6],
        used=f[7],
        inside=f[8],
        daily=bool(f[9]),
        visits_left=None if f[10] == NOTHING else f[10],
        first_in_s=f[11],
        last_in_s=f[12],
        first_in_gate=None if f[13] == NOTHING else f[13],
        evidence=f[14],
        difference_fen=f[15],
        counted_on=None if f[16] == NOTHING else date.fromordinal(_EPOCH.toordinal() + f[16]),
    )


def pack_zone(row: BundleZone) -> bytes:
    """A zone right as octets."""
    return ZONE.pack(row.ticket_id, row.zone_id, row.allowed, row.used, row.inside)


def unpack_zone(octets: bytes | memoryview) -> BundleZone:
    """A zone right from its octets."""
    ticket_id, zone_id, allowed, used, inside = ZONE.unpack(octets)
    return BundleZone(
        ticket_id=ticket_id, zone_id=zone_id, allowed=allowed, used=used, inside=inside
    )


def pack_barred(until_s: Mapping[bytes, int]) -> str:
    """Barred documents by their hash, until when in whole seconds (0: for good), as base64."""
    return base64.b64encode(b"".join(BARRED.pack(*one) for one in sorted(until_s.items()))).decode()


def unpack_barred(text: str) -> dict[bytes, int]:
    """What :func:`pack_barred` packed.

    Raises:
        ValueError: it is no such text.
    """
    octets = base64.b64decode(text, validate=True)
    return dict(BARRED.unpack(row) for row in rows_of(octets, BARRED))


def pack_content(tickets: Iterable[BundleTicket], zones: Iterable[BundleZone]) -> bytes:
    """The whole content, sorted."""
    rows = sorted(pack_ticket(t) for t in tickets)
    return b"".join((*rows, *sorted(pack_zone(z) for z in zones)))


def places_size(tickets: int) -> int:
    """How many octets the places of so many tickets take: at least half of them stay free."""
    return _PLACE.size << (2 * tickets - 1).bit_length() if tickets else 0


def ticket_ids(rows: bytes | memoryview) -> Iterator[int]:
    """The ids of whole rows of tickets."""
    return (ticket_id for (ticket_id,) in _ID_OF_ROW.iter_unpack(rows))


def place_tickets(ids: Iterable[int], tickets: int) -> memoryview:
    """An index by ticket: the row of each, counted from 1, at the place that its id gives.

    ``ids`` in the order of the rows. A ticket whose place is taken has the next that is free, and
    half of them stay free. The table is made where it is used: it is not part of what is signed
    and sent, and a row found by it is held to the id asked for.
    """
    table = array("I", bytes(places_size(tickets)))
    slots = len(table)
    for row, ticket_id in enumerate(ids, 1):
        at = _first_place(ticket_id, slots)
        while table[at]:
            at = (at + 1) % slots
        table[at] = row
    if sys.byteorder == "little":
        table.byteswap()
    return memoryview(table).cast("B")


def _first_place(ticket_id: int, slots: int) -> int:
    """Ids come in runs: a multiplication spreads them (Knuth, TAOCP 3, 6.4)."""
    return (ticket_id * _SPREAD & _MASK) >> 32 & (slots - 1)


class Content:
    """A bundle's content to look things up in: octets in memory or a mapped file."""

    def __init__(
        self,
        octets: bytes | memoryview,
        tickets: int,
        zones: int,
        places: bytes | memoryview | None = None,
    ) -> None:
        """Take the content with its numbers of rows; ``places`` as :func:`place_tickets` made them.

        Without ``places`` they are made here.

        Raises:
            ValueError: it is not as long as the numbers say.
        """
        if len(octets) != tickets * TICKET.size + zones * ZONE.size:
            msg = f"{len(octets)} octets for {tickets} tickets and {zones} zone rights"
            raise ValueError(msg)
        self._octets = memoryview(octets)
        self._tickets = tickets
        self._zones_at = tickets * TICKET.size
        self._zones = zones
        if places is None:
            places = place_tickets(ticket_ids(self._octets[: tickets * TICKET.size]), tickets)
        if len(places) != places_size(tickets):
            msg = f"{len(places)} octets of places for {tickets} tickets"
            raise ValueError(msg)
        self._places = memoryview(places)

    def of_holder(self, holder: bytes) -> list[BundleTicket]:
        """The tickets under one hash; a binary search, then the rows beside it."""
        at = self._first(0, TICKET.size, self._tickets, holder)
        found = []
        while at < self._tickets:
            row = self._octets[at * TICKET.size : (at + 1) * TICKET.size]
            if row[:HASH_OCTETS] != holder:
                break
            found.append(unpack_ticket(row))
            at += 1
        return found

    def of_ticket(self, ticket_id: int) -> BundleTicket | None:
        """The row of a ticket: where its place says, or in one of the next places."""
        slots = len(self._places) // _PLACE.size
        at = _first_place(ticket_id, slots)
        for _ in range(slots):
            (row,) = _PLACE.unpack_from(self._places, at * _PLACE.size)
            if not 1 <= row <= self._tickets:
                return None
            begin = (row - 1) * TICKET.size
            (found,) = _ID.unpack_from(self._octets, begin + HASH_OCTETS)
            if found == ticket_id:
                return unpack_ticket(self._octets[begin : begin + TICKET.size])
            at = (at + 1) % slots
        return None

    def zones_of(self, ticket_id: int) -> list[BundleZone]:
        """The zone rights of one ticket."""
        key = ticket_id.to_bytes(8, "big")
        at = self._first(self._zones_at, ZONE.size, self._zones, key)
        found = []
        while at < self._zones:
            begin = self._zones_at + at * ZONE.size
            row = self._octets[begin : begin + ZONE.size]
            if row[:8] != key:
                break
            found.append(unpack_zone(row))
            at += 1
        return found

    def tickets(self) -> Iterator[BundleTicket]:
        """Every row."""
        for at in range(self._tickets):
            yield unpack_ticket(self._octets[at * TICKET.size : (at + 1) * TICKET.size])

    def _first(self, begin: int, size: int, count: int, key: bytes) -> int:
        """The first row, counted from ``begin``, whose octets start with ``key`` or follow it."""
        low, high, width = 0, count, len(key)
        while low < high:
            middle = (low + high) // 2
            at = begin + middle * size
            if bytes(self._octets[at : at + width]) < key:
                low = middle + 1
            else:
                high = middle
        return low


def seconds(at: datetime | None) -> int:
    """A time as a row has it."""
    return 0 if at is None else int(at.timestamp())


def moment(at_s: int) -> datetime | None:
    """A row's time in UTC; None for 0."""
    return datetime.fromtimestamp(at_s, UTC) if at_s else None


def rows_of(octets: bytes, row: struct.Struct) -> Sequence[bytes]:
    """Cut packed rows.

    Raises:
        ValueError: the octets are no whole rows.
    """
    if len(octets) % row.size:
        msg = f"{len(octets)} octets are no rows of {row.size}"
        raise ValueError(msg)
    return [octets[at : at + row.size] for at in range(0, len(octets), row.size)]
