"""Back-entry (补录): admissions from paper records, after gates stood open in an emergency."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import asyncpg
import msgspec
import structlog

from menpiao.centre.check.service.paper_lines import MOST_LINES, Reader, Unread, Written, lines_of
from menpiao.centre.check.service.reports import rounds
from menpiao.domain.admission import Admit, Direction
from menpiao.domain.paper import decide_paper
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.ticket import Ticket
from menpiao.domain.undo import undo
from menpiao.storage.crypto import Vault
from menpiao.storage.database import admissions, papers, undos
from menpiao.storage.database.admissions import Note, Scanned
from menpiao.storage.database.catalogue import Catalogue, Snapshot
from menpiao.storage.database.ids import IdBlocks
from menpiao.storage.database.papers import KIND, PAPER_DEVICE, Named

log = structlog.get_logger(__name__)
_LATEST: Final = 20
_ANSWER: Final = msgspec.json.encode({"admitted": True})
_LOOK_BACK: Final = timedelta(hours=36)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PaperLine:
    """What became of a line.

    ``state``: ``good`` (can be entered), ``entered``, ``known`` (was entered before), ``refused``
    (``reason``: why the people on it had no right) or ``unread`` (``fault``: a code of
    ``paper_lines.FAULTS``).
    """

    number: int
    text: str
    state: str
    fault: str = ""
    reason: Reason | None = None
    written: Written | None = None
    tickets: tuple[Ticket, ...] = ()
    forced: Reason | None = None
    """What the gate would have refused for, had it not stood open."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An admission that was entered from paper, as the page lists it."""

    id: int
    nonce: str
    at: datetime
    gate_id: int
    people: int
    reason: str
    entered_at: datetime
    holder: str
    staff: str
    undone: bool


@dataclass(slots=True)
class _Known:
    """What is known of the tickets that the lines name; moves as lines are decided."""

    tickets: dict[int, Ticket]
    named: Sequence[Named]
    stored: frozenset[str] = frozenset()
    seen: dict[str, int] = field(default_factory=dict)


class PaperService:
    """Checks and enters lines; the same line again is told and enters nobody."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        vault: Vault,
        catalogue: Catalogue,
        ids: IdBlocks,
        clock: Callable[[], datetime],
    ) -> None:
        """Stand on the data store; ``clock`` gives the time in UTC."""
        self._pool = pool
        self._vault = vault
        self._catalogue = catalogue
        self._ids = ids
        self._clock = clock

    async def check(self, site_id: int, text: str, day: date | None) -> list[PaperLine]:
        """What would become of each line; nothing is locked and nothing written.

        ``day``: of lines that name none; None: today at the site. At most 500 lines are read.
        """
        snapshot, lines = await self._read(site_id, text, day)
        async with self._pool.acquire() as connection:
            known = await self._known(connection, site_id, lines, snapshot, lock=False)
            judged = [self._judge(line, known, snapshot)[0] for line in _by_time(lines)]
        return sorted(judged, key=lambda line: line.number)

    async def enter(
        self, site_id: int, staff_id: int, text: str, day: date | None
    ) -> list[PaperLine]:
        """Enter every line that is good, all of them or none; what became of each line."""
        snapshot, lines = await self._read(site_id, text, day)
        now = self._clock()
        done: list[PaperLine] = []
        async with self._pool.acquire() as connection, connection.transaction():
            known = await self._known(connection, site_id, lines, snapshot, lock=True)
            rows: list[Scanned] = []
            notes: list[Note] = []
            for line in _by_time(lines):
                judged, admits, nonce = self._judge(line, known, snapshot)
                if judged.state == "good":
                    await self._ids.reserve(len(admits))
                    made = [self._row(a, nonce, n) for n, a in enumerate(admits)]
                    rows += made
                    notes += _notes(made, admits, staff_id, now)
                    judged = replace(judged, state="entered")
                done.append(judged)
            for today, part in rounds(rows, snapshot):
                await admissions.record(connection, site_id, part, today)
            if notes:
                await admissions.note(connection, site_id, notes)
        log.warning(
            "back_entry", staff=staff_id, lines=len(lines), admissions=len(rows), site=site_id
        )
        return sorted(done, key=lambda line: line.number)

    async def latest(self, site_id: int) -> list[Entry]:
        """What was entered last, newest first."""
        rows = await papers.latest(self._pool, site_id, _LATEST)
        return [Entry(**row) for row in rows]

    async def take_back(self, site_id: int, staff_id: int, nonce: str) -> Refusal | None:
        """Take an entry back, once; a supervisor's, at any time."""
        snapshot, now = await self._catalogue.current(), self._clock()
        zones = {gate.id: gate.zone_id for gate in snapshot.gates.values()}
        await self._ids.reserve(1)
        async with self._pool.acquire() as connection, connection.transaction():
            found = await undos.find(connection, site_id, (PAPER_DEVICE, nonce), zones)
            if found is None or found.ticket_id is None or found.facts.people < 1:
                return Refusal(Reason.UNDO_NOT_POSSIBLE, "no such entry")
            locked = await admissions.lock_by_id(
                connection, site_id, [found.ticket_id], snapshot.terms
            )
            # Read again under the lock: of two who take it back one does.
            found = await undos.find(connection, site_id, (PAPER_DEVICE, nonce), zones)
            ticket = locked.get(found.ticket_id or 0) if found is not None else None
            if found is None or ticket is None:
                return Refusal(Reason.UNDO_NOT_POSSIBLE, "no such ticket")
            after = undo(found.facts, ticket, PAPER_DEVICE, now, supervisor=True)
            if isinstance(after, Refusal):
                return after
            mirror = undos.Mirror(
                id=self._ids.take(1)[0],
                device_id=PAPER_DEVICE,
                nonce=f"undo-{nonce}",
                digest=b"",
                at=found.facts.at,
                staff_id=staff_id,
                detail=KIND,
                answer=_ANSWER,
            )
            await undos.record(connection, site_id, found, mirror, after)
        log.warning("back_entry_undone", staff=staff_id, admission=found.facts.id)
        return None

    async def _read(
        self, site_id: int, text: str, day: date | None
    ) -> tuple[Snapshot, list[tuple[PaperLine, Written | None]]]:
        snapshot, now = await self._catalogue.current(), self._clock()
        site = snapshot.sites[site_id]
        gates = [gate for gate in snapshot.gates.values() if gate.site_id == site_id]
        reader = Reader(gates, site.zone, day or now.astimezone(site.zone).date(), now)
        found: list[tuple[PaperLine, Written | None]] = []
        for number, line in lines_of(text)[:MOST_LINES]:
            read = reader.read(line)
            if isinstance(read, Unread):
                found.append((PaperLine(number, line, "unread", read.fault), None))
            else:
                found.append((PaperLine(number, line, "good", written=read), read))
        return snapshot, found

    async def _known(
        self,
        connection: asyncpg.Connection,
        site_id: int,
        lines: Sequence[tuple[PaperLine, Written | None]],
        snapshot: Snapshot,
        *,
        lock: bool,
    ) -> _Known:
        """The tickets that the lines name, and what was entered of them before."""
        written = [w for _, w in lines if w is not None]
        if not written:
            return _Known({}, ())
        named = await papers.find(
            connection,
            site_id,
            [w.serial for w in written if w.serial is not None],
            [self._vault.holder_hash(d) for w in written for d in w.documents],
            min(w.at for w in written) - _LOOK_BACK,
        )
        read = admissions.lock_by_id if lock else admissions.tickets_by_id
        tickets = await read(connection, site_id, [n.id for n in named], snapshot.terms)
        known = _Known(tickets, named)
        nonces = []
        for one in written:
            identity, _, _ = self._named(one, known)
            nonces.append((PAPER_DEVICE, f"{_nonce(one, identity)}-0"))
        stored = await admissions.stored_answers(connection, site_id, nonces)
        known.stored = frozenset(nonce for _, nonce in stored)
        return known

    def _named(self, line: Written, known: _Known) -> tuple[str, list[Named], str]:
        """What a line's number names: (its one name, the tickets, a fault)."""
        by_number = [n for n in known.named if line.serial in (n.id, n.order_id)]
        holders = [self._vault.holder_hash(d) for d in line.documents]
        by_holder = [n for n in known.named if n.holder_hash in holders]
        if by_number and by_holder:
            return "", [], "both"
        if by_holder:
            return by_holder[0].holder_hash.hex(), by_holder, ""
        return str(line.serial or ""), by_number, ""

    def _judge(
        self, line: tuple[PaperLine, Written | None], known: _Known, snapshot: Snapshot
    ) -> tuple[PaperLine, tuple[Admit, ...], str]:
        """Decide a line on the tickets as the lines before have left them."""
        paper, written = line
        if written is None:
            return paper, (), ""
        identity, named, fault = self._named(written, known)
        if fault:
            return replace(paper, state="unread", fault=fault), (), ""
        nonce = _nonce(written, identity)
        if nonce in known.seen:
            return replace(paper, state="unread", fault="twice"), (), ""
        known.seen[nonce] = paper.number
        if f"{nonce}-0" in known.stored:
            return replace(paper, state="known"), (), ""
        tickets = [known.tickets[n.id] for n in named if n.id in known.tickets]
        today = written.gate.today(written.at)
        if any(t.daily and t.counted_on is not None and t.counted_on > today for t in tickets):
            return replace(paper, state="refused", fault="later"), (), ""
        site_id = written.gate.site_id
        barred = any((site_id, n.holder_hash) in snapshot.barred for n in named)
        outcome = decide_paper(written.people, tickets, written.gate, written.at, barred=barred)
        if not isinstance(outcome, tuple):
            return replace(paper, state="refused", reason=outcome.reason), (), ""
        after = tuple(admit.ticket for admit in outcome if admit.ticket is not None)
        known.tickets.update((ticket.id, ticket) for ticket in after)
        return replace(paper, tickets=after, forced=outcome[0].overridden), outcome, nonce

    def _row(self, admit: Admit, nonce: str, part: int) -> Scanned:
        ticket = admit.ticket
        return Scanned(
            id=self._ids.take(1)[0],
            device_id=PAPER_DEVICE,
            nonce=f"{nonce}-{part}",
            digest=bytes.fromhex(nonce.removeprefix("paper-")),
            gate_id=admit.gate.id,
            gate_name=admit.gate.name,
            direction=admit.direction.value,
            at=admit.at,
            device_at=None,
            admitted=True,
            reason=admit.reason.value,
            ticket_id=ticket.id if ticket else None,
            people=admit.people,
            first_entry=admit.first_entry,
            answer=_ANSWER,
            used=ticket.used if ticket else 0,
            inside=ticket.inside if ticket else 0,
            begins=bool(
                ticket and admit.direction is Direction.ENTRY and ticket.first_in_at == admit.at
            ),
            zones=ticket.zones if ticket else (),
        )


def _by_time(
    lines: Sequence[tuple[PaperLine, Written | None]],
) -> list[tuple[PaperLine, Written | None]]:
    """In the order in which it happened."""
    return sorted(lines, key=lambda line: line[1].at if line[1] is not None else _FIRST)


def _nonce(line: Written, identity: str) -> str:
    """What makes a line the same line, however it is spelled; holds no number."""
    text = f"{line.at.isoformat()}|{line.gate.id}|{identity}|{line.people}"
    return "paper-" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _notes(
    rows: Sequence[Scanned], admits: Sequence[Admit], staff_id: int, now: datetime
) -> list[Note]:
    """Who entered it and when; and what would have been refused."""
    found = [Note(row.id, KIND, now, staff_id, detail="paper") for row in rows]
    for row, admit in zip(rows, admits, strict=True):
        if admit.overridden is not None:
            detail = f"{admit.overridden.value}: {KIND}"
            found.append(Note(row.id, "forced", now, staff_id, detail=detail))
    return found
