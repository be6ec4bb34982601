"""The demo's visitors and cards: synthetic, sound where they should be, spoilt where said so."""

from datetime import date
from random import Random

from menpiao.domain.document import DocumentType, parse_document
from menpiao.domain.document_types import Document
from menpiao.simulation.demo.people import AGES, make_party, make_person
from menpiao.simulation.demo.tray import make_tray

TODAY = date(2026, 11, 25)


def test_people_are_as_old_as_asked_and_their_numbers_hold():
    chance = Random(1)
    for first, last, _ in AGES * 20:
        person = make_person(chance, TODAY, first, last)
        document = parse_document(DocumentType.RESIDENT, person.number, TODAY)
        assert isinstance(document, Document)
        assert not document.warnings
        born = date(*(int(person.number[a:b]) for a, b in ((6, 10), (10, 12), (12, 14))))
        age = TODAY.year - born.year - ((TODAY.month, TODAY.day) < (born.month, born.day))
        assert abs(age - person.age) <= 1
        assert person.number not in repr(person)


def test_no_party_is_without_a_grown_up_and_none_is_too_large_for_an_order():
    chance = Random(2)
    for _ in range(300):
        party = make_party(chance, TODAY)
        assert 1 <= len(party) <= 4
        assert party[0].age >= 18
        assert len({person.number for person in party}) == len(party)


def test_every_card_of_the_tray_is_what_it_says():
    for card in make_tray(Random(3), TODAY):
        assert (card.traveller is None) == (card.key == "invalid")
        if card.traveller is not None:
            kind = DocumentType(card.traveller.document_type)
            document = parse_document(kind, card.traveller.number, TODAY)
            assert isinstance(document, Document), card.key
            assert card.traveller.number not in repr(card)
            assert card.traveller.name not in card.name
