"""Zones, passes, certificates, ceilings, lists and overrides: as tables, and whatever happens."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.making import CLOSES, OPENS, VISIT, exit_gate, gate, ticket

from menpiao.domain.admission import Admit, ExpiredDocument, Refuse, Scan, decide
from menpiao.domain.reasons import Reason
from menpiao.domain.ticket import Reentry, TicketState, ZoneRight

DURING = OPENS + timedelta(hours=1)
CAVE, GARDEN = 7, 8


def zone_gate(**changes):
    return gate(id=20, name="溶洞", zone_id=CAVE, **changes)


def zone_exit(**changes):
    return exit_gate(zone_id=CAVE, **changes)


def with_cave(people=1, allowed=0, used=0, inside=0, **changes):
    entered = changes.pop("entered", people)
    rights = (ZoneRight(CAVE, allowed, used, inside), *changes.pop("more", ()))
    return ticket(people, entered, entered, zones=rights, **changes)


def a_pass(**changes):
    long = {"opens_at": OPENS - timedelta(days=30), "closes_at": OPENS + timedelta(days=300)}
    return ticket(**{"daily": True, **long, **changes})


# --- zones: a garden in the garden --------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "lane", "expected"),
    [
        (with_cave(), zone_gate(), Reason.PASS),
        (ticket(), zone_gate(), Reason.ZONE_NOT_INCLUDED),
        (with_cave(allowed=1, used=1), zone_gate(), Reason.ZONE_USED_UP),
        (with_cave(used=1, inside=1), zone_gate(), Reason.ALREADY_INSIDE),
        (with_cave(allowed=2, used=1), zone_gate(), Reason.PASS),
        (with_cave(entered=0), zone_gate(needs_inside=True), Reason.NOT_INSIDE),
        (with_cave(entered=0), zone_gate(), Reason.PASS),
        (with_cave(), zone_gate(is_full=True), Reason.ZONE_FULL),
        (
            with_cave(more=(ZoneRight(GARDEN, inside=1, used=1),)),
            zone_gate(leave_first=frozenset({GARDEN})),
            Reason.LEAVE_FIRST,
        ),
        (with_cave(used=1, inside=1), zone_exit(), Reason.EXIT_OK),
        (ticket(used=1, inside=1), zone_exit(), Reason.ZONE_NOT_INCLUDED),
        (with_cave(gate_ids=frozenset({3})), zone_gate(), Reason.PASS),
        (with_cave(state=TicketState.REFUNDED), zone_gate(), Reason.REFUNDED),
    ],
)
def test_a_zone(found, lane, expected):
    assert decide(Scan(), [found], lane, DURING).reason is expected


def test_a_zone_counts_its_own_people_and_leaves_the_site_alone():
    outcome = decide(Scan(2), [with_cave(3, allowed=4, used=1)], zone_gate(), DURING)
    assert isinstance(outcome, Admit)
    assert outcome.first_entry == 0
    assert outcome.ticket.zone(CAVE) == ZoneRight(CAVE, 4, 3, 2)
    assert (outcome.ticket.used, outcome.ticket.inside) == (3, 3)


def test_who_leaves_the_site_leaves_its_zones():
    outcome = decide(Scan(), [with_cave(used=1, inside=1)], exit_gate(), DURING)
    assert isinstance(outcome, Admit)
    assert (outcome.ticket.inside, outcome.ticket.zone(CAVE).inside) == (0, 0)


# --- passes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "at", "expected"),
    [
        (a_pass(), DURING, Reason.PASS),
        (a_pass(used=1, inside=1, counted_on=VISIT), DURING, Reason.DAILY_USED),
        (a_pass(used=1, inside=0, counted_on=VISIT), DURING, Reason.DAILY_USED),
        (a_pass(used=1, inside=1, counted_on=VISIT), DURING + timedelta(days=1), Reason.PASS),
        (a_pass(used=1, counted_on=VISIT, reentry=Reentry.AFTER_EXIT), DURING, Reason.PASS),
        (a_pass(visits_left=0), DURING, Reason.VISITS_USED_UP),
        (a_pass(visits_left=1), DURING, Reason.PASS),
        (a_pass(closes_at=DURING), DURING, Reason.EXPIRED),
        (a_pass(opens_at=DURING + timedelta(days=2)), DURING, Reason.NOT_YET),
    ],
)
def test_a_pass(found, at, expected):
    assert decide(Scan(), [found], gate(), at).reason is expected


def test_the_day_of_a_pass_begins_at_the_sites_midnight():
    midnight = OPENS + timedelta(hours=16)  # 00:00 in Shanghai
    used = a_pass(used=1, inside=0, counted_on=VISIT)
    before, after = (
        decide(Scan(), [used], gate(), midnight + timedelta(seconds=s)) for s in (-1, 0)
    )
    assert (before.reason, after.reason) == (Reason.DAILY_USED, Reason.PASS)
    assert after.ticket.counted_on == VISIT + timedelta(days=1)


def test_who_came_in_before_midnight_is_let_out_after_it():
    inside = a_pass(used=1, inside=1, counted_on=VISIT)
    outcome = decide(Scan(), [inside], exit_gate(), OPENS + timedelta(hours=17))
    assert isinstance(outcome, Admit)
    assert outcome.ticket.inside == 0


def test_a_visit_is_counted_once_a_person_a_day():
    outcome = decide(Scan(), [a_pass(people=2, visits_left=3)], gate(), DURING)
    assert isinstance(outcome, Admit)
    assert (outcome.people, outcome.ticket.visits_left, outcome.ticket.remaining) == (2, 1, 0)
    tomorrow = decide(Scan(), [outcome.ticket], gate(), DURING + timedelta(days=1))
    assert isinstance(tomorrow, Admit)
    assert (tomorrow.people, tomorrow.ticket.visits_left) == (1, 0)


# --- what keeps a good ticket waiting -----------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "scan", "lane", "expected"),
    [
        (ticket(), Scan(), gate(is_full=True), Reason.SITE_FULL),
        (ticket(used=1, inside=1), Scan(), exit_gate(is_full=True), Reason.EXIT_OK),
        (ticket(evidence="学生证"), Scan(), gate(), Reason.CONCESSION_CHECK),
        (ticket(evidence="学生证"), Scan(evidence_seen=True), gate(), Reason.PASS),
        (ticket(), Scan(barred=True), gate(), Reason.BARRED),
        (ticket(used=1, inside=1), Scan(barred=True), exit_gate(), Reason.EXIT_OK),
        (
            ticket(used=1, last_in_at=DURING - timedelta(seconds=59), reentry=Reentry.UNLIMITED),
            Scan(),
            gate(passback_s=60),
            Reason.PASSBACK,
        ),
        (
            ticket(used=1, last_in_at=DURING - timedelta(seconds=60), reentry=Reentry.UNLIMITED),
            Scan(),
            gate(passback_s=60),
            Reason.PASS,
        ),
    ],
)
def test_holding(found, scan, lane, expected):
    assert decide(scan, [found], lane, DURING).reason is expected


@pytest.mark.parametrize(
    ("policy", "reason", "notice"),
    [
        (ExpiredDocument.IGNORE, Reason.PASS, None),
        (ExpiredDocument.WARN, Reason.PASS, Reason.DOCUMENT_EXPIRED),
        (ExpiredDocument.REFUSE, Reason.DOCUMENT_EXPIRED, None),
    ],
)
def test_a_document_that_has_run_out(policy, reason, notice):
    lane = gate(expired_document=policy)
    outcome = decide(Scan(document_expired=True), [ticket()], lane, DURING)
    assert (outcome.reason, getattr(outcome, "notice", None)) == (reason, notice)


def test_a_certificate_is_asked_for_once():
    first = decide(Scan(1, evidence_seen=True), [ticket(2, evidence="学生证")], gate(), DURING)
    assert isinstance(first, Admit)
    assert decide(Scan(), [first.ticket], gate(), DURING).reason is Reason.PASS


# --- forced by a supervisor ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tickets", "lane", "overridden"),
    [
        ([], gate(), Reason.NO_TICKET),
        ([ticket(used=1, inside=1)], gate(), Reason.ALREADY_USED),
        ([ticket()], gate(is_full=True), Reason.SITE_FULL),
        ([ticket(state=TicketState.REFUNDED)], gate(), Reason.REFUNDED),
        ([ticket(site_id=2)], gate(), Reason.WRONG_SITE),
        ([ticket()], gate(is_open=False), Reason.SITE_CLOSED),
    ],
)
def test_what_is_forced_passes_and_says_why_it_would_not_have(tickets, lane, overridden):
    outcome = decide(Scan(forced=True), tickets, lane, DURING)
    assert isinstance(outcome, Admit)
    assert (outcome.reason, outcome.overridden, outcome.people) == (Reason.FORCED, overridden, 1)


def test_forcing_changes_nothing_for_a_good_ticket():
    outcome = decide(Scan(forced=True), [ticket()], gate(), DURING)
    assert (outcome.reason, outcome.overridden) == (Reason.PASS, None)


def test_forcing_counts_a_ticket_as_far_as_it_goes():
    outcome = decide(Scan(5, forced=True), [ticket(3)], gate(), DURING)
    assert isinstance(outcome, Admit)
    assert (outcome.people, outcome.first_entry) == (5, 3)
    assert (outcome.ticket.used, outcome.ticket.inside) == (3, 3)


# --- whatever happens ---------------------------------------------------------------------------

lanes = st.sampled_from(
    [
        gate(),
        gate(people_per_scan=1),
        exit_gate(),
        zone_gate(),
        zone_exit(),
        zone_gate(needs_inside=True),
        zone_gate(leave_first=frozenset({GARDEN})),
    ]
)
scans = st.builds(Scan, st.none() | st.integers(1, 4), st.booleans(), st.booleans())
hours = st.integers(0, 80)


@given(
    st.integers(1, 3),
    st.integers(0, 3),
    st.sampled_from(Reentry),
    st.booleans(),
    st.none() | st.integers(0, 5),
    st.lists(st.tuples(scans, lanes, hours), max_size=20),
)
def test_counts_hold_in_any_sequence(people, allowed, reentry, daily, visits, steps):
    rights = (ZoneRight(CAVE, allowed), ZoneRight(GARDEN))
    found = a_pass(people=people, reentry=reentry, daily=daily, visits_left=visits, zones=rights)
    entered, by_day = 0, {}
    for scan, lane, hour in sorted(steps, key=lambda step: step[2]):
        now = OPENS + timedelta(hours=hour)
        outcome = decide(scan, [found], lane, now)
        if isinstance(outcome, Refuse):
            continue
        found = outcome.ticket
        entered += outcome.first_entry
        day: date = lane.today(now)
        by_day[day] = by_day.get(day, 0) + outcome.first_entry
        assert 0 <= found.inside <= found.used <= found.people
        for right in found.zones:
            assert 0 <= right.inside <= found.people
            assert not right.allowed or right.used <= right.allowed
    assert all(count <= people for count in by_day.values())
    assert daily or entered <= people
    assert visits is None or (entered <= visits and found.visits_left == visits - entered)


@given(st.integers(1, 4), st.lists(st.tuples(scans, st.booleans()), max_size=12))
def test_forcing_never_moves_a_count_over_the_ticket(people, steps):
    found = ticket(people)
    for scan, leaves in steps:
        outcome = decide(
            replace(scan, forced=True), [found], exit_gate() if leaves else gate(), CLOSES
        )
        assert isinstance(outcome, Admit)
        found = outcome.ticket or found
        assert 0 <= found.inside <= found.used <= found.people


# --- what a gate says for itself, whatever the product says ---------------------------------------


@pytest.mark.parametrize(
    ("found", "lane", "expected"),
    [
        (ticket(product_id=7), gate(product_ids=frozenset({7, 8})), Reason.PASS),
        (ticket(product_id=9), gate(product_ids=frozenset({7, 8})), Reason.WRONG_GATE),
        (ticket(product_id=9), gate(), Reason.PASS),
        (with_cave(product_id=9), zone_gate(product_ids=frozenset({7})), Reason.WRONG_GATE),
        (
            ticket(used=1, inside=1, product_id=9),
            exit_gate(product_ids=frozenset({7})),
            Reason.EXIT_OK,
        ),
        (ticket(used=1, inside=0), gate(reentry=Reentry.AFTER_EXIT), Reason.PASS),
        (ticket(used=1, inside=1), gate(reentry=Reentry.AFTER_EXIT), Reason.ALREADY_INSIDE),
        (ticket(used=1, inside=1), gate(reentry=Reentry.UNLIMITED), Reason.PASS),
        (
            ticket(used=1, inside=0, reentry=Reentry.AFTER_EXIT),
            gate(reentry=Reentry.NONE),
            Reason.NO_REENTRY,
        ),
        (
            ticket(used=1, inside=1, reentry=Reentry.UNLIMITED),
            gate(reentry=Reentry.NONE),
            Reason.ALREADY_USED,
        ),
    ],
)
def test_a_gates_own_rule(found, lane, expected):
    assert decide(Scan(), [found], lane, DURING).reason is expected
