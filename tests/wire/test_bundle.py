"""The day bundle: rows there and back, look-up, what is signed, and what damaged octets do."""

import struct
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.wire.bundle import (
    HASH_OCTETS,
    STATES,
    TICKET,
    BundleTicket,
    BundleZone,
    Content,
    Manifest,
    moment,
    pack_barred,
    pack_content,
    pack_ticket,
    pack_zone,
    place_tickets,
    places_size,
    rows_of,
    seconds,
    signed_text,
    ticket_ids,
    unpack_barred,
    unpack_ticket,
    unpack_zone,
)
from menpiao.wire.check import PlaceCount

u16 = st.integers(0, 0xFFFE)
u32 = st.integers(0, 2**32 - 1)
tickets = st.builds(
    BundleTicket,
    holder=st.binary(min_size=HASH_OCTETS, max_size=HASH_OCTETS),
    id=st.integers(1, 2**63),
    opens_s=u32,
    closes_s=u32,
    product_id=u16,
    state=st.sampled_from(STATES),
    people=u16,
    used=u16,
    inside=u16,
    daily=st.booleans(),
    visits_left=st.none() | u16,
    first_in_s=u32,
    last_in_s=u32,
    first_in_gate=st.none() | u16,
    evidence=st.integers(0, 255),
    difference_fen=u32,
    counted_on=st.none() | st.dates(date(1970, 1, 1), date(2149, 6, 4)),
)
zones = st.builds(
    BundleZone,
    ticket_id=st.integers(1, 2**63),
    zone_id=u32,
    allowed=u16,
    used=u16,
    inside=u16,
)
few_hashes = st.sampled_from([bytes([n]) * HASH_OCTETS for n in (0, 1, 127, 255)])


@given(tickets)
def test_a_ticket_comes_back_as_it_was(row):
    assert unpack_ticket(pack_ticket(row)) == row


@given(st.dictionaries(st.binary(min_size=HASH_OCTETS, max_size=HASH_OCTETS), u32, max_size=20))
def test_barred_documents_come_back_as_they_were(until_s):
    assert unpack_barred(pack_barred(until_s)) == until_s


@pytest.mark.parametrize("text", ["!", "AAAA", "AA"])
def test_what_is_no_list_of_barred_documents_is_refused(text):
    with pytest.raises(ValueError, match=r"octets|base64|padding"):
        unpack_barred(text)


@given(zones)
def test_a_zone_right_comes_back_as_it_was(row):
    assert unpack_zone(pack_zone(row)) == row


@given(
    st.lists(st.tuples(tickets, few_hashes), max_size=40),
    st.lists(st.tuples(zones, st.integers(1, 5)), max_size=40),
)
def test_everything_is_found_and_nothing_else(given_tickets, given_zones):
    rows = [msgspec.structs.replace(t, holder=h) for t, h in given_tickets]
    rights = [msgspec.structs.replace(z, ticket_id=i) for z, i in given_zones]
    content = Content(pack_content(rows, rights), len(rows), len(rights))
    for holder in {r.holder for r in rows} | {b"\x02" * HASH_OCTETS, b"\xff" * HASH_OCTETS}:
        found = content.of_holder(holder)
        assert sorted(found, key=pack_ticket) == sorted(
            (r for r in rows if r.holder == holder), key=pack_ticket
        )
    for ticket_id in range(7):
        found = content.zones_of(ticket_id)
        assert sorted(found, key=pack_zone) == sorted(
            (z for z in rights if z.ticket_id == ticket_id), key=pack_zone
        )
    assert len(list(content.tickets())) == len(rows)


@pytest.mark.parametrize("octets", [b"", b"\0" * 7, b"\0" * (TICKET.size + 1)])
def test_content_of_another_length_is_refused(octets):
    with pytest.raises(ValueError, match="octets for 1 tickets"):
        Content(octets, 1, 0)
    if octets:
        with pytest.raises(ValueError, match="no rows"):
            rows_of(octets, TICKET)


@given(st.binary(max_size=TICKET.size * 2))
def test_any_octets_are_a_row_or_a_clear_error(octets):
    try:
        unpack_ticket(octets)
    except struct.error:
        return
    assert len(octets) == TICKET.size


def manifest(**changes):
    plain = {
        "version": 1,
        "site_id": 1,
        "site": "云山",
        "site_en": "Cloud Hill",
        "day": date(2026, 5, 1),
        "utc_offset_s": 28800,
        "horizon": 77,
        "made_at": datetime(2026, 5, 1, tzinfo=UTC),
        "tickets": 0,
        "zones": 0,
        "size": 0,
        "sha256": "",
        "hash_key": "AA",
        "alone": "admit",
        "products": [],
        "gates": [],
        "devices": [],
        "evidences": [],
        "settings": "",
        "barred": "",
        "places": [],
    }
    return Manifest(**{**plain, **changes})


def test_what_is_signed_holds_everything_but_the_signature():
    plain = signed_text(manifest())
    assert signed_text(manifest(signature="x")) == plain
    for field in msgspec.structs.fields(Manifest):
        if field.name not in {"signature", "products", "gates", "devices", "evidences"}:
            value = getattr(manifest(), field.name)
            other = {
                str: "other",
                int: 5,
                date: date(2026, 5, 2),
                datetime: datetime(2026, 5, 2, tzinfo=UTC),
                list: [PlaceCount(zone_id=0, ceiling=1, people=1)],
            }[type(value)]
            assert signed_text(manifest(**{field.name: other})) != plain, field.name


def test_a_manifest_survives_the_wire_and_its_signature_text_too():
    sent = manifest(signature="s")
    got = msgspec.json.decode(msgspec.json.encode(sent), type=Manifest)
    assert (got, signed_text(got)) == (sent, signed_text(sent))


@given(st.datetimes(datetime(1970, 1, 2), datetime(2106, 1, 1)))
def test_times_are_kept_to_the_second(at):
    at = at.replace(tzinfo=UTC)
    assert timedelta() <= at - moment(seconds(at)) < timedelta(seconds=1)
    assert (seconds(None), moment(0)) == (0, None)


def test_a_state_of_a_later_version_lets_nobody_in() -> None:
    row = BundleTicket(
        holder=bytes(HASH_OCTETS),
        id=1,
        opens_s=0,
        closes_s=0,
        product_id=1,
        state="valid",
        people=1,
    )
    octets = bytearray(pack_ticket(row))
    at = struct.calcsize(">16sQIIH")
    assert octets[at] == STATES.index("valid")
    octets[at] = len(STATES)
    assert unpack_ticket(bytes(octets)).state == "blocked"


near = st.lists(
    st.integers(1, 30) | st.integers(2**40, 2**40 + 30) | st.integers(1, 2**63),
    max_size=60,
    unique=True,
)


@given(near, tickets, st.integers(1, 2**63) | st.integers(1, 32), st.booleans())
def test_a_ticket_is_found_by_its_number_and_by_nothing_that_looks_like_it(ids, row, other, kept):
    rows = [msgspec.structs.replace(row, id=n, holder=bytes(HASH_OCTETS)) for n in ids]
    octets = pack_content(rows, [])
    content = Content(octets, len(rows), 0)
    if kept:
        stored = bytes(place_tickets(ticket_ids(octets), len(rows)))
        content = Content(octets, len(rows), 0, stored)
    known = {row.id: row for row in rows}
    for ticket_id in (*known, other):
        assert content.of_ticket(ticket_id) == known.get(ticket_id)


@given(near, tickets, st.data())
def test_an_index_that_lies_finds_the_ticket_asked_for_or_none(ids, row, data):
    rows = [msgspec.structs.replace(row, id=n) for n in ids]
    octets = pack_content(rows, [])
    size = places_size(len(rows))
    lying = data.draw(st.binary(min_size=size, max_size=size))
    content = Content(octets, len(rows), 0, lying)
    known = {row.id: row for row in rows}
    for ticket_id in (*known, 5):
        assert content.of_ticket(ticket_id) in (None, known.get(ticket_id))
    with pytest.raises(ValueError, match="places"):
        Content(octets, len(rows), 0, lying + b"0")
