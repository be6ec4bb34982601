"""The text of a ticket's code: there and back, one text a code, and any text is safe to read."""

import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.domain.ticket_code import MARK, TicketCode, read_code, signed_octets, write_code

codes = st.builds(
    TicketCode,
    site_id=st.integers(1, 2**32 - 1),
    ticket_id=st.integers(1, 2**63 - 1),
    last_day=st.dates(date(2000, 1, 1), date(2999, 12, 31)),
)
signatures = st.binary(min_size=64, max_size=64)


@given(codes, signatures)
def test_what_is_written_is_read(code, signature):
    text = write_code(code, signature)
    assert read_code(text) == (code, signature)
    assert read_code(f" {text.lower()}\r\n") == (code, signature)
    # The dense mode of QR codes, and keys that are the same on every keyboard.
    assert set(text) <= set(string.ascii_uppercase + string.digits)
    assert len(text) == 135


@given(codes, codes)
def test_each_code_is_signed_for_itself(one, other):
    assert (signed_octets(one) == signed_octets(other)) == (one == other)


@given(st.text() | st.text(alphabet="MP1ABCDEFGH234567=").map(lambda text: MARK + text))
def test_any_text_is_read_or_not(text):
    found = read_code(text)
    assert found is None or write_code(*found) == text.strip().upper()


@given(codes, signatures, st.data())
def test_one_text_a_code(code, signature, data):
    text = write_code(code, signature)
    at = data.draw(st.integers(len(MARK), len(text) - 1))
    other = data.draw(st.sampled_from(string.ascii_uppercase + "234567"))
    changed = text[:at] + other + text[at + 1 :]
    assert changed == text or read_code(changed) != (code, signature)


@pytest.mark.parametrize("text", ["", "MP1", "MP1=", "https://example.cn/t/1", "MP1" + "A" * 132])
def test_other_texts_are_no_codes(text):
    assert read_code(text) is None
