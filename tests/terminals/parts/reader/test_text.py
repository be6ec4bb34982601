import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.terminals.parts.reader import goldens

from menpiao.domain.document import DocumentType
from menpiao.simulation import cards
from menpiao.simulation.cards import build_text
from menpiao.simulation.safe_module import read_payload
from menpiao.terminals.parts.reader.base import DOCUMENT_TYPES, LONG_TERM, CardRead
from menpiao.terminals.parts.reader.frame import encode_response
from menpiao.terminals.parts.reader.text import TEXT_BYTES, read_text, text_of_payload

PAIRS = [
    (goldens.RESIDENT, cards.RESIDENT),
    (goldens.HMT, cards.HMT),
    (goldens.FOREIGNER_2017, cards.FOREIGNER_2017),
    (goldens.FOREIGNER_2023, cards.FOREIGNER_2023),
]


@pytest.mark.parametrize(("golden", "card"), PAIRS)
def test_built_blocks_are_the_written_ones(golden: bytes, card: cards.SimulatedCard) -> None:
    assert card.text == golden


@pytest.mark.parametrize(("golden", "card"), PAIRS)
def test_frames_have_the_written_checksum(golden: bytes, card: cards.SimulatedCard) -> None:
    frame = encode_response(0x90, read_payload(card))
    assert len(frame) == 1295
    assert frame[-1] == goldens.CHECKSUMS[golden]


def test_the_four_kinds() -> None:
    resident, hmt, old, new = (read_text(golden).card for golden, _ in PAIRS)
    assert resident == CardRead(
        kind="resident",
        number="11010519491231002X",
        name="李样例",
        sex="2",
        birth="1949-12-31",
        valid_until=LONG_TERM,
        nationality=None,
        pass_number=None,
    )
    assert hmt == CardRead(
        kind="hmt",
        number="810000199408230021",
        name="陈样例",
        sex="2",
        birth="1994-08-23",
        valid_until="2028-09-01",
        nationality=None,
        pass_number="H12345678",
    )
    assert old == CardRead(
        kind="foreigner_2017",
        number="PAK310080010103",
        name="SAMPLE, ANNA MARIA",
        sex="2",
        birth="1980-01-01",
        valid_until="2028-06-30",
        nationality="PAK",
        pass_number=None,
    )
    assert new == CardRead(
        kind="foreigner_2023",
        number="911124198108030024",
        name="SAMPLE, ALEXANDRA CATHERINE ELIZABETH ROSE",
        sex="2",
        birth="1981-08-03",
        valid_until="2034-01-14",
        nationality="CAN",
        pass_number=None,
    )


def test_document_types_are_those_of_the_domain() -> None:
    assert set(DOCUMENT_TYPES.values()) <= {kind.value for kind in DocumentType}
    assert read_text(goldens.HMT).card.document_type == "hmt_residence_permit"


def test_repr_shows_neither_number_nor_name() -> None:
    for golden, _ in PAIRS:
        text = read_text(golden)
        for shown in (repr(text), str(text.card)):
            assert text.card.number not in shown
            assert text.card.name not in shown
            assert text.card.number[6:14] not in shown


def test_the_last_character_is_kept_and_lower_case_accepted() -> None:
    text = read_text(build_text("resident", name="李样例", number="11010519491231002x"))
    assert text.card.number == "11010519491231002X"
    assert text.well_formed


def test_an_address_that_fills_its_field() -> None:
    block = build_text("resident", address="一" * 35, number="11010519491231002X", issuer="某" * 15)
    assert read_text(block).card.number == "11010519491231002X"


def test_spaces_inside_fields() -> None:
    block = build_text(
        "foreigner_2017", name="DE  LA SAMPLE, A B", number="PAK310080010103", nationality="PAK"
    )
    assert read_text(block).card.name == "DE  LA SAMPLE, A B"
    block = build_text("hmt", name="欧阳 样例", address="甲 乙 丙", number="810000199408230021")
    assert read_text(block).card.name == "欧阳 样例"
    assert read_text(block).card.number == "810000199408230021"


@pytest.mark.parametrize(
    ("valid_until", "expected"),
    [
        (LONG_TERM, LONG_TERM),
        ("20400229", "2040-02-29"),
        ("20230230", None),
        ("00000000", None),
        ("", None),
        ("２０４００１０１", None),
        ("2040.1.1", None),
    ],
)
def test_dates_never_raise(valid_until: str, expected: str | None) -> None:
    block = build_text("resident", number="11010519491231002X", valid_until=valid_until)
    assert read_text(block).card.valid_until == expected


def test_an_unknown_letter_is_a_resident_with_a_warning() -> None:
    block = bytearray(goldens.RESIDENT)
    block[248:250] = "Q".encode("utf-16-le")
    text = read_text(bytes(block))
    assert (text.card.kind, text.unknown_letter, text.well_formed) == ("resident", "Q", True)


def test_zeros_and_spaces_end_a_field() -> None:
    block = bytearray(goldens.RESIDENT)
    block[6:30] = bytes(24)
    assert read_text(bytes(block)).card.name == "李样例"


def test_names_carry_no_control_characters() -> None:
    block = build_text("resident", name="李\x1b@\n例", number="11010519491231002X")
    assert read_text(block).card.name == "李@例"


def test_a_character_outside_the_basic_plane() -> None:
    block = build_text("resident", name="𬭎样例", number="11010519491231002X")
    assert read_text(block).card.name == "𬭎样例"


@given(st.binary(min_size=TEXT_BYTES, max_size=TEXT_BYTES))
def test_any_block_is_cut(block: bytes) -> None:
    read_text(block)


@pytest.mark.parametrize("fingerprint", [b"", bytes(1024)])
def test_a_fingerprint_answer_is_cut_by_its_own_lengths(fingerprint: bytes) -> None:
    card = cards.SimulatedCard(goldens.RESIDENT, fingerprint=fingerprint)
    payload = read_payload(card, fingerprint=True)
    frame = encode_response(0x90, payload)
    assert len(frame) == 1297 + len(fingerprint)
    assert frame[-1] == (0xD1 if fingerprint else 0xD9)
    assert text_of_payload(payload) == goldens.RESIDENT


@given(st.binary(max_size=60))
def test_payloads_whose_lengths_do_not_add_up(data: bytes) -> None:
    assert text_of_payload(data) is None
    assert text_of_payload(read_payload(cards.RESIDENT)[:-1]) is None
