"""The one decision at a gate: tables of cases, and what holds for every sequence of scans."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.making import CLOSES, OPENS, exit_gate, gate, ticket

from menpiao.domain.admission import Admit, Direction, Refuse, Scan, decide
from menpiao.domain.reasons import WORDINGS, Reason
from menpiao.domain.ticket import Reentry, Ticket, TicketState

SECOND = timedelta(seconds=1)
MICRO = timedelta(microseconds=1)
DURING = OPENS + timedelta(hours=1)


def reason(*tickets: Ticket, at=DURING, people: int | None = None, lane=None) -> Reason:
    return decide(Scan(people), tickets, lane or gate(), at).reason


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (ticket(), Reason.PASS),
        (ticket(state=TicketState.HELD), Reason.UNPAID),
        (ticket(state=TicketState.CANCELLED), Reason.CANCELLED),
        (ticket(state=TicketState.REFUNDING), Reason.REFUNDING),
        (ticket(state=TicketState.REFUNDED), Reason.REFUNDED),
        (ticket(state=TicketState.BLOCKED), Reason.BLOCKED),
        (ticket(site_id=2), Reason.WRONG_SITE),
        (ticket(gate_ids=frozenset({9})), Reason.WRONG_GATE),
        (ticket(gate_ids=frozenset({3, 9})), Reason.PASS),
        (ticket(used=1, inside=1), Reason.ALREADY_USED),
        (ticket(used=1, inside=0), Reason.NO_REENTRY),
        (ticket(used=1, inside=1, reentry=Reentry.AFTER_EXIT), Reason.ALREADY_INSIDE),
        (ticket(used=1, inside=0, reentry=Reentry.AFTER_EXIT), Reason.PASS),
        (ticket(used=1, inside=1, reentry=Reentry.UNLIMITED), Reason.PASS),
    ],
)
def test_one_ticket_at_an_entry(found: Ticket, expected: Reason):
    assert reason(found) is expected


def test_the_admission_carries_who_how_many_when_and_where():
    outcome = decide(Scan(), [ticket(people=3)], gate(), DURING)
    assert isinstance(outcome, Admit)
    assert (outcome.people, outcome.first_entry, outcome.at, outcome.gate.name) == (
        3,
        3,
        DURING,
        "东门",
    )
    after = outcome.ticket
    assert (after.used, after.inside, after.first_in_at, after.first_in_gate) == (
        3,
        3,
        DURING,
        "东门",
    )


def test_a_used_ticket_says_when_and_where_it_was_used():
    outcome = decide(Scan(), [ticket(used=1, inside=1)], gate(id=8, name="西门"), DURING)
    assert isinstance(outcome, Refuse)
    assert (outcome.since, outcome.place) == (OPENS, "东门")


def test_no_ticket():
    assert reason() is Reason.NO_TICKET


@pytest.mark.parametrize(
    ("lane_people", "asked", "admitted"),
    [(0, None, 4), (1, None, 1), (2, None, 2), (9, None, 4), (0, 3, 3), (1, 3, 3)],
)
def test_people_of_one_scan(lane_people: int, asked: int | None, admitted: int):
    outcome = decide(Scan(asked), [ticket(people=4)], gate(people_per_scan=lane_people), DURING)
    assert isinstance(outcome, Admit)
    assert outcome.people == admitted


@pytest.mark.parametrize("asked", [-1, 0, 3])
@pytest.mark.parametrize("lane", [gate(), exit_gate()], ids=["entry", "exit"])
def test_people_that_the_ticket_does_not_cover(asked: int, lane):
    found = ticket(people=2, used=2, inside=2) if lane.direction is Direction.EXIT else ticket(2)
    assert reason(found, people=asked, lane=lane) is Reason.TOO_MANY_PEOPLE


# --- time ---------------------------------------------------------------------------------------

EARLY, LATE = 1800, 600
GRACE = gate(early_grace_s=EARLY, late_grace_s=LATE)
FIRST = OPENS - timedelta(seconds=EARLY)
END = CLOSES + timedelta(seconds=LATE)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (OPENS - timedelta(hours=12), Reason.NOT_YET),
        (OPENS - timedelta(hours=12) + MICRO, Reason.SLOT_EARLY),
        (FIRST - MICRO, Reason.SLOT_EARLY),
        (FIRST, Reason.PASS),
        (OPENS, Reason.PASS),
        (CLOSES, Reason.PASS),
        (END - MICRO, Reason.PASS),
        (END, Reason.SLOT_LATE),
        (CLOSES + timedelta(hours=12) - MICRO, Reason.SLOT_LATE),
        (CLOSES + timedelta(hours=12), Reason.EXPIRED),
    ],
)
def test_graces_to_the_microsecond(at, expected: Reason):
    assert reason(ticket(), at=at, lane=GRACE) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (OPENS - MICRO, Reason.SLOT_EARLY),
        (OPENS, Reason.PASS),
        (CLOSES - MICRO, Reason.PASS),
        (CLOSES, Reason.SLOT_LATE),
    ],
)
def test_without_grace_the_end_is_outside(at, expected: Reason):
    assert reason(ticket(), at=at) is expected


def test_a_used_ticket_has_expired_rather_than_missed_its_slot():
    assert reason(ticket(used=1, inside=1), at=CLOSES) is Reason.EXPIRED


# --- several tickets ----------------------------------------------------------------------------


def test_the_ticket_that_ends_first_is_used_to_enter():
    long = ticket(id=1, closes_at=CLOSES + timedelta(hours=3))
    short = ticket(id=2)
    outcome = decide(Scan(), [long, short], gate(), DURING)
    assert isinstance(outcome, Admit)
    assert outcome.ticket.id == 2


@pytest.mark.parametrize(
    ("tickets", "expected"),
    [
        ([ticket(state=TicketState.REFUNDED), ticket(gate_ids=frozenset({9}))], Reason.WRONG_GATE),
        ([ticket(site_id=2), ticket(state=TicketState.HELD)], Reason.UNPAID),
        ([ticket(state=TicketState.CANCELLED), ticket(used=1, inside=1)], Reason.ALREADY_USED),
    ],
)
def test_the_most_helpful_refusal_is_given(tickets: list[Ticket], expected: Reason):
    assert reason(*tickets) is expected
    assert reason(*reversed(tickets)) is expected


def test_an_exit_is_booked_on_a_ticket_with_people_inside():
    left = ticket(id=1, used=1, inside=0, closes_at=CLOSES - timedelta(hours=1))
    stays = ticket(id=2, used=1, inside=1)
    outcome = decide(Scan(), [left, stays], exit_gate(), DURING)
    assert isinstance(outcome, Admit)
    assert (outcome.ticket.id, outcome.ticket.inside) == (2, 0)


def test_of_several_with_people_inside_the_latest_begun_goes_out():
    yesterday = ticket(id=1, used=1, inside=1, first_in_at=OPENS - timedelta(days=1))
    today = ticket(id=2, used=1, inside=1, first_in_at=OPENS)
    outcome = decide(Scan(), [yesterday, today], exit_gate(), DURING)
    assert isinstance(outcome, Admit)
    assert outcome.ticket.id == 2


# --- closed -------------------------------------------------------------------------------------


def test_a_closed_gate_lets_nobody_in_and_everybody_out():
    assert reason(ticket(), lane=gate(is_open=False)) is Reason.SITE_CLOSED
    assert reason(lane=gate(is_open=False)) is Reason.SITE_CLOSED
    inside = ticket(used=1, inside=1)
    assert reason(inside, lane=exit_gate(is_open=False)) is Reason.EXIT_OK


def test_unlimited_reentry_counts_nobody_inside_twice():
    found = ticket(people=3, used=2, inside=2, reentry=Reentry.UNLIMITED)
    outcome = decide(Scan(), [found], gate(), DURING)
    assert isinstance(outcome, Admit)
    assert (outcome.people, outcome.first_entry) == (3, 1)
    assert (outcome.ticket.used, outcome.ticket.inside) == (3, 3)


def test_nobody_leaves_with_a_ticket_that_nobody_entered_with():
    assert reason(ticket(), lane=exit_gate()) is Reason.NOT_YET
    assert reason(ticket(state=TicketState.HELD), lane=exit_gate()) is Reason.UNPAID


def test_leaving_twice_opens_and_counts_nothing():
    outcome = decide(Scan(), [ticket(used=1, inside=0)], exit_gate(), DURING)
    assert isinstance(outcome, Admit)
    assert outcome.ticket.inside == 0


# --- whatever happens ---------------------------------------------------------------------------

counts = st.integers(1, 5).flatmap(
    lambda people: st.integers(0, people).flatmap(
        lambda used: st.tuples(st.just(people), st.just(used), st.integers(0, used))
    )
)
# Mostly within the slot, so that people are counted and not only windows looked at.
seconds = st.integers(0, 4 * 3600 - 1) | st.integers(-3 * 86400, 3 * 86400)
times = seconds.map(lambda s: OPENS + timedelta(seconds=s))


@st.composite
def any_ticket(draw):
    people, used, inside = draw(counts)
    return ticket(
        people,
        used,
        inside,
        id=draw(st.integers(1, 3)),
        site_id=draw(st.sampled_from([1, 1, 1, 2])),
        state=draw(st.sampled_from([TicketState.VALID, *TicketState])),
        reentry=draw(st.sampled_from(Reentry)),
        gate_ids=draw(st.sampled_from([frozenset(), frozenset({3}), frozenset({9})])),
        first_in_at=draw(times) if used else None,
    )


lanes = st.builds(
    replace,
    st.sampled_from([gate(), exit_gate()]),
    people_per_scan=st.integers(0, 3),
    early_grace_s=st.integers(0, 7200),
    late_grace_s=st.integers(0, 7200),
    is_open=st.booleans(),
)
scans = st.builds(Scan, st.none() | st.integers(-1, 7))


@given(scans, st.lists(any_ticket(), max_size=4), lanes, times)
def test_any_mixture_of_tickets_gets_an_answer_that_has_words(scan, tickets, lane, now):
    outcome = decide(scan, tickets, lane, now)
    assert outcome.reason in WORDINGS
    assert (outcome.at, outcome.gate) == (now, lane)
    if isinstance(outcome, Refuse):
        assert outcome.reason not in {Reason.PASS, Reason.EXIT_OK}
        return
    before = [t for t in tickets if t.id == outcome.ticket.id]
    assert before
    assert outcome.people >= 1
    assert 0 <= outcome.first_entry <= outcome.people
    assert 0 <= outcome.ticket.inside <= outcome.ticket.used <= outcome.ticket.people
    assert outcome.ticket.site_id == lane.site_id
    if lane.direction is Direction.ENTRY:
        assert lane.is_open
        assert outcome.ticket.state is TicketState.VALID
        assert not outcome.ticket.gate_ids or lane.id in outcome.ticket.gate_ids


@given(scans, st.lists(any_ticket(), max_size=4), lanes, times)
def test_the_order_in_which_tickets_are_found_does_not_matter(scan, tickets, lane, now):
    unique = list({t.id: t for t in tickets}.values())
    one, other = (decide(scan, found, lane, now) for found in (unique, unique[::-1]))
    assert type(one) is type(other)
    assert one.reason is other.reason
    if isinstance(one, Admit):
        assert one == other


@given(any_ticket(), lanes, times)
def test_who_is_inside_can_always_leave(found, lane, now):
    lane = replace(lane, direction=Direction.EXIT, site_id=found.site_id)
    while found.inside:
        outcome = decide(Scan(), [found], lane, now)
        assert isinstance(outcome, Admit)
        assert outcome.ticket.inside < found.inside
        found = outcome.ticket


@given(any_ticket(), st.lists(st.tuples(scans, lanes, times), max_size=25))
def test_never_more_first_entries_than_people_in_any_sequence(found, steps):
    entered, before = found.used, found
    for scan, lane, now in steps:
        outcome = decide(scan, [found], lane, now)
        if isinstance(outcome, Refuse):
            continue
        found = outcome.ticket
        entered += outcome.first_entry
        assert 0 <= found.inside <= found.used <= found.people
        assert found.used == entered
    assert entered <= found.people
    frozen = {"people": before.people, "state": before.state, "reentry": before.reentry}
    assert {name: getattr(found, name) for name in frozen} == frozen


@given(counts, st.lists(st.tuples(scans, st.booleans()), max_size=25))
def test_without_reentry_no_more_people_pass_than_the_ticket_has(people_used_inside, steps):
    found = ticket(*people_used_inside)
    passed = found.used
    for scan, leaves in steps:
        outcome = decide(scan, [found], exit_gate() if leaves else gate(), DURING)
        if isinstance(outcome, Admit):
            found = outcome.ticket
            passed += 0 if leaves else outcome.people
    assert passed <= found.people


@given(counts, st.lists(st.tuples(scans, st.booleans()), max_size=25))
def test_reentry_after_exit_never_puts_more_people_inside_than_the_ticket_has(counted, steps):
    found = ticket(*counted, reentry=Reentry.AFTER_EXIT)
    inside = found.inside
    for scan, leaves in steps:
        outcome = decide(scan, [found], exit_gate() if leaves else gate(), DURING)
        if isinstance(outcome, Admit):
            found = outcome.ticket
            inside = max(0, inside - outcome.people) if leaves else inside + outcome.people
        assert inside == found.inside <= found.people
