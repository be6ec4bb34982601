"""Names: same or not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.domain.identity import names_match, normalise_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\ue863三", "\u4dae三"),
        ("阿依古丽·买买提", "阿依古丽•买买提"),
        ("阿依古丽‧买买提", "阿依古丽・买买提"),
        ("阿依古丽．买买提", "阿依古丽·买买提"),
        ("张 三", "张三"),
        ("张三\u3000", "张三"),
        ("John  Smith", "JOHN SMITH"),
        ("Rene\u0301", "René"),
    ],
)
def test_spellings_of_one_name(one, other):
    assert names_match(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("张三", "张叁"), ("张三", "张三丰"), ("ＡＢ", "AB"), ("⼈", "人"), ("", "张")],
)
def test_different_names(one, other):
    assert not names_match(one, other)


@given(st.text())
def test_normalising_twice_is_normalising_once(name):
    assert normalise_name(normalise_name(name)) == normalise_name(name)
