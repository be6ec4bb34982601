"""Long messages: cutting and joining are each other's inverse, and no character is torn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.centre.messaging.parts import (
    Coding,
    Joiner,
    TooLongError,
    part_count,
    read_header,
    split,
    units,
)

# Surrogate pairs are as likely as plain characters: they are where cutting goes wrong.
characters = st.one_of(
    st.characters(exclude_categories=["Cs"]), st.sampled_from("😀🎫𠮷票A"), st.just("票")
)
texts = st.text(characters, max_size=600)
CODINGS = [Coding.UCS2, Coding.GB18030]


def joined(parts, order):
    joiner, whole = Joiner(), None
    for index in order:
        found = joiner.add("106", "138", parts[index].content, 0.0)
        if found is not None:
            assert whole is None
            whole = found
    return whole


@pytest.mark.parametrize("coding", CODINGS)
@given(text=texts, ref=st.integers(0, 255), data=st.data())
def test_cut_and_joined_in_any_order_a_text_is_itself(coding, text, ref, data):
    parts = split(text, ref, coding)
    if len(parts) == 1:
        assert not parts[0].headed
        assert parts[0].content.decode(coding.value) == text
        return
    order = data.draw(st.permutations(range(len(parts))))
    assert joined(parts, order).decode(coding.value) == text


@pytest.mark.parametrize("coding", CODINGS)
@given(text=texts, ref=st.integers(0, 255))
def test_every_part_fits_and_tears_no_character(coding, text, ref):
    parts = split(text, ref, coding)
    for number, part in enumerate(parts, 1):
        assert len(part.content) <= 140
        body = part.content
        if part.headed:
            assert part.content[:6] == bytes((5, 0, 3, ref, len(parts), number))
            body = part.content[6:]
            assert 0 < len(body) <= 134
        body.decode(coding.value, "strict")


@pytest.mark.parametrize(
    ("length", "count"), [(0, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)]
)
def test_parts_are_counted_as_the_operator_bills_them(length, count):
    assert part_count("票" * length) == count


@pytest.mark.parametrize("text", ["A" * 141, "票" * 67 + "A" * 8, "A" + "票" * 100, "😀" * 36])
@pytest.mark.parametrize("coding", CODINGS)
def test_a_part_is_filled_to_the_last_octet_that_fits(coding, text):
    *full, _ = split(text, 1, coding)
    width = max(len(c.encode(coding.value)) for c in text)
    for part in full:
        assert 134 - width < len(part.content) - 6 <= 134


def test_an_emoji_at_the_seam_moves_to_the_next_part():
    text = "票" * 66 + "😀" + "票" * 10
    first, second = split(text, 1)
    assert first.content[6:].decode("utf-16-be") == "票" * 66
    assert second.content[6:].decode("utf-16-be").startswith("😀")
    assert units(text) == 78


def test_more_than_255_parts_is_refused():
    assert len(split("票" * 67 * 255, 1)) == 255
    with pytest.raises(TooLongError):
        split("票" * (67 * 255 + 1), 1)


def test_the_wide_header_is_read_too():
    header, body = read_header(bytes.fromhex("060804abcd0201") + b"rest")
    assert (header.ref, header.total, header.number, header.wide) == (0xABCD, 2, 1, True)
    assert body == b"rest"


def test_other_elements_of_a_header_are_passed_over():
    header, body = read_header(bytes.fromhex("09 0502abcd 000307 0202") + b"rest")
    assert (header.ref, header.total, header.number) == (7, 2, 2)
    assert body == b"rest"


@pytest.mark.parametrize("damaged", ["", "ff00", "050003070200", "050003070203", "0500"])
def test_a_damaged_header_is_content(damaged):
    content = bytes.fromhex(damaged)
    assert read_header(content) == (None, content)


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_no_octets_upset_the_joiner(contents):
    joiner = Joiner()
    for content in contents:
        joiner.add("1", "2", content, 0.0)


def test_a_repeated_part_changes_nothing():
    parts = split("票" * 100, 9)
    assert joined(parts, [0, 0, 1]).decode("utf-16-be") == "票" * 100


def test_messages_under_way_to_one_number_are_kept_apart_by_their_reference():
    joiner = Joiner()
    (a1, a2), (b1, b2) = split("甲" * 80, 1), split("乙" * 80, 2)
    assert joiner.add("1", "2", a1.content, 0) is None
    assert joiner.add("1", "2", b2.content, 0) is None
    assert joiner.add("1", "2", a2.content, 0).decode("utf-16-be") == "甲" * 80
    assert joiner.add("1", "2", b1.content, 0).decode("utf-16-be") == "乙" * 80


def test_a_message_that_stays_incomplete_is_forgotten():
    joiner = Joiner(wait_s=10, piles_max=3)
    first, second = split("票" * 100, 1)
    joiner.add("1", "2", first.content, 0)
    assert joiner.add("1", "2", second.content, 11) is None
    for ref in range(2, 9):
        joiner.add("1", "2", split("票" * 100, ref)[0].content, 12)
    assert len(joiner._piles) <= 3
