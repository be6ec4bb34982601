"""The fields of a card beside its number: remarks, never refusals, but for a site's expiry rule."""

from datetime import date

import pytest

from menpiao.domain.document import Document, DocumentFault, DocumentType, DocumentWarning, Sex
from menpiao.domain.document_card import (
    CardFields,
    ExpiredCard,
    judge_card,
    read_date,
    sex_of_code,
)
from menpiao.domain.document_faults import DocumentRefusal

TODAY = date(2026, 5, 1)
WOMAN = Document(DocumentType.RESIDENT, "11010519491231002X")
PERMIT = Document(DocumentType.HM_TRAVEL, "H12345678")


@pytest.mark.parametrize(
    ("document", "card", "remarks"),
    [
        (WOMAN, CardFields(), ()),
        (WOMAN, CardFields("张三", "2", "19491231", "20300101"), ()),
        (WOMAN, CardFields(valid_until="长期"), ()),
        (WOMAN, CardFields(valid_until="20260501"), ()),
        (WOMAN, CardFields(valid_until="2026-04-30"), (DocumentWarning.CARD_EXPIRED,)),
        (WOMAN, CardFields(valid_until="20269999"), ()),
        (WOMAN, CardFields(sex="1"), (DocumentWarning.SEX_DIFFERS,)),
        (WOMAN, CardFields(sex="9"), ()),
        (WOMAN, CardFields(birth="1949-12-30"), (DocumentWarning.BIRTH_DIFFERS,)),
        (WOMAN, CardFields(birth="?"), ()),
        (WOMAN, CardFields(name="李四"), (DocumentWarning.NAME_DIFFERS,)),
        (WOMAN, CardFields(name="张 三"), ()),
        (PERMIT, CardFields(sex="1", birth="19900101"), ()),
        (
            WOMAN,
            CardFields("李四", "1", "19900101", "20200101"),
            (
                DocumentWarning.CARD_EXPIRED,
                DocumentWarning.SEX_DIFFERS,
                DocumentWarning.BIRTH_DIFFERS,
                DocumentWarning.NAME_DIFFERS,
            ),
        ),
    ],
)
def test_remarks(document, card, remarks):
    judged = judge_card(document, card, TODAY, booked_name="张三")
    assert isinstance(judged, Document)
    assert judged.warnings == remarks
    assert judge_card(judged, card, TODAY, booked_name="张三") == judged


def test_without_a_booking_there_is_no_name_to_compare():
    assert judge_card(WOMAN, CardFields(name="李四"), TODAY) == WOMAN


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        (ExpiredCard.IGNORE, WOMAN),
        (ExpiredCard.REFUSE, DocumentRefusal(DocumentFault.EXPIRED)),
    ],
)
def test_an_expired_card_is_a_rule_of_the_site(rule, outcome):
    assert judge_card(WOMAN, CardFields(valid_until="20200101"), TODAY, expired=rule) == outcome


def test_earlier_remarks_are_kept():
    document = Document(
        DocumentType.RESIDENT, WOMAN.number, None, (DocumentWarning.REGION_UNKNOWN,)
    )
    judged = judge_card(document, CardFields(sex="1"), TODAY)
    assert isinstance(judged, Document)
    assert judged.warnings == (DocumentWarning.REGION_UNKNOWN, DocumentWarning.SEX_DIFFERS)


def test_codes_and_dates_as_cards_write_them():
    assert [sex_of_code(code) for code in ("0", "1", "2", "9", "")] == [
        None,
        Sex.MALE,
        Sex.FEMALE,
        None,
        None,
    ]
    assert read_date("20301231") == read_date("2030-12-31") == date(2030, 12, 31)
    assert [read_date(text) for text in (None, "", "长期", "20301301")] == [None] * 4


def test_representations_hold_no_personal_data():
    assert "张三" not in repr(CardFields("张三", "2", "19491231"))
