"""Counters between two readings, and the file that remembers them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.terminals.parts.barrier.base import Totals
from menpiao.terminals.parts.barrier.counters import (
    PLAUSIBLE_MAX,
    Step,
    TotalsFile,
    people_between,
)

SIZE = 2**24
COUNTER = st.integers(0, SIZE - 1)


@given(before=COUNTER, people=st.integers(0, PLAUSIBLE_MAX))
def test_whoever_passed_is_counted_also_around_the_end(before: int, people: int) -> None:
    counted, step = people_between(before, (before + people) % SIZE, SIZE)
    assert counted == people
    assert step is (Step.COUNTED if before + people < SIZE else Step.WRAPPED)


@given(before=COUNTER, after=COUNTER)
def test_no_two_readings_are_a_crowd(before: int, after: int) -> None:
    for size in (SIZE, None):
        counted, step = people_between(before, after, size)
        assert 0 <= counted <= PLAUSIBLE_MAX
        assert (step is Step.IMPLAUSIBLE) <= (counted == 0)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"entered": -1, "left": 0}', '{"entered"'])
def test_a_file_that_cannot_be_believed_is_none(tmp_path: Path, content: str) -> None:
    file = TotalsFile(tmp_path / "totals.json")
    assert file.load() is None
    file.path.write_text(content)
    assert file.load() is None
    file.save(Totals(3, 2))
    assert file.load() == Totals(3, 2)
