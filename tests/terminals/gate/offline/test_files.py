"""A bundle on the lane's disk: with its index by ticket, without it, and damaged."""

import base64
import hashlib
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.terminals.gate.offline.packed import bundle_file, signed, text

from menpiao.domain.admission import Gate
from menpiao.terminals.gate.offline.files import BundleError, open_bundle, read_head
from menpiao.terminals.gate.offline.store import Store
from menpiao.wire.bundle import BundleTicket, pack_content, pack_ticket
from menpiao.wire.check import Changes

DAY = date(2026, 5, 1)
MADE_AT = datetime(2026, 5, 1, 4, tzinfo=UTC)


def row(ticket_id):
    return BundleTicket(
        holder=ticket_id.to_bytes(16, "big"),
        id=ticket_id,
        opens_s=0,
        closes_s=0,
        product_id=1,
        state="valid",
        people=1,
    )


def test_a_file_of_an_earlier_version_is_searched_by_ticket_as_one_of_today(tmp_path):
    """It has no index by ticket: a lane that was brought up to date goes on without the centre."""
    key = Ed25519PrivateKey.generate()
    gate = Gate(id=1, site_id=3, name="东门", name_en="East")
    rows = [row(n) for n in range(1, 400, 3)]
    manifest, packed = signed(DAY, 3, [gate], key, rows, 100, MADE_AT)
    path = tmp_path / f"{DAY}.bundle"
    bundle_file(path, manifest, packed)
    with path.open("rb") as file:
        _, begins, digest = read_head(file)
    today, content = path.read_bytes(), pack_content(rows, [])
    assert len(today) > begins + len(content)
    head = today[:begins].replace(digest, hashlib.sha256(content).digest())
    raw = text(key.public_key().public_bytes_raw())
    for octets in (today, head + content):
        path.write_bytes(octets)
        bundle = open_bundle(path, raw)
        for sought in rows:
            assert bundle.content.of_ticket(sought.id) == sought
        assert bundle.content.of_ticket(2) is None
        bundle.close()
    path.write_bytes(today[:-1] + bytes([today[-1] ^ 1]))
    with pytest.raises(BundleError, match="damaged"):
        open_bundle(path, raw)


def stored(folder, rows):
    """A lane's store with a bundle of these rows."""
    key = Ed25519PrivateKey.generate()
    gate = Gate(id=1, site_id=3, name="东门", name_en="East")
    store = Store(folder)
    store.met(text(key.public_key().public_bytes_raw()), timedelta())
    bundle_file(folder / f"{DAY}.bundle", *signed(DAY, 3, [gate], key, rows, 100, MADE_AT))
    store.install(DAY)
    return store


def test_tickets_that_were_sold_since_are_counted_with_those_of_the_bundle(tmp_path):
    store = stored(tmp_path, [row(1), row(2)])

    def tell(horizon, *ids):
        rows = base64.b64encode(b"".join(pack_ticket(row(n)) for n in ids)).decode()
        said = Changes(day=DAY, since=100, horizon=horizon, at=MADE_AT, tickets=rows, zones="")
        assert store.take(said)

    def count(store):
        return store.known(MADE_AT, timedelta(hours=1)).tickets

    assert count(store) == 2
    tell(101, 2, 3)
    assert count(store) == 3  # ticket 2 has changed, 3 is new
    tell(102, 3, 4)
    assert count(store) == 4
    store.close()
    again = Store(tmp_path)
    assert count(again) == 4
    again.close()


def resident_octets(path):
    """How much of a mapped file this process has in memory, as Linux counts it."""
    maps = Path("/proc/self/smaps").read_text(encoding="ascii")
    return int(re.search(rf"{re.escape(str(path))}\n.*?Rss: +(\d+) kB", maps, re.DOTALL)[1]) * 1024


def test_what_was_looked_up_does_not_stay_in_the_lanes_memory(tmp_path):
    rows = [row(n) for n in range(1, 30_001)]
    store = stored(tmp_path, rows)
    path = tmp_path / f"{DAY}.bundle"
    for sought in rows[::50]:
        found = store.rows(DAY, sought.holder)
        assert [ticket.id for ticket in store.tickets(DAY, found)] == [sought.id]
    assert resident_octets(path) < path.stat().st_size / 2
    store.close()
