"""What a lane hears from the centre and the hub, and what it finds on its own disk."""

import base64
import contextlib
import zlib
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Final

import msgspec
from tests.fuzz.targets.target import Target, cut

from menpiao.terminals.gate.offline.files import BundleError, inflated, read_head
from menpiao.terminals.gate.offline.holding import holding_of
from menpiao.terminals.gate.offline.rows import octets_of, rules_of, ticket_of
from menpiao.wire import bundle, lane
from menpiao.wire.check import HubUp, Problem
from menpiao.wire.link import LinkDown, LinkUp
from menpiao.wire.unreadable import UNREADABLE

_WIRE: Final = "menpiao.wire"
_OFFLINE: Final = "menpiao.terminals.gate.offline"
_DECODERS: Final = tuple(
    msgspec.json.Decoder(kind)
    for kind in (LinkDown, LinkUp, HubUp, lane.Report, lane.Passages, lane.Reported, Problem)
)
_MANIFEST: Final = bundle.Manifest(
    version=1,
    site_id=1,
    site="西湖",
    site_en="West Lake",
    day=date(2026, 10, 1),
    utc_offset_s=28800,
    horizon=7,
    made_at=datetime(2026, 10, 1, tzinfo=UTC),
    tickets=1,
    zones=0,
    size=0,
    sha256="",
    hash_key="",
    alone="admit",
    products=[],
    gates=[],
    devices=[],
    settings="",
    barred="",
    places=[],
    evidences=[],
)
_RULES: Final = rules_of(_MANIFEST)


def messages(data: bytes) -> None:
    """Everything that travels as JSON between a lane and a centre or hub."""
    for decoder in _DECODERS:
        try:
            message = decoder.decode(data)
        except UNREADABLE:
            continue
        assert decoder.decode(msgspec.json.encode(message)) == message


def bundle_rows(data: bytes) -> None:
    """Octets that are signed for and are none of our rows all the same."""
    size = bundle.TICKET.size
    tickets = len(data) // size
    zones, rest = divmod(len(data) - tickets * size, bundle.ZONE.size)
    if rest:
        try:
            bundle.Content(data, tickets, zones)
        except ValueError:
            return
        raise AssertionError
    content = bundle.Content(data, tickets, zones)
    for row in content.tickets():
        assert bundle.unpack_ticket(bundle.pack_ticket(row)) == row
        assert ticket_of(row, content.zones_of(row.id), _RULES).id == row.id
    content.of_holder(data[:16])


def bundle_changes(data: bytes) -> None:
    """Changed rows in a message of the link."""
    text = data.decode("latin-1")
    try:
        rows = bundle.rows_of(base64.b64decode(text), bundle.TICKET)
        zones = bundle.rows_of(base64.b64decode(text[::-1]), bundle.ZONE)
    except ValueError:
        rows, zones = [], []
    for row in rows:
        bundle.unpack_ticket(row)
    for row in zones:
        bundle.unpack_zone(row)
    with contextlib.suppress(ValueError):
        octets_of(text)


def bundle_lists(data: bytes) -> None:
    """Who is barred and what is full, in a bundle, a message or a lane's own file."""
    barred, _, places = data.decode("latin-1").partition("\n")
    try:
        holding = holding_of(barred, places)
    except ValueError:
        return
    for holder in holding.barred:
        holding.is_barred(holder, _MANIFEST.made_at)
    for zone in holding.places:
        holding.is_full(zone, 1)


def bundle_head(data: bytes) -> None:
    """The beginning of a bundle's file, up to its content."""
    try:
        signed, begins, digest = read_head(BytesIO(data))
        rules_of(signed.manifest)
    except (BundleError, ValueError):
        return
    assert begins <= len(data)
    assert len(digest) == 32


def bundle_stream(data: bytes) -> None:
    """A packed content as it is fetched: it gives no more than is asked for, or is refused."""
    engine = zlib.decompressobj()
    for piece in cut(data) or (data,):
        try:
            octets = inflated(engine, piece)
        except BundleError:
            return
        assert len(octets) <= 1 << 20
        if engine.eof:
            return


ALL: Final = (
    Target(messages, (f"{_WIRE}.check",), 300),
    Target(bundle_rows, (f"{_WIRE}.bundle", f"{_OFFLINE}.rows"), 200),
    Target(bundle_changes, (f"{_WIRE}.bundle", f"{_OFFLINE}.rows"), 200),
    Target(bundle_lists, (f"{_WIRE}.bundle", f"{_OFFLINE}.holding"), 160),
    Target(bundle_head, (f"{_OFFLINE}.files", f"{_OFFLINE}.rows"), 900),
    Target(bundle_stream, (f"{_OFFLINE}.files",), 96),
)
