"""Offline and online are one decision, and no interleaving of mishaps loses or doubles anything."""

import base64
import hashlib
import itertools
import shutil
import tempfile
import zlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from tests.support_db import person
from tests.terminals.gate.offline.packed import (
    EVIDENCES,
    FACTS,
    bundle_file,
    manifest_of,
    row_of,
    signed,
    zones_of,
)

from menpiao.domain.admission import Admit, Direction, ExpiredDocument, Gate, Scan, decide
from menpiao.domain.document import DocumentType, parse_document
from menpiao.domain.identity import day_hash
from menpiao.domain.merge import Happened, merge
from menpiao.domain.ticket import Reentry, Ticket, TicketState, ZoneRight
from menpiao.terminals.gate.offline.arbiter import Arbiter
from menpiao.terminals.gate.offline.book import Book, Entry
from menpiao.terminals.gate.offline.rows import rules_of, ticket_of
from menpiao.terminals.gate.offline.store import Store
from menpiao.wire.answers import answer_of
from menpiao.wire.bundle import (
    pack_barred,
    pack_content,
    pack_ticket,
    pack_zone,
    unpack_ticket,
    unpack_zone,
)
from menpiao.wire.check import Ask, Changes, Credential, Heard, PlaceCount

DAY = date(2026, 5, 1)
NOON = datetime(2026, 5, 1, 4, tzinfo=UTC)
SITE = 3

moments = st.integers(-40_000, 40_000).map(lambda s: NOON + timedelta(seconds=s))
gates = st.builds(
    Gate,
    id=st.sampled_from([1, 2]),
    site_id=st.just(SITE),
    name=st.just("东门"),
    name_en=st.just("East"),
    direction=st.sampled_from(Direction),
    people_per_scan=st.integers(0, 3),
    early_grace_s=st.sampled_from([0, 900]),
    late_grace_s=st.sampled_from([0, 900]),
    is_open=st.booleans(),
    zone_id=st.sampled_from([0, 0, 5]),
    needs_inside=st.booleans(),
    leave_first=st.sampled_from([frozenset(), frozenset({6})]),
    passback_s=st.sampled_from([0, 60]),
    expired_document=st.sampled_from(ExpiredDocument),
    product_ids=st.sampled_from([frozenset(), frozenset({min(FACTS)}), frozenset({99})]),
    reentry=st.sampled_from([None, *Reentry]),
)


@st.composite
def tickets(draw):
    people = draw(st.integers(1, 4))
    used = draw(st.integers(0, people))
    inside = draw(st.integers(0, used))
    first = draw(moments) if used else None
    daily = draw(st.booleans())
    product = draw(st.sampled_from(sorted(FACTS)))
    evidence, evidence_en = draw(st.sampled_from([("", ""), *EVIDENCES]))
    zones = draw(st.sets(st.sampled_from([5, 6])))
    rights = []
    for zone in sorted(zones):
        allowed = draw(st.integers(0, 3))
        taken = draw(st.integers(0, allowed or 3))
        rights.append(ZoneRight(zone, allowed, taken, draw(st.integers(0, people))))
    opens = draw(moments)
    return Ticket(
        id=draw(st.integers(1, 2**40)),
        site_id=SITE,
        state=draw(st.sampled_from([s for s in TicketState if s is not TicketState.HELD])),
        people=people,
        used=used,
        inside=inside,
        visit_date=DAY,
        opens_at=opens,
        closes_at=opens + timedelta(seconds=draw(st.integers(60, 40_000))),
        reentry=Reentry(FACTS[product].reentry),
        gate_ids=frozenset(FACTS[product].gate_ids),
        product_name=FACTS[product].name,
        product_name_en=FACTS[product].name_en,
        holder_masked="",
        first_in_at=first,
        first_in_gate="东门" if used else "",
        last_in_at=first,
        daily=daily,
        counted_on=draw(st.sampled_from([None, DAY, DAY - timedelta(days=1)])) if daily else None,
        visits_left=draw(st.sampled_from([None, 0, 1, 5])) if daily else None,
        evidence=evidence,
        evidence_en=evidence_en,
        difference_fen=draw(st.integers(0, 10_000)),
        zones=tuple(rights),
        product_id=product,
    )


scans = st.builds(Scan, people=st.sampled_from([None, 1, 2, 5]), document_expired=st.booleans())


@settings(max_examples=400, deadline=None)
@given(st.lists(tickets(), max_size=3, unique_by=lambda t: t.id), gates, scans, moments)
def test_a_bundle_decides_as_the_tables_do(owned, gate, scan, now):
    manifest = manifest_of(DAY, SITE, [gate], Ed25519PrivateKey.generate())
    rules = rules_of(manifest)
    rebuilt = []
    for ticket in owned:
        row = unpack_ticket(pack_ticket(row_of(ticket, b"h" * 16, gate)))
        rights = [unpack_zone(pack_zone(z)) for z in zones_of(ticket)]
        rebuilt.append(ticket_of(row, rights, rules))
    assert rebuilt == owned
    here, there = (
        answer_of("n" * 8, decide(scan, known, at, now))
        for known, at in ((rebuilt, rules.gates[gate.id]), (owned, gate))
    )
    assert here == there


@st.composite
def standing(draw):
    """What holds people back: (barred until, None: not; for good; a ceiling and who is counted)."""
    until = draw(st.none() | st.just(0) | st.integers(-100, 100))
    barred = None if until is None else until and int(NOON.timestamp()) + until
    ceiling, counted = draw(st.none() | st.integers(0, 12)), draw(st.integers(0, 12))
    return barred, ceiling, counted


@settings(max_examples=250, deadline=None)
@given(
    tickets(),
    gates,
    scans,
    standing(),
    standing(),
    st.sampled_from(["manifest", "link", "link, then restart"]),
    st.lists(st.tuples(st.sampled_from(["here", "heard"]), st.integers(1, 4)), max_size=3),
    st.booleans(),
)
def test_who_is_barred_and_what_is_full_is_known_without_the_centre_too(
    ticket, gate, scan, first, then, way, went, has_ticket
):
    """The lane's arbiter, with its files, against the decision on what the centre would know.

    ``went``: people that this lane let in or heard of, and nobody has counted yet. Not
    ``has_ticket``: who asks is somebody else than the ticket's holder.
    """
    ticket = ticket._replace(site_id=SITE, id=ticket.id)
    number = person(1 if has_ticket else 2)
    holder, asking = (
        day_hash(b"k" * 32, parse_document(DocumentType.RESIDENT, one, DAY))
        for one in (person(1), number)
    )
    lists = [_lists(asking, gate, one) for one in (first, then)]
    barred, ceiling, counted = first if way == "manifest" else then
    key = Ed25519PrivateKey.generate()
    content = pack_content([row_of(ticket, holder, gate)], zones_of(ticket))
    zipped = zlib.compress(content)
    manifest = manifest_of(
        DAY,
        SITE,
        [gate],
        key,
        tickets=1,
        zones=len(ticket.zones),
        size=len(zipped),
        sha256=hashlib.sha256(zipped).hexdigest(),
        **lists[0],
    )
    with tempfile.TemporaryDirectory(prefix="menpiao-rules-") as name:
        arbiter = _arbiter(Path(name), manifest, zipped, key)
        if way != "manifest":
            changes = Changes(day=DAY, since=100, horizon=101, at=NOON, **lists[1])
            assert arbiter.take(changes, NOON)
        for nth, (how, people) in enumerate(went):
            _went(arbiter, f"went-{nth:04d}", how, people, gate)
        if way == "link, then restart":
            arbiter.store.close()
            arbiter.book.close()
            book = Book(Path(name) / "decided.sqlite3")
            arbiter = Arbiter(Store(Path(name)), book, timedelta(hours=12))
        ask = Ask(
            nonce="n" * 8,
            credential=Credential(kind="resident_card", number=number),
            gate_id=gate.id,
            people=scan.people,
            document_until=DAY - timedelta(days=1) if scan.document_expired else None,
        )
        here = arbiter.decide(ask, NOON)
        arbiter.store.close()
        arbiter.book.close()
    entering = gate.direction is Direction.ENTRY
    inside = counted + (1 if entering else -1) * sum(people for _, people in went)
    is_barred = barred is not None and (barred == 0 or NOON.timestamp() < barred)
    there = decide(
        replace(scan, barred=is_barred),
        [ticket] if has_ticket else [],
        replace(gate, is_full=ceiling is not None and inside >= ceiling),
        NOON,
    )
    expected = answer_of("n" * 8, there)
    assert replace_source(here) == expected


def replace_source(answer):
    return msgspec.structs.replace(answer, source="centre", data_at=None)


def _lists(holder, gate, one):
    until, ceiling, counted = one
    place = [] if ceiling is None else [(gate.zone_id, ceiling, counted)]
    return {
        "barred": pack_barred({} if until is None else {holder: until, b"x" * 16: 0}),
        "places": [PlaceCount(zone_id=z, ceiling=c, people=p) for z, c, p in [*place, (77, 1, 1)]],
    }


def _arbiter(folder, manifest, zipped, key):
    raw = key.public_key().public_bytes_raw()
    store = Store(folder)
    store.met(base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), timedelta())
    bundle_file(folder / f"{DAY}.bundle", manifest, zipped)
    store.install(DAY)
    return Arbiter(store, Book(folder / "decided.sqlite3"), timedelta(hours=12))


def _went(arbiter, nonce, how, people, gate):
    """Another ticket's people went through the gate."""
    if how == "heard":
        heard = Heard(
            nonce=nonce, gate_id=gate.id, ticket_no="", people=people, remaining=0, at=NOON
        )
        arbiter.book.hear(2**50, heard, gate.id, DAY)
        return
    arbiter.book.note(
        Entry(0, 0, nonce, gate.id, DAY, NOON, True, "pass", "lane", people, 0, 2**50, 100, b"")
    )


class Centre:
    """What the centre keeps, without a network: tickets, what is recorded under which nonce."""

    def __init__(self, people):
        self.now = NOON
        self.horizon = 100
        self.key = Ed25519PrivateKey.generate()
        self.gates = [
            Gate(id=n, site_id=SITE, name=f"门{n}", name_en=f"Gate {n}") for n in (1, 2, 3)
        ]
        self.tickets = {
            n: Ticket(
                id=n,
                site_id=SITE,
                state=TicketState.VALID,
                people=count,
                used=0,
                inside=0,
                visit_date=DAY,
                opens_at=NOON - timedelta(hours=4),
                closes_at=NOON + timedelta(hours=8),
                reentry=Reentry.NONE,
                gate_ids=frozenset(),
                product_name=FACTS[1].name,
                product_name_en=FACTS[1].name_en,
                holder_masked="",
            )
            for n, count in enumerate(people, 1)
        }
        self.recorded = {}
        self.excess = 0
        self.in_at_centre = dict.fromkeys(self.tickets, 0)

    def document(self, n):
        return parse_document(DocumentType.RESIDENT, person(n), DAY)

    def ask(self, device, gate, n, nonce):
        """Decide and record, as the check server does."""
        if (device, nonce) in self.recorded:
            return self.recorded[device, nonce][1]
        self.horizon += 1
        outcome = decide(Scan(people=1), [self.tickets[n]], gate, self.now)
        if isinstance(outcome, Admit):
            self.tickets[n] = outcome.ticket
            self.in_at_centre[n] += outcome.first_entry
        self.recorded[device, nonce] = (isinstance(outcome, Admit), answer_of(nonce, outcome))
        return self.recorded[device, nonce][1]

    def report(self, device, entry):
        key = (entry.asker or device, entry.nonce)
        if key in self.recorded:
            admitted = self.recorded[key][0]
            if entry.admitted and not admitted:
                return self.report(device, replace(entry, nonce=entry.nonce + "-b"))
            if admitted and not entry.admitted:
                self._undo(key, entry)
            return "known"
        self.horizon += 1
        self.recorded[key] = (entry.admitted, None)
        if not entry.admitted or entry.ticket_id is None:
            return "recorded"
        gate = next(g for g in self.gates if g.id == entry.gate_id)
        happened = Happened(entry.people, entry.first_entry, min(entry.at, self.now))
        merged = merge(self.tickets[entry.ticket_id], happened, gate)
        self.tickets[entry.ticket_id] = merged.ticket
        self.excess += merged.excess
        return "conflict" if merged.excess else "recorded"

    def _undo(self, key, entry):
        self.horizon += 1
        n = int(self.recorded[key][1].ticket_no.replace("-", "")[:-1])
        ticket = self.tickets[n]
        self.tickets[n] = ticket._replace(used=ticket.used - 1, inside=max(0, ticket.inside - 1))
        self.in_at_centre[n] -= 1
        self.recorded[key] = (False, None)

    def bundle(self):
        rows = [
            row_of(t, day_hash(b"k" * 32, self.document(n)), None) for n, t in self.tickets.items()
        ]
        return signed(DAY, SITE, self.gates, self.key, rows, self.horizon, self.now)

    def changes(self, since):
        rows = b"".join(
            pack_ticket(row_of(t, day_hash(b"k" * 32, self.document(n)), None))
            for n, t in self.tickets.items()
        )
        packed = base64.b64encode(rows).decode()
        return Changes(day=DAY, since=since, horizon=self.horizon, at=self.now, tickets=packed)


class Terminal:
    """A lane or a hub with its real files; what the network would do, a test does."""

    def __init__(self, device, centre, source):
        self.device, self.centre, self.source = device, centre, source
        self.folder = Path(tempfile.mkdtemp(prefix="menpiao-rules-"))
        self.drift = timedelta()
        self.up = True
        self.let_in = dict.fromkeys(centre.tickets, 0)
        manifest, content = centre.bundle()
        bundle_file(self.folder / f"{DAY}.bundle", manifest, content)
        raw = centre.key.public_key().public_bytes_raw()
        store = Store(self.folder)
        store.met(base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), timedelta())
        store.close()
        bundle_file(self.folder / f"{DAY}.bundle", manifest, content)
        self.open()

    def open(self):
        book = Book(self.folder / "decided.sqlite3")
        self.arbiter = Arbiter(Store(self.folder), book, timedelta(hours=12), self.source)

    def close(self):
        self.arbiter.store.close()
        self.arbiter.book.close()

    @property
    def now(self):
        return self.centre.now + self.drift

    def decide(self, gate, n, nonce, asker=None):
        ask = Ask(
            nonce=nonce,
            credential=Credential(kind="resident_card", number=person(n)),
            gate_id=gate.id,
            people=1,
            of_device=asker,
        )
        before = self.arbiter.book.answer(asker or 0, nonce)
        answer = self.arbiter.decide(ask, self.now)
        assert answer is not None
        if answer.admitted and before is None:
            self.let_in[n] += 1
        return answer

    def sync(self, *, report=True):
        """What a link does once it stands: reports go up, changes come down."""
        if report:
            entries = self.arbiter.book.unreported(500)
            assert (
                [e.sequence for e in entries]
                == list(range(entries[0].sequence, entries[0].sequence + len(entries)))
                if entries
                else True
            )
            results = [(e.sequence, self.centre.report(self.device, e), "") for e in entries]
            self.arbiter.book.acknowledge(results, self.now)
        (wish,) = self.arbiter.store.follows()
        assert self.arbiter.take(self.centre.changes(wish.horizon), self.now)


class Site(RuleBasedStateMachine):
    """Two lanes, a hub and a centre; cuts, lost answers, repeats, restarts, clocks that are off."""

    @initialize(people=st.lists(st.integers(1, 3), min_size=2, max_size=3))
    def begin(self, people):
        self.centre = Centre(people)
        self.lanes = [Terminal(1, self.centre, "lane"), Terminal(2, self.centre, "lane")]
        self.hub = Terminal(3, self.centre, "hub")
        self.numbers = itertools.count(1)
        self.went_in = dict.fromkeys(self.centre.tickets, 0)
        self.last = None

    def teardown(self):
        if not hasattr(self, "centre"):
            return
        for terminal in (*self.lanes, self.hub):
            terminal.sync()
            assert terminal.arbiter.book.queue() == 0
        # No admission is lost, and all that goes over a ticket is a conflict.
        used = sum(t.used for t in self.centre.tickets.values())
        assert sum(self.went_in.values()) == used + self.centre.excess
        for ticket in self.centre.tickets.values():
            assert ticket.used <= ticket.people
        for terminal in (*self.lanes, self.hub):
            for n, let_in in terminal.let_in.items():
                assert let_in <= self.centre.tickets[n].people
            terminal.close()
            shutil.rmtree(terminal.folder)

    def _nonce(self):
        return f"nonce-{next(self.numbers):06d}"

    def _pick(self, n):
        return n % len(self.centre.tickets) + 1

    @rule(lane=st.integers(0, 1), n=st.integers(0, 5), how=st.sampled_from(["up", "lost", "cut"]))
    def lay(self, lane, n, how):
        """A card at a lane: asked and answered, asked without hearing the answer, or not asked."""
        n, terminal, gate = self._pick(n), self.lanes[lane], self.centre.gates[lane]
        nonce = self._nonce()
        if how == "up":
            answer = self.centre.ask(terminal.device, gate, n, nonce)
            if answer.admitted:
                terminal.arbiter.hear(answer, gate.id, terminal.now)
        else:
            if how == "lost":
                self.centre.ask(terminal.device, gate, n, nonce)
            answer = terminal.decide(gate, n, nonce)
            self.last = (terminal, gate, n, nonce, answer)
        self.went_in[n] += answer.admitted

    @rule()
    def repeat(self):
        """The same nonce again: the same answer, and nobody counts twice."""
        if self.last:
            terminal, gate, n, nonce, answer = self.last
            assert terminal.decide(gate, n, nonce) == answer

    @rule(lane=st.integers(0, 1), n=st.integers(0, 5))
    def lay_at_hub(self, lane, n):
        n, terminal = self._pick(n), self.lanes[lane]
        answer = self.hub.decide(self.centre.gates[lane], n, self._nonce(), terminal.device)
        if answer.admitted:
            terminal.arbiter.hear(answer, self.centre.gates[lane].id, terminal.now)
        self.went_in[n] += answer.admitted

    @rule(which=st.integers(0, 2), report=st.booleans())
    def link_up(self, which, report):
        (*self.lanes, self.hub)[which].sync(report=report)

    @rule(which=st.integers(0, 2))
    def restart(self, which):
        terminal = (*self.lanes, self.hub)[which]
        terminal.close()
        terminal.open()

    @rule(which=st.integers(0, 2), seconds=st.integers(-90, 90))
    def drift(self, which, seconds):
        (*self.lanes, self.hub)[which].drift = timedelta(seconds=seconds)

    @rule(seconds=st.integers(1, 30))
    def time_goes_on(self, seconds):
        self.centre.now += timedelta(seconds=seconds)


TestSite = Site.TestCase
TestSite.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
