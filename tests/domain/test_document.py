"""Numbers: what is refused, what is only remarked on, and what becomes of them."""

from datetime import date

import pytest

from menpiao.domain.document import (
    Document,
    DocumentFault,
    DocumentRefusal,
    DocumentType,
    DocumentWarning,
    Sex,
    birth_date,
    guess_type,
    identity_text,
    normalise_number,
    origin,
    parse_document,
    sex,
)
from menpiao.domain.document_faults import FAULT_TEXTS, WARNING_TEXTS
from menpiao.domain.document_types import SEX_LABELS, TYPE_LABELS

TODAY = date(2026, 5, 1)

RESIDENT = DocumentType.RESIDENT
HMT = DocumentType.HMT_PERMIT
FOREIGNER = DocumentType.FOREIGNER_CARD
OLD_FOREIGNER = DocumentType.FOREIGNER_CARD_OLD
HM = DocumentType.HM_TRAVEL
TW = DocumentType.TW_TRAVEL
CN = DocumentType.PASSPORT_CN
ABROAD = DocumentType.PASSPORT_FOREIGN


def accept(kind: DocumentType, raw: str) -> Document:
    result = parse_document(kind, raw, TODAY)
    assert isinstance(result, Document), result
    return result


def refuse(kind: DocumentType | str, raw: str, today: date = TODAY) -> DocumentFault:
    result = parse_document(kind, raw, today)
    assert isinstance(result, DocumentRefusal), result
    return result.fault


# Published samples and numbers computed by hand: number, type, normalised, birth, sex, origin.
PUBLISHED = [
    ("11010519491231002X", RESIDENT, "11010519491231002X", (1949, 12, 31), Sex.FEMALE, "11"),
    ("110105491231002", RESIDENT, "11010519491231002X", (1949, 12, 31), Sex.FEMALE, "11"),
    ("110105200002290013", RESIDENT, "110105200002290013", (2000, 2, 29), Sex.MALE, "11"),
    ("442101198606150014", RESIDENT, "442101198606150014", (1986, 6, 15), Sex.MALE, "46"),
    ("510202197001010012", RESIDENT, "510202197001010012", (1970, 1, 1), Sex.MALE, "50"),
    ("810000199408230021", HMT, "810000199408230021", (1994, 8, 23), Sex.FEMALE, "81"),
    ("820000198108030025", HMT, "820000198108030025", (1981, 8, 3), Sex.FEMALE, "82"),
    ("830000198307150013", HMT, "830000198307150013", (1983, 7, 15), Sex.MALE, "71"),
    ("911124198108030024", FOREIGNER, "911124198108030024", (1981, 8, 3), None, "CAN"),
    ("932682198501010017", FOREIGNER, "932682198501010017", (1985, 1, 1), None, "SAU"),
    ("PAK310080010103", OLD_FOREIGNER, "PAK310080010103", None, None, "PAK"),
    ("H12345678", HM, "H12345678", None, None, "81"),
    ("M12345678", HM, "M12345678", None, None, "82"),
    ("HA1234567", HM, "HA1234567", None, None, "81"),
    ("12345678", TW, "12345678", None, None, "71"),
]


@pytest.mark.parametrize(("raw", "kind", "number", "birth", "holder", "place"), PUBLISHED)
def test_published_and_computed_numbers(raw, kind, number, birth, holder, place):
    document = accept(kind, raw)
    assert (document.type, document.number) == (kind, number)
    assert birth_date(document) == (date(*birth) if birth else None)
    assert sex(document) is holder
    found = origin(document)
    assert place in (found.province_code, found.country)


REFUSED = [
    (RESIDENT, "", DocumentFault.EMPTY),
    (RESIDENT, " -　 ", DocumentFault.EMPTY),
    (RESIDENT, "1101051949123100", DocumentFault.LENGTH),
    (RESIDENT, "1" * 65, DocumentFault.LENGTH),
    (RESIDENT, "1" * 100_000, DocumentFault.LENGTH),
    (RESIDENT, "11010519491231X02X", DocumentFault.CHARACTERS),
    (RESIDENT, "PAK310080010103", DocumentFault.CHARACTERS),
    (RESIDENT, "١١٠١٠٥١٩٤٩١٢٣١٠٠٢X", DocumentFault.CHARACTERS),
    (RESIDENT, "110105194912310021", DocumentFault.CHECK_DIGIT),
    (RESIDENT, "110105200102290010", DocumentFault.DATE),
    (RESIDENT, "110105490230002", DocumentFault.DATE),
    (RESIDENT, "H12345678", DocumentFault.LENGTH),
    (RESIDENT, "911124810803002", DocumentFault.PREFIX),
    (RESIDENT, "810000810803002", DocumentFault.PREFIX),
    (HMT, "810000199408230022", DocumentFault.CHECK_DIGIT),
    (FOREIGNER, "911124198108030025", DocumentFault.CHECK_DIGIT),
    (OLD_FOREIGNER, "PAK31008001010", DocumentFault.LENGTH),
    (HM, "H123", DocumentFault.LENGTH),
    (HM, "H1234中678", DocumentFault.CHARACTERS),
    (CN, "E" * 21, DocumentFault.LENGTH),
    (DocumentType.NETWORK_ID, "  ", DocumentFault.EMPTY),
    (DocumentType.NETWORK_ID, "a" * 513, DocumentFault.LENGTH),
    (DocumentType.NETWORK_ID, "a b", DocumentFault.CHARACTERS),
    ("driving_licence", "11010519491231002X", DocumentFault.TYPE_UNKNOWN),
    ("", "11010519491231002X", DocumentFault.TYPE_UNKNOWN),
]


@pytest.mark.parametrize(("kind", "raw", "fault"), REFUSED)
def test_hard_failures(kind, raw, fault):
    assert refuse(kind, raw) is fault


def make(region: str, birth: str = "19900307", sequence: str = "123") -> str:
    """A number whose check character is right, whatever else is wrong with it."""
    body = region + birth + sequence
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return body + "10X98765432"[total % 11]


@pytest.mark.parametrize("province", ["00", "10", "16", "24", "38", "47", "55", "66", "70", "84"])
def test_a_province_that_does_not_exist_is_refused(province):
    assert refuse(RESIDENT, make(f"{province}0101")) is DocumentFault.PREFIX


@pytest.mark.parametrize(
    ("birth", "fault"),
    [
        ("18991231", DocumentFault.DATE),
        ("20260502", DocumentFault.DATE),
        ("19900631", DocumentFault.DATE),
        ("19901301", DocumentFault.DATE),
        ("00000000", DocumentFault.DATE),
    ],
)
def test_a_birth_that_cannot_be_is_refused(birth, fault):
    assert refuse(RESIDENT, make("110105", birth)) is fault


@pytest.mark.parametrize("birth", ["19000101", "20260501"])
def test_the_first_and_the_last_possible_birth_are_accepted(birth):
    accept(RESIDENT, make("110105", birth))


# What a clerk may be told, and what must never stop a visitor.
SOFT = [
    ("unknown region", RESIDENT, make("119999"), (DocumentWarning.REGION_UNKNOWN,)),
    ("code not in force at birth", RESIDENT, make("330113", "19400101"), ()),
    ("abolished code", RESIDENT, make("110103"), ()),
    ("city without counties", RESIDENT, make("441900"), ()),
    ("another one", RESIDENT, make("620200"), ()),
    ("province only", RESIDENT, make("110000"), ()),
    ("Taiwan-born resident", RESIDENT, make("710000"), ()),
    ("permit chosen as card", RESIDENT, make("830000"), (DocumentWarning.TYPE_CORRECTED,)),
    ("card chosen as permit", HMT, make("110105"), (DocumentWarning.TYPE_CORRECTED,)),
    ("unknown country", FOREIGNER, make("911999"), (DocumentWarning.COUNTRY_UNKNOWN,)),
    ("stateless", FOREIGNER, make("911000"), ()),
    ("odd province of application", FOREIGNER, make("999124"), ()),
    ("old number as new", FOREIGNER, "PAK310080010103", (DocumentWarning.TYPE_CORRECTED,)),
    ("new number as old", OLD_FOREIGNER, make("911124"), (DocumentWarning.TYPE_CORRECTED,)),
    ("first generation", RESIDENT, "110105491231002", (DocumentWarning.FIRST_GENERATION,)),
    ("strange permit", HM, "K12345678", (DocumentWarning.PATTERN_UNMATCHED,)),
    ("strange Taiwan permit", TW, "A12345678", (DocumentWarning.PATTERN_UNMATCHED,)),
    ("strange passport", CN, "Q123456", (DocumentWarning.PATTERN_UNMATCHED,)),
    ("letters only", ABROAD, "ABCDEF", (DocumentWarning.PATTERN_UNMATCHED,)),
    ("strange old card", OLD_FOREIGNER, "PA1310080010103", (DocumentWarning.PATTERN_UNMATCHED,)),
]


@pytest.mark.parametrize(("kind", "raw", "warnings"), [row[1:] for row in SOFT], ids=lambda _: "")
def test_findings_that_never_block(kind, raw, warnings):
    document = accept(kind, raw)
    assert document.warnings == warnings
    assert document.needs_confirmation is (DocumentWarning.PATTERN_UNMATCHED in warnings)


PLAIN = [
    (CN, "E12345678"),
    (CN, "EA1234567"),
    (CN, "G12345678"),
    (CN, "DE1234567"),
    (CN, "KJ12345678"),
    (ABROAD, "L898902C3"),
    (ABROAD, "561234567"),
    (DocumentType.HM_EXIT, "C12345678"),
    (DocumentType.HM_EXIT, "CA1234567"),
    (DocumentType.TW_EXIT, "L12345678"),
    (DocumentType.TW_EXIT, "T12345678"),
]


@pytest.mark.parametrize(("kind", "raw"), PLAIN)
def test_usual_formats_need_no_second_look(kind, raw):
    assert accept(kind, raw) == Document(kind, raw)


@pytest.mark.parametrize(
    ("kind", "raw", "number", "renewal"),
    [
        (HM, "H12345678", "H12345678", None),
        (HM, "H1234567801", "H12345678", "01"),
        (HM, "h 1234 5678 00", "H12345678", "00"),
        (HM, "MA123456702", "MA1234567", "02"),
        (TW, "12345678", "12345678", None),
        (TW, "1234567803", "12345678", "03"),
        (TW, "1234567801(B)", "12345678", "01"),
    ],
)
def test_the_renewal_count_is_kept_apart(kind, raw, number, renewal):
    document = accept(kind, raw)
    assert (document.number, document.renewal, document.warnings) == (number, renewal, ())


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X"),
        ("110105 19491231 002x", "11010519491231002X"),
        ("110105-19491231-002x", "11010519491231002X"),
        ("\ufeff110105\u200b19491231\u00a0002\u3000Ⅹ\r\n", "11010519491231002X"),
        ("h12345678（01）", "H1234567801"),
        ("", ""),
    ],
)
def test_normalisation(raw, normal):
    assert normalise_number(raw) == normal


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ("11010519491231002x", RESIDENT),
        ("810000199408230021", HMT),
        ("911124198108030024", FOREIGNER),
        ("110105194912310021", None),
        ("110105491231002", None),
        ("H12345678", None),
        ("12345678", None),
        ("PAK310080010103", None),
        ("", None),
        ("1" * 1000, None),
    ],
)
def test_only_numbers_with_a_check_are_guessed(raw, kind):
    assert guess_type(raw) is kind


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((RESIDENT, "110105491231002"), (RESIDENT, "11010519491231002x"), True),
        ((RESIDENT, "810000199408230021"), (HMT, "810000199408230021"), True),
        ((HM, "H12345678"), (HM, "H1234567801"), True),
        ((TW, "1234567801"), (TW, "12345678"), True),
        ((OLD_FOREIGNER, "PAK310080010103"), (FOREIGNER, "PAK310080010103"), True),
        ((OLD_FOREIGNER, "CAN110081080302"), (FOREIGNER, "911124198108030024"), False),
        ((CN, "E12345678"), (ABROAD, "E12345678"), False),
        ((TW, "12345678"), (ABROAD, "12345678"), False),
    ],
)
def test_the_identity_text_is_that_of_the_person(one, other, same):
    assert (identity_text(accept(*one)) == identity_text(accept(*other))) is same


def test_a_network_identity_is_opaque():
    document = accept(DocumentType.NETWORK_ID, " aB+c/1=-2 \n")
    assert document.number == "aB+c/1=-2"
    assert birth_date(document) is None
    assert sex(document) is None
    assert origin(document).province_code is None


def test_a_type_may_be_given_by_its_code():
    assert accept("resident_card", "11010519491231002X").type is RESIDENT


def test_representations_hold_no_number():
    document = accept(RESIDENT, "11010519491231002X")
    assert "1949" not in repr(document)
    assert "1949" not in f"{document} {[document]}"


@pytest.mark.parametrize(
    ("codes", "texts"),
    [
        (DocumentType, TYPE_LABELS),
        (DocumentFault, FAULT_TEXTS),
        (DocumentWarning, WARNING_TEXTS),
        (Sex, SEX_LABELS),
    ],
)
def test_every_code_has_a_text_in_both_languages(codes, texts):
    assert set(texts) == set(codes)
    assert all(text.zh and text.en and not text.zh.isascii() for text in texts.values())
