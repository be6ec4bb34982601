"""Ticket numbers as people read them aloud and type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.making import ticket

from menpiao.domain.ticket import LIVE_STATES, TicketState, parse_serial, serial_number

identifiers = st.integers(0, 10**18 - 1)


@pytest.mark.parametrize(
    ("identifier", "written"),
    [(0, "00"), (1, "18"), (7992739871, "799-2739-8713"), (453957876362148, "4539-5787-6362-1486")],
)
def test_written_in_groups_of_four_with_a_luhn_digit(identifier, written):
    assert serial_number(identifier) == written


@given(identifiers)
def test_what_is_written_can_be_read(identifier):
    written = serial_number(identifier)
    assert parse_serial(written) == identifier
    assert parse_serial(written.replace("-", "")) == identifier
    assert parse_serial(f" {written.replace('-', ' ')}\n") == identifier
    assert all(1 <= len(group) <= 4 for group in written.split("-"))
    assert all(len(group) == 4 for group in written.split("-")[1:])


@given(identifiers, st.data())
def test_every_single_wrong_digit_is_found(identifier, data):
    written = list(serial_number(identifier))
    place = data.draw(st.sampled_from([i for i, c in enumerate(written) if c != "-"]))
    for digit in set("0123456789") - {written[place]}:
        wrong = "".join([*written[:place], digit, *written[place + 1 :]])
        assert parse_serial(wrong) is None


@given(identifiers, st.data())
def test_swapped_neighbours_are_found_except_0_and_9(identifier, data):
    digits = serial_number(identifier).replace("-", "")
    place = data.draw(st.integers(0, len(digits) - 2))
    one, other = digits[place : place + 2]
    if one != other and {one, other} != {"0", "9"}:
        assert parse_serial(digits[:place] + other + one + digits[place + 2 :]) is None


@pytest.mark.parametrize("text", ["", "1", "-", "18x", "１８", "1" * 20, "+18", "1.8", "18;"])
def test_what_is_no_number(text):
    assert parse_serial(text) is None


@given(st.text(max_size=30))
def test_any_text_gets_an_answer(text):
    found = parse_serial(text)
    assert found is None or found >= 0


def test_remaining():
    assert ticket(people=3, used=1).remaining == 2


def test_a_ticket_on_its_way_back_still_takes_its_place():
    assert set(TicketState) - LIVE_STATES == {TicketState.REFUNDED, TicketState.CANCELLED}
