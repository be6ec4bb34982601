"""Back-entry: paper decides like a card, but for what a released gate does not ask."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.making import CLOSES, OPENS, VISIT, exit_gate, gate, ticket

from menpiao.domain.admission import Admit, Scan, decide
from menpiao.domain.paper import WAIVED, decide_paper
from menpiao.domain.reasons import Reason
from menpiao.domain.ticket import Reentry, TicketState

LATE = CLOSES + timedelta(hours=1)


def outcome(*args, **more):
    found = decide_paper(*args, **more)
    return found if not isinstance(found, tuple) else [(a.ticket.id, a.people) for a in found]


def test_a_released_gate_asks_for_no_slot_no_certificate_and_holds_nobody_back():
    shut = gate(is_open=False, is_full=True, passback_s=3600)
    fresh = ticket(evidence="学生证", gate_ids=frozenset({99}))
    for at, overridden in ((OPENS, Reason.WRONG_GATE), (LATE, Reason.SLOT_LATE)):
        [admit] = decide_paper(1, [fresh], shut, at)
        assert (admit.overridden, admit.reason, admit.first_entry) == (overridden, Reason.FORCED, 1)
        assert (admit.ticket.used, admit.ticket.inside, admit.at) == (1, 1, at)
    [admit] = decide_paper(1, [ticket()], shut, OPENS)
    assert (admit.reason, admit.overridden) == (Reason.PASS, None)


@pytest.mark.parametrize(
    ("found", "people", "reason"),
    [
        ([], 1, Reason.NO_TICKET),
        ([ticket(state=TicketState.REFUNDED)], 1, Reason.REFUNDED),
        ([ticket(1, 1, 1)], 1, Reason.ALREADY_USED),
        ([ticket(2)], 3, Reason.TOO_MANY_PEOPLE),
        ([ticket(site_id=2)], 1, Reason.WRONG_SITE),
    ],
)
def test_the_right_to_enter_is_never_waived(found, people, reason):
    assert outcome(people, found, gate(), OPENS).reason is reason


def test_late_paper_lets_nobody_in_over_the_ticket():
    assert outcome(3, [ticket(2)], gate(), LATE).reason is Reason.TOO_MANY_PEOPLE
    assert outcome(2, [ticket(2)], gate(), LATE) == [(ticket().id, 2)]
    assert outcome(1, [ticket(2)], gate(), OPENS, barred=True).reason is Reason.BARRED


def test_an_order_of_single_tickets_is_taken_from_several_or_not_at_all():
    three = [ticket(1, id=n) for n in (5, 6, 7)]
    assert outcome(3, three, gate(), OPENS) == [(5, 1), (6, 1), (7, 1)]
    assert outcome(2, three, gate(), LATE) == [(5, 1), (6, 1)]
    assert outcome(4, three, gate(), OPENS).reason is Reason.TOO_MANY_PEOPLE
    inside = [t._replace(used=1, inside=1) for t in three]
    assert outcome(2, inside, exit_gate(), OPENS) == [(5, 1), (6, 1)]


tickets = st.lists(
    st.builds(
        lambda people, part, state, reentry, hours: ticket(
            people,
            min(people, part),
            min(people, part),
            state=state,
            reentry=reentry,
            opens_at=OPENS + timedelta(hours=hours),
            closes_at=CLOSES + timedelta(hours=hours),
        ),
        st.integers(1, 3),
        st.integers(0, 3),
        st.sampled_from(TicketState),
        st.sampled_from(Reentry),
        st.integers(-6, 6),
    ),
    max_size=4,
).map(lambda found: [t._replace(id=n) for n, t in enumerate(found, 1)])


@given(tickets, st.integers(1, 4), st.integers(-2, 6))
def test_paper_and_card_agree_but_for_what_is_waived(found, people, hours):
    at = OPENS + timedelta(hours=hours)
    card, paper = decide(Scan(people), found, gate(), at), decide_paper(people, found, gate(), at)
    if isinstance(card, Admit):
        assert paper == (card,)
    elif isinstance(paper, tuple):
        assert sum(a.people for a in paper) == people
        assert len({a.ticket.id for a in paper}) == len(paper)
        before = {t.id: t for t in found}
        for admit in paper:
            assert admit.overridden is None or admit.overridden in WAIVED
            assert before[admit.ticket.id].state is TicketState.VALID
            assert admit.ticket.used <= admit.ticket.people
            if admit.overridden is not None:
                assert admit.people <= before[admit.ticket.id].remaining


def test_a_pass_counts_on_the_day_of_the_paper():
    season = ticket(daily=True, counted_on=VISIT - timedelta(days=1), used=1, inside=1)
    [admit] = decide_paper(1, [season], gate(), OPENS)
    assert (admit.ticket.counted_on, admit.ticket.used) == (VISIT, 1)
