"""Decides without the centre: its own book over what was heard over the day's bundle.

The decision is ``domain.admission.decide``; here it gets its tickets, and what it says is written
down before anybody hears of it. One thread calls this: no two scans are decided side by side.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

import msgspec
import structlog

from menpiao.domain.admission import Admit, Direction, Gate, Refuse, Scan, decide
from menpiao.domain.document import DocumentRefusal, DocumentType, parse_document
from menpiao.domain.identity import day_hash
from menpiao.domain.merge import Happened, merge
from menpiao.domain.reasons import Reason
from menpiao.domain.ticket import Ticket, parse_serial
from menpiao.domain.ticket_code import CODE_KIND
from menpiao.terminals.gate.offline.book import Book, Entry, Open
from menpiao.terminals.gate.offline.codes import verified
from menpiao.terminals.gate.offline.rows import Rules, at_home, home_gate
from menpiao.terminals.gate.offline.store import Known, Store
from menpiao.wire.answers import answer_of
from menpiao.wire.check import Answer, Ask, Changes, Heard

log = structlog.get_logger(__name__)

SETTLE: Final = timedelta(seconds=5)
"""So long after the centre has learnt of an admission, what it sends shows it."""
_TYPES: Final = {kind.value: kind for kind in DocumentType}


class Arbiter:
    """The place where scans are decided that the centre is not asked about."""

    def __init__(self, store: Store, book: Book, oldest: timedelta, source: str = "lane") -> None:
        """Decide on data that is not older than ``oldest``; ``source``: lane or hub."""
        self.store = store
        self.book = book
        self.oldest = oldest
        self._source = source

    def known(self, now: datetime) -> Known | None:
        """What may be decided on now."""
        return self.store.known(now, self.oldest)

    def decide(self, ask: Ask, now: datetime) -> Answer | None:
        """The decision, written down; None: this cannot be decided here.

        The same nonce of the same terminal is decided once. Raises sqlite3.Error when the book
        cannot be written: then nobody may pass.
        """
        asker = ask.of_device or 0
        before = self.book.answer(asker, ask.nonce)
        if before is not None:
            return msgspec.json.decode(before, type=Answer)
        known = self.known(now)
        kind = _TYPES.get(ask.credential.kind)
        # What needs somebody of the house needs the centre, which knows them.
        special = ask.staff or ask.force or ask.evidence_seen or ask.by_hand
        rules = self.store.rules(known.day) if known else None
        gate = rules.gates.get(ask.gate_id) if rules else None
        unknown = kind is None and ask.credential.kind != CODE_KIND
        if known is None or rules is None or gate is None or unknown or special:
            return None
        alone = known.alone if self._source == "lane" else "admit"
        if alone == "refuse" and gate.direction is Direction.ENTRY:
            return None
        outcome = self._judge(ask, rules, gate, now, home=alone == "home")
        answer = answer_of(ask.nonce, outcome)
        answer = msgspec.structs.replace(answer, source=self._source, data_at=known.data_at)
        if answer.reason == Reason.WRONG_GATE and outcome.ticket and alone == "home":
            answer = _sent_home(answer, outcome.ticket, rules)
        if not ask.dry_run:
            self._note(ask, outcome, answer, known, asker)
        return answer

    def _judge(
        self, ask: Ask, rules: Rules, gate: Gate, now: datetime, *, home: bool
    ) -> Admit | Refuse:
        today, day = gate.today(now), rules.manifest.day
        coded = ask.credential.kind == CODE_KIND
        found = self._of_code(ask, rules, gate) if coded else self._of_card(ask, rules, gate, today)
        if isinstance(found, Reason):
            return Refuse(found, now, gate)
        holder, tickets = found
        leaving = gate.direction is Direction.EXIT
        holding = self.store.holding(day)
        if gate.zone_id in holding.places and not leaving:
            since = self._since_counted(gate.zone_id, rules)
            gate = replace(gate, is_full=holding.is_full(gate.zone_id, since))
        if home and not leaving:
            tickets = [at_home(ticket, rules) for ticket in tickets]
        until = ask.document_until
        expired = until is not None and until < today
        scan = Scan(
            people=ask.people,
            barred=holding.is_barred(holder, now),
            document_expired=expired,
        )
        return decide(scan, tickets, gate, now)

    def _of_card(
        self, ask: Ask, rules: Rules, gate: Gate, today: date
    ) -> tuple[bytes, list[Ticket]] | Reason:
        """The hash of a document's holder, and their tickets."""
        kind = _TYPES[ask.credential.kind]
        document = parse_document(kind, ask.credential.number, today)
        if isinstance(document, DocumentRefusal):
            return Reason.DOCUMENT_INVALID
        holder = day_hash(rules.hash_key, document)
        tickets = self.tickets(rules.manifest.day, holder)
        eve = self._eve(rules, gate)
        if not tickets and eve is not None:
            tickets = self.tickets(eve.manifest.day, day_hash(eve.hash_key, document))
        return holder, tickets

    def _of_code(self, ask: Ask, rules: Rules, gate: Gate) -> tuple[bytes, list[Ticket]] | Reason:
        """The ticket that a code means, alone, and the hash of its holder."""
        code = verified(ask.credential.number, rules.manifest.code_key)
        if code is None:
            return Reason.CODE_INVALID
        if code.site_id != gate.site_id:
            return Reason.WRONG_SITE
        eve = self._eve(rules, gate)
        for day in (rules.manifest.day, *((eve.manifest.day,) if eve else ())):
            for row in self.store.row_of(day, code.ticket_id):
                (plain,) = self.store.tickets(day, [row])
                good = gate.today(plain.closes_at) == code.last_day
                return row.holder, [self._counted(plain, day)] if good else []
        return b"", []

    def _eve(self, rules: Rules, gate: Gate) -> Rules | None:
        """The day before, at a gate that leads out: who came in before midnight is let out."""
        if gate.direction is not Direction.EXIT:
            return None
        return self.store.rules(rules.manifest.day - timedelta(days=1))

    def _since_counted(self, zone_id: int, rules: Rules) -> int:
        """How many more are in a place than the centre has counted, as far as is known here."""
        more = 0
        for gate_id, people in self.book.open_people(rules.manifest.day).items():
            gate = rules.gates.get(gate_id)
            if gate is not None and gate.zone_id == zone_id:
                more += people if gate.direction is Direction.ENTRY else -people
        return more

    def tickets(self, day: date, holder: bytes) -> list[Ticket]:
        """The tickets of a holder as they are by all that is known here."""
        rows = self.store.rows(day, holder)
        return [self._counted(ticket, day) for ticket in self.store.tickets(day, rows)]

    def _counted(self, ticket: Ticket, day: date) -> Ticket:
        """The ticket with what this terminal knows of beyond its row."""
        rules = self.store.rules(day)
        for item in self.book.open_of(ticket.id):
            gate = rules.gates.get(item.gate_id) if rules else None
            if gate is None or (ticket.daily and item.day != day):
                continue
            ticket = merge(ticket, _happened(item, ticket, gate), gate).ticket
        return ticket

    def _note(
        self, ask: Ask, outcome: Admit | Refuse, answer: Answer, known: Known, asker: int
    ) -> None:
        admit = outcome if isinstance(outcome, Admit) else None
        self.book.note(
            Entry(
                sequence=0,
                asker=asker,
                nonce=ask.nonce,
                gate_id=ask.gate_id,
                day=known.day,
                at=outcome.at,
                admitted=admit is not None,
                reason=outcome.reason.value,
                source=self._source,
                people=admit.people if admit else 0,
                first_entry=admit.first_entry if admit else 0,
                ticket_id=outcome.ticket.id if outcome.ticket else None,
                horizon=known.horizon,
                answer=msgspec.json.encode(answer),
            )
        )

    def hear(self, answer: Answer | Heard, gate_id: int, now: datetime) -> None:
        """Others have admitted: the data shows it a moment later, and the link may go first."""
        ticket_id = parse_serial(answer.ticket_no) if answer.ticket_no else None
        day = self.store.day_of(now)
        if ticket_id is not None and day is not None:
            self.book.hear(ticket_id, answer, gate_id, day)

    def take(self, changes: Changes, now: datetime) -> bool:
        """Keep what has changed; False: it does not follow on what is known."""
        taken = self.store.take(changes)
        if taken and changes.day == self.store.day_of(now) and self.book.anything_open():
            self.book.settle(min(now, changes.at) - SETTLE)
        return taken


def _happened(item: Open, ticket: Ticket, gate: Gate) -> Happened:
    if item.remaining is None or gate.zone_id or gate.direction is Direction.EXIT:
        return item.happened
    # The row may show it already: then nobody enters for the first time.
    happened = item.happened
    first = min(happened.people, max(0, ticket.remaining - item.remaining))
    return Happened(happened.people, first, happened.at)


def _sent_home(answer: Answer, ticket: Ticket, rules: Rules) -> Answer:
    """Tell them the gate to go to."""
    # The ticket of the refusal is good at its home gate alone.
    home = home_gate(ticket, rules)
    if home is None:
        return answer
    return msgspec.structs.replace(
        answer,
        zh_next=f"请到{home.name}检票",
        en_next=f"Please go to {home.name_en or home.name}",
        since_place=home.name,
    )
