"""The one table of reasons: complete, short enough for a lane's screen, in both languages."""

import inspect
import re

import pytest

from menpiao.domain import admission
from menpiao.domain.reasons import WORDINGS, Reason, Refusal
from menpiao.domain.ticket import TicketState


def test_every_reason_has_words_and_no_words_lack_a_reason():
    assert set(WORDINGS) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_the_first_line_fits_a_lane_screen(reason):
    words = WORDINGS[reason]
    assert 1 <= len(words.zh) <= 8
    assert all("一" <= char <= "鿿" for char in words.zh)
    assert words.en
    assert words.en.isascii()


@pytest.mark.parametrize("reason", Reason)
def test_what_to_do_next_is_said_in_both_languages_or_in_none(reason):
    words = WORDINGS[reason]
    assert bool(words.zh_next) == bool(words.en_next)
    assert words.voice.replace("_", "").isalpha()


@pytest.mark.parametrize("reason", Reason)
def test_a_code_is_its_name_in_small_letters(reason):
    assert reason.value == reason.name.lower()


def test_every_state_but_valid_has_its_reason_at_a_gate():
    assert set(admission._STATE_REASONS) == set(TicketState) - {TicketState.VALID}


def test_every_refusal_about_a_ticket_has_a_rank():
    """What the judges of one ticket may say is comparable with what they say of another."""
    source = inspect.getsource(admission)
    judges = source[source.index("def _enter(") :]
    said = {Reason[name] for name in re.findall(r"Reason\.([A-Z_]+)", judges)}
    about_tickets = said | set(admission._STATE_REASONS.values())
    about_tickets -= {Reason.PASS, Reason.EXIT_OK, Reason.DOCUMENT_EXPIRED}
    assert set(admission._RANK) == about_tickets
    assert len(admission._HELPFUL) == len(about_tickets)


def test_a_refusal_finds_its_words():
    assert Refusal(Reason.SLOT_FULL).wording.zh == "本时段已约满"
