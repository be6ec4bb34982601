"""The check service: lock the visitor's tickets, decide, record, answer after the commit."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import asyncpg
import msgspec
import structlog

from menpiao.centre.check.service.guards import SUPERVISORS, Guards
from menpiao.domain.admission import Admit, Direction, Gate, Refuse, Scan, decide
from menpiao.domain.document import DocumentRefusal, DocumentType, parse_document
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.ticket import Ticket, parse_serial
from menpiao.domain.ticket_code import CODE_KIND
from menpiao.storage.crypto import Vault
from menpiao.storage.database import admissions, devices
from menpiao.storage.database.admissions import Note, Scanned
from menpiao.storage.database.catalogue import Catalogue, Device, Snapshot, StaffMember
from menpiao.storage.database.combine import Answers, Combiner, UnavailableError
from menpiao.storage.database.ids import IdBlocks
from menpiao.storage.ticket_codes import TicketCodes
from menpiao.wire.answers import answer_of
from menpiao.wire.check import Ask, Enrolled, Enrolment, GateInfo, SignIn, StaffKnown

log = structlog.get_logger(__name__)

_TYPES = {kind.value: kind for kind in DocumentType}
_encoder = msgspec.json.Encoder()
# Values that are written out cost the data store more than those that are handed over: beyond so
# many scans more than the wait that is saved.
_WRITTEN_MOST = 32
# A nonce is remembered for its content: the clock of a device may not be off by more than this.
CLOCK_BOUND_S = 120
_OF_CREDENTIAL = frozenset({Reason.DOCUMENT_INVALID, Reason.NO_TICKET})
"""Refusals of what was laid or shown: answered like any other scan, so that the lane says so."""
TICKET_NUMBER = "ticket"
"""The kind of credential that is a ticket's number: only staff may ask for one."""


@dataclass(frozen=True, slots=True)
class Only:
    """One ticket; ``last_day``: of its validity as a code says, None: whatever it is."""

    ticket_id: int
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    """One ask, ready to be decided."""

    device_id: int
    ask: Ask
    gate: Gate
    holder: bytes
    digest: bytes
    scan: Scan
    staff: StaffMember | None = None
    only: Only | None = None
    """The one ticket that was asked for, where it was a ticket and not a document."""


class CheckService:
    """Answers gates. One instance a process; any number of processes beside each other."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        vault: Vault,
        catalogue: Catalogue,
        ids: IdBlocks,
        clock: Callable[[], datetime],
        codes: TicketCodes | None = None,
    ) -> None:
        """Stand on the data store; ``clock`` gives the time in UTC.

        Without ``codes`` no code of a ticket is taken.
        """
        self._codes = codes
        self._pool = pool
        self._vault = vault
        self._catalogue = catalogue
        self._ids = ids
        self._clock = clock
        self._combiners: dict[int, Combiner[_Waiting, bytes | Refusal]] = {}
        self._snapshot = Snapshot()
        self.guards = Guards()

    async def device(self, device_id: int) -> Device | Refusal:
        """The enrolled device of this id, or why it may not ask."""
        self._snapshot = await self._catalogue.current()
        device = self._snapshot.devices.get(device_id)
        if device is None:
            return Refusal(Reason.DEVICE_UNKNOWN)
        if device.revoked_at is not None:
            return Refusal(Reason.DEVICE_REVOKED)
        return device

    def device_at_hand(self, device_id: int) -> Device | None:
        """The enrolled device of this id, if that is known already and it may ask."""
        snapshot = self._catalogue.at_hand()
        if snapshot is None:
            return None
        self._snapshot = snapshot
        device = snapshot.devices.get(device_id)
        return None if device is None or device.revoked_at is not None else device

    def gates_of(self, device: Device) -> list[GateInfo]:
        """The gates that a device may ask for."""
        return [
            GateInfo(id=g.id, name=g.name, name_en=g.name_en, direction=g.direction.value)
            for g in self._snapshot.gates.values()
            if g.site_id == device.site_id and g.id in device.gate_ids
        ]

    def site_names(self, site_id: int) -> tuple[str, str]:
        """The site's name in Chinese and English."""
        site = self._snapshot.sites[site_id]
        return site.name, site.name_en

    def utc_offset_s(self, site_id: int, at: datetime) -> int:
        """How far the site's local time is ahead of UTC, in seconds."""
        offset = at.astimezone(self._snapshot.sites[site_id].zone).utcoffset()
        return int((offset or timedelta()).total_seconds())

    def post(self, device: Device, ask: Ask) -> "asyncio.Future[bytes | Refusal] | None":
        """The answer to come to a plain ask; None: more than is at hand is needed, by `admit`.

        Plain is a document laid by its holder at a gate of the device: nearly every ask.
        """
        snapshot, kind = self._catalogue.at_hand(), _TYPES.get(ask.credential.kind)
        special = bool(ask.staff or ask.force or ask.evidence_seen or ask.by_hand)
        special = special or ask.dry_run or ask.of_device is not None
        if snapshot is None or kind is None or special or not self._ids.at_hand(512):
            return None
        self._snapshot = snapshot
        gate = snapshot.gates.get(ask.gate_id)
        if gate is None or gate.site_id != device.site_id or gate.id not in device.gate_ids:
            return None
        now = self._clock()
        document = parse_document(kind, ask.credential.number, gate.today(now))
        if isinstance(document, DocumentRefusal):
            return None
        holder = self._vault.holder_hash(document)
        scan = _scan(ask, gate, now, barred=(gate.site_id, holder) in snapshot.barred)
        waiting = _Waiting(device.id, ask, gate, holder, _digest(ask, holder), scan)
        return self._combiner(gate.site_id).post(waiting)

    async def admit(self, device: Device, ask: Ask) -> bytes | Refusal:
        """The answer to an ask as encoded JSON, or a refusal of the request itself.

        A document that cannot be one is answered like any other scan, so that the lane can say
        so; a gate that the device may not use is a fault of the set-up.
        """
        posted = self.post(device, ask)
        if posted is not None:
            await asyncio.wait([posted])
            return self.outcome(posted)
        self._snapshot = snapshot = await self._catalogue.current()
        if ask.of_device is not None:
            # A hub asks for a lane: what that lane asked itself under this nonce is the same scan.
            lane = snapshot.devices.get(ask.of_device)
            if lane is None or lane.site_id != device.site_id or lane.revoked_at is not None:
                return Refusal(Reason.NOT_PERMITTED, field="of_device")
            device = lane
        gate = snapshot.gates.get(ask.gate_id)
        if gate is None or gate.site_id != device.site_id or gate.id not in device.gate_ids:
            return Refusal(Reason.NOT_PERMITTED, field="gate_id")
        now = self._clock()
        staff = await self._staff(device, ask, now)
        if isinstance(staff, Refusal):
            return staff
        only = self._named(gate, ask)
        if isinstance(only, Refusal):
            return _encoder.encode(answer_of(ask.nonce, Refuse(only.reason, now, gate)))
        holder = await self._holder(gate, ask, only, now)
        if isinstance(holder, Refusal):
            if holder.reason not in _OF_CREDENTIAL:
                return holder
            refuse = Refuse(holder.reason, now, gate)
            return _encoder.encode(answer_of(ask.nonce, refuse))
        scan = _scan(ask, gate, now, barred=(gate.site_id, holder) in snapshot.barred)
        digest = _digest(ask, holder, only)
        waiting = _Waiting(device.id, ask, gate, holder, digest, scan, staff, only)
        if ask.dry_run:
            return await self._preview(waiting)
        await self._ids.reserve(512)
        try:
            return await self._combiner(gate.site_id).submit(waiting)
        except UnavailableError:
            return Refusal(Reason.BUSY)

    @staticmethod
    def outcome(posted: "asyncio.Future[bytes | Refusal]") -> bytes | Refusal:
        """What came of an ask that was posted."""
        try:
            return posted.result()
        except UnavailableError:
            return Refusal(Reason.BUSY)

    async def sign_in(self, device: Device, asked: SignIn) -> StaffKnown | Refusal:
        """Who this is, for a lane that lets them act; every act brings its proof again."""
        snapshot = await self._catalogue.current()
        gate = snapshot.gates.get(asked.gate_id)
        if gate is None or gate.site_id != device.site_id or gate.id not in device.gate_ids:
            return Refusal(Reason.NOT_PERMITTED, field="gate_id")
        now = self._clock()
        person = await self.guards.verify(asked.staff, device.site_id, device.id, snapshot, now)
        if isinstance(person, Refusal):
            return person
        log.info("staff_signed_in", staff=person.id, device=device.id, gate=gate.id)
        supervisor = person.role in SUPERVISORS
        return StaffKnown(badge=person.badge, role=person.role, supervisor=supervisor)

    async def _staff(self, device: Device, ask: Ask, now: datetime) -> StaffMember | Refusal | None:
        """Who of the house asks, where what is asked for needs somebody."""
        if ask.staff is None:
            needed = ask.force or ask.evidence_seen or ask.by_hand
            needed = needed or ask.credential.kind == TICKET_NUMBER
            return Refusal(Reason.NOT_PERMITTED, "needs staff", "staff") if needed else None
        person = await self.guards.verify(ask.staff, device.site_id, device.id, self._snapshot, now)
        if isinstance(person, Refusal):
            return person
        if (ask.force or ask.by_hand) and person.role not in SUPERVISORS:
            return Refusal(Reason.NOT_PERMITTED, "needs a supervisor", "staff")
        return person

    def _named(self, gate: Gate, ask: Ask) -> Only | Refusal | None:
        """The ticket that the credential names; None: it is a document."""
        text = ask.credential.number
        if ask.credential.kind == CODE_KIND:
            code = self._codes.read(text) if self._codes else None
            if code is None:
                return Refusal(Reason.CODE_INVALID, field="credential.number")
            if code.site_id != gate.site_id:
                return Refusal(Reason.WRONG_SITE, field="credential.number")
            return Only(code.ticket_id, code.last_day)
        if ask.credential.kind == TICKET_NUMBER:
            ticket_id = parse_serial(text)
            bad = Refusal(Reason.DOCUMENT_INVALID, field="credential.number")
            return bad if ticket_id is None else Only(ticket_id)
        return None

    async def _holder(
        self, gate: Gate, ask: Ask, only: Only | None, now: datetime
    ) -> bytes | Refusal:
        """Under what the credential's tickets are found."""
        if only is not None:
            found = await admissions.holder_of(self._pool, gate.site_id, only.ticket_id)
            coded = ask.credential.kind == CODE_KIND
            none = Reason.NO_TICKET if coded else Reason.DOCUMENT_INVALID
            return found or Refusal(none, field="credential.number")
        kind = _TYPES.get(ask.credential.kind)
        if kind is None:
            return Refusal(Reason.BAD_REQUEST, "unknown document type", "credential.kind")
        today = _local_date(self._snapshot, gate, now)
        document = parse_document(kind, ask.credential.number, today)
        if isinstance(document, DocumentRefusal):
            return Refusal(Reason.DOCUMENT_INVALID, document.fault.value, "credential.number")
        return self._vault.holder_hash(document)

    async def _preview(self, waiting: _Waiting) -> bytes | Refusal:
        """What would be decided now; nothing is locked and nothing recorded."""
        now, snapshot, gate = self._clock(), self._snapshot, waiting.gate
        try:
            async with self._pool.acquire() as connection:
                tickets = await admissions.read_tickets(
                    connection, gate.site_id, [waiting.holder], now, snapshot.terms
                )
        except (
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
            OSError,
            TimeoutError,
        ):
            return Refusal(Reason.BUSY)
        outcome = decide(waiting.scan, _asked_for(waiting, tickets), gate, now)
        return _encoder.encode(answer_of(waiting.ask.nonce, outcome))

    def _combiner(self, site_id: int) -> Combiner[_Waiting, bytes | Refusal]:
        combiner = self._combiners.get(site_id)
        if combiner is None:
            combiner = Combiner(
                self._pool,
                lambda connection, batch: self._decide(connection, site_id, batch),
                lambda waiting: waiting.holder,
                again=lambda connection, batch: self._decide_again(connection, site_id, batch),
                kind="check",
                name=lambda waiting: waiting.ask.nonce,
            )
            self._combiners[site_id] = combiner
        return combiner

    async def _decide(
        self, connection: asyncpg.Connection, site_id: int, batch: Sequence[_Waiting]
    ) -> Sequence[bytes | Refusal]:
        """Lock the tickets, decide one after the other, record all of it with the commit.

        A nonce that was recorded before fails the transaction: :meth:`_decide_again`.
        """
        if len(batch) > _WRITTEN_MOST:
            return await self._decide_again(connection, site_id, batch)
        scans, notes = await self._judged(connection, site_id, batch)
        await admissions.move_zones(connection, site_id, [s for s in scans if s.zones])
        if notes:
            await admissions.note(connection, site_id, notes)
        # All gates of a site keep the same day.
        closing = admissions.recording(site_id, scans, batch[0].gate.today(scans[0].at))
        answers, reasons = (scan.answer for scan in scans), (scan.reason for scan in scans)
        return Answers(answers, reasons, closing)

    async def _decide_again(
        self, connection: asyncpg.Connection, site_id: int, batch: Sequence[_Waiting]
    ) -> Sequence[bytes | Refusal]:
        """The same where some nonces may be known: those record nothing and move no ticket."""
        scans, notes = await self._judged(connection, site_id, batch)
        today = batch[0].gate.today(scans[0].at)
        fresh = await admissions.record(connection, site_id, scans, today)
        if notes:
            kept = [note for note in notes if note.admission_id in fresh]
            await admissions.note(connection, site_id, kept)
        return await self._replay(connection, site_id, scans, fresh)

    async def _judged(
        self, connection: asyncpg.Connection, site_id: int, batch: Sequence[_Waiting]
    ) -> tuple[list[Scanned], list[Note]]:
        now = self._clock()
        snapshot = self._snapshot
        tickets = await admissions.lock_tickets(
            connection, site_id, [w.holder for w in batch], now, snapshot.terms
        )
        await self._ids.reserve(len(batch))
        notes: list[Note] = []
        scans = [
            self._judge(waiting, _asked_for(waiting, tickets), notes, now, identifier)
            for waiting, identifier in zip(batch, self._ids.take(len(batch)), strict=True)
        ]
        return scans, notes

    async def _replay(
        self,
        connection: asyncpg.Connection,
        site_id: int,
        scans: Sequence[Scanned],
        fresh: set[int],
    ) -> list[bytes | Refusal]:
        """Answers where some nonces were recorded before: those get the answer they had."""
        keys = [(s.device_id, s.nonce) for s in scans if s.id not in fresh]
        stored = await admissions.stored_answers(connection, site_id, keys)
        answers: list[bytes | Refusal] = []
        for scan in scans:
            if scan.id in fresh:
                answers.append(scan.answer)
                continue
            digest, answer = stored[scan.device_id, scan.nonce]
            same = digest == scan.digest
            answers.append(answer if same else Refusal(Reason.TOKEN_REUSED, field="nonce"))
        outcomes = (scan.reason if scan.id in fresh else "repeated" for scan in scans)
        return Answers(answers, outcomes)

    def _judge(
        self,
        waiting: _Waiting,
        tickets: Sequence[Ticket],
        notes: list[Note],
        now: datetime,
        identifier: int,
    ) -> Scanned:
        ask, gate = waiting.ask, waiting.gate
        outcome = decide(waiting.scan, tickets, gate, now)
        admitted = isinstance(outcome, Admit)
        answer = answer_of(ask.nonce, outcome)
        if isinstance(outcome, Admit):
            notes += _notes(waiting, outcome, identifier)
        after = outcome.ticket
        entered = admitted and gate.direction is Direction.ENTRY
        return Scanned(
            id=identifier,
            device_id=waiting.device_id,
            nonce=ask.nonce,
            digest=waiting.digest,
            gate_id=gate.id,
            gate_name=gate.name,
            direction=gate.direction.value,
            at=now,
            device_at=_bounded(ask.at, now, CLOCK_BOUND_S),
            admitted=admitted,
            reason=outcome.reason.value,
            ticket_id=after.id if after else None,
            people=outcome.people if isinstance(outcome, Admit) else 0,
            first_entry=outcome.first_entry if isinstance(outcome, Admit) else 0,
            answer=_encoder.encode(answer),
            used=after.used if after else 0,
            inside=after.inside if after else 0,
            begins=bool(entered and after and after.first_in_at == now),
            zones=after.zones if admitted and after else (),
        )

    async def enrol(self, enrolment: Enrolment, public_key: bytes) -> Enrolled | Refusal:
        """Give a device its place for a one-time code; the same code and key give it again."""
        device_id = await devices.enrol(
            self._pool, enrolment.code, public_key, enrolment.name, self._clock()
        )
        if device_id is None:
            return Refusal(Reason.NOT_PERMITTED, "code unknown, used or expired", "code")
        self._snapshot = snapshot = await self._catalogue.current(fresh=True)
        device = snapshot.devices[device_id]
        return Enrolled(
            device_id=device_id,
            site_id=device.site_id,
            site=snapshot.sites[device.site_id].name,
            gates=self.gates_of(device),
        )


def _scan(ask: Ask, gate: Gate, now: datetime, *, barred: bool) -> Scan:
    """What the decision needs to know of an ask."""
    until = ask.document_until
    return Scan(
        people=ask.people,
        evidence_seen=ask.evidence_seen,
        forced=bool(ask.force),
        barred=barred,
        document_expired=until is not None and until < gate.today(now),
    )


def _asked_for(waiting: _Waiting, tickets: dict[bytes, list[Ticket]]) -> list[Ticket]:
    """The tickets to decide on: all of the holder, or the one that was asked for."""
    found, only, gate = tickets.get(waiting.holder, []), waiting.only, waiting.gate
    if only is None:
        return found
    meant = [t for t in found if t.id == only.ticket_id]
    # The code of a ticket that has been moved to another day is void.
    return [t for t in meant if only.last_day in {None, gate.today(t.closes_at)}]


def _digest(ask: Ask, holder: bytes, only: Only | None = None) -> bytes:
    """What must be the same when a nonce comes again."""
    text = f"{ask.gate_id}|{ask.people or 0}|{ask.evidence_seen:d}|{ask.force}".encode()
    if only is not None:
        text += f"|{only.ticket_id}".encode()
    return hashlib.blake2b(holder + text, digest_size=16).digest()


def _notes(waiting: _Waiting, outcome: Admit, identifier: int) -> list[Note]:
    """Who let it happen, and what is unusual about it."""
    staff_id = waiting.staff.id if waiting.staff else None
    found = []
    if outcome.overridden:
        detail = f"{outcome.overridden.value}: {waiting.ask.force}"
        found.append(Note(identifier, "forced", outcome.at, staff_id, detail=detail))
    if waiting.ask.evidence_seen and outcome.ticket and outcome.ticket.evidence:
        evidence = outcome.ticket.evidence
        found.append(Note(identifier, "evidence", outcome.at, staff_id, detail=evidence))
    if waiting.ask.credential.kind == TICKET_NUMBER:
        found.append(Note(identifier, "by_number", outcome.at, staff_id))
    if waiting.ask.by_hand:
        found.append(Note(identifier, "by_hand", outcome.at, staff_id))
    if outcome.notice:
        found.append(Note(identifier, "notice", outcome.at, detail=outcome.notice.value))
    return found


def _local_date(snapshot: Snapshot, gate: Gate, now: datetime) -> date:
    return now.astimezone(snapshot.sites[gate.site_id].zone).date()


def _bounded(at: datetime | None, now: datetime, bound_s: float) -> datetime | None:
    """The device's time, kept only when its clock can be believed."""
    if at is None or at.tzinfo is None:
        return None
    return at if abs((at - now).total_seconds()) <= bound_s else None
