"""Who is the same person, by number and by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.domain.document_types import Document, DocumentType
from menpiao.domain.identity import (
    DAY_HASH_OCTETS,
    day_hash,
    identity_text,
    names_match,
    normalise_name,
)


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


def test_documents_of_18_characters_share_one_number_space():
    kinds = (DocumentType.RESIDENT, DocumentType.HMT_PERMIT, DocumentType.FOREIGNER_CARD)
    texts = {identity_text(Document(kind, "810000199408230021")) for kind in kinds}
    assert texts == {"cn18:810000199408230021"}


def test_all_other_documents_have_a_space_of_their_own():
    texts = {identity_text(Document(kind, "12345678")) for kind in DocumentType}
    assert len(texts) == len(DocumentType) - 2


def test_a_day_hash_differs_by_key_and_by_holder_and_not_by_spelling():
    one = Document(DocumentType.RESIDENT, "110105199001011234")
    other = Document(DocumentType.RESIDENT, "110105199001011242")
    assert len(day_hash(b"k" * 32, one)) == DAY_HASH_OCTETS
    assert day_hash(b"k" * 32, one) == day_hash(b"k" * 32, one)
    assert day_hash(b"k" * 32, one) != day_hash(b"l" * 32, one)
    assert day_hash(b"k" * 32, one) != day_hash(b"k" * 32, other)
