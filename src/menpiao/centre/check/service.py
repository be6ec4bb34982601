"""The check service: lock the visitor's tickets, decide, record, answer after the commit."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import asyncpg
import msgspec

from menpiao.domain.admission import Admit, Gate, Refuse, Scan, decide
from menpiao.domain.document import DocumentRefusal, DocumentType, parse_document
from menpiao.domain.reasons import WORDINGS, Reason, Refusal
from menpiao.domain.ticket import Ticket, TicketState, serial_number
from menpiao.storage.crypto import Vault
from menpiao.storage.database import admissions, devices
from menpiao.storage.database.admissions import Scanned
from menpiao.storage.database.catalogue import Catalogue, Device, Snapshot
from menpiao.storage.database.combine import Combiner, UnavailableError
from menpiao.storage.database.ids import IdBlocks
from menpiao.wire.check import Answer, Ask, Enrolled, Enrolment, GateInfo

_TYPES = {kind.value: kind for kind in DocumentType}
_encoder = msgspec.json.Encoder()
# A nonce is remembered for its content: the clock of a device may not be off by more than this.
CLOCK_BOUND_S = 120


@dataclass(frozen=True, slots=True)
class _Waiting:
    """One ask, ready to be decided."""

    device_id: int
    ask: Ask
    gate: Gate
    holder: bytes
    digest: bytes


class CheckService:
    """Answers gates. One instance a process; any number of processes beside each other."""

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
        self._combiners: dict[int, Combiner[_Waiting, bytes | Refusal]] = {}
        self._snapshot = Snapshot()

    async def device(self, device_id: int) -> Device | Refusal:
        """The enrolled device of this id, or why it may not ask."""
        self._snapshot = await self._catalogue.current()
        device = self._snapshot.devices.get(device_id)
        if device is None:
            return Refusal(Reason.DEVICE_UNKNOWN)
        if device.revoked_at is not None:
            return Refusal(Reason.DEVICE_REVOKED)
        return device

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

    async def admit(self, device: Device, ask: Ask) -> bytes | Refusal:
        """The answer to an ask as encoded JSON, or a refusal of the request itself.

        A document that cannot be one is answered like any other scan, so that the lane can say
        so; a gate that the device may not use is a fault of the set-up.
        """
        self._snapshot = snapshot = await self._catalogue.current()
        gate = snapshot.gates.get(ask.gate_id)
        if gate is None or gate.site_id != device.site_id or gate.id not in device.gate_ids:
            return Refusal(Reason.NOT_PERMITTED, field="gate_id")
        now = self._clock()
        kind = _TYPES.get(ask.credential.kind)
        if kind is None:
            return Refusal(Reason.BAD_REQUEST, "unknown document type", "credential.kind")
        document = parse_document(kind, ask.credential.number, _local_date(snapshot, gate, now))
        if isinstance(document, DocumentRefusal):
            refuse = Refuse(Reason.DOCUMENT_INVALID, now, gate)
            return _encoder.encode(self._answer(ask, refuse, snapshot))
        holder = self._vault.holder_hash(document)
        text = f"{ask.gate_id}|{ask.people or 0}".encode()
        digest = hashlib.blake2b(holder + text, digest_size=16).digest()
        waiting = _Waiting(device.id, ask, gate, holder, digest)
        await self._ids.reserve(512)
        try:
            return await self._combiner(gate.site_id).submit(waiting)
        except UnavailableError:
            return Refusal(Reason.BUSY)

    def _combiner(self, site_id: int) -> Combiner[_Waiting, bytes | Refusal]:
        combiner = self._combiners.get(site_id)
        if combiner is None:

            async def work(
                connection: asyncpg.Connection, batch: Sequence[_Waiting]
            ) -> Sequence[bytes | Refusal]:
                return await self._decide(connection, site_id, batch)

            combiner = Combiner(self._pool, work, lambda waiting: waiting.holder)
            self._combiners[site_id] = combiner
        return combiner

    async def _decide(
        self, connection: asyncpg.Connection, site_id: int, batch: Sequence[_Waiting]
    ) -> Sequence[bytes | Refusal]:
        now = self._clock()
        snapshot = self._snapshot
        tickets = await admissions.lock_tickets(
            connection, site_id, [w.holder for w in batch], now, snapshot.terms
        )
        await self._ids.reserve(len(batch))
        scans = [
            self._judge(waiting, tickets.get(waiting.holder, []), snapshot, now, identifier)
            for waiting, identifier in zip(batch, self._ids.take(len(batch)), strict=True)
        ]
        fresh = await admissions.record(connection, site_id, scans)
        if len(fresh) == len(scans):
            return [scan.answer for scan in scans]
        return await self._replay(connection, site_id, scans, fresh)

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
        return answers

    def _judge(
        self,
        waiting: _Waiting,
        tickets: Sequence[Ticket],
        snapshot: Snapshot,
        now: datetime,
        identifier: int,
    ) -> Scanned:
        ask, gate = waiting.ask, waiting.gate
        outcome = decide(Scan(ask.people), tickets, gate, now)
        admitted = isinstance(outcome, Admit)
        answer = self._answer(ask, outcome, snapshot)
        return Scanned(
            id=identifier,
            device_id=waiting.device_id,
            nonce=ask.nonce,
            digest=waiting.digest,
            gate_id=gate.id,
            gate_name=gate.name,
            direction=gate.direction.value,
            at=now,
            device_at=_bounded(ask.at, now),
            admitted=admitted,
            reason=outcome.reason.value,
            ticket_id=outcome.ticket.id if outcome.ticket else None,
            people=outcome.people if isinstance(outcome, Admit) else 0,
            first_entry=outcome.first_entry if isinstance(outcome, Admit) else 0,
            answer=_encoder.encode(answer),
            used=outcome.ticket.used if outcome.ticket else 0,
            inside=outcome.ticket.inside if outcome.ticket else 0,
        )

    def _answer(self, ask: Ask, outcome: Admit | Refuse, snapshot: Snapshot) -> Answer:
        words, ticket, gate = WORDINGS[outcome.reason], outcome.ticket, outcome.gate
        admit = outcome if isinstance(outcome, Admit) else None
        refuse = outcome if isinstance(outcome, Refuse) else None
        offset = outcome.at.astimezone(snapshot.sites[gate.site_id].zone).utcoffset()
        return Answer(
            nonce=ask.nonce,
            admitted=admit is not None,
            reason=outcome.reason.value,
            status=_status(ticket) if ticket else "",
            people=admit.people if admit else 0,
            count=ticket.people if ticket else 0,
            remaining=ticket.remaining if ticket else 0,
            ticket_no=serial_number(ticket.id) if ticket else "",
            at=outcome.at,
            place=gate.name,
            place_en=gate.name_en,
            zh=words.zh,
            en=words.en,
            zh_next=words.zh_next,
            en_next=words.en_next,
            voice=words.voice,
            product=ticket.product_name if ticket else "",
            product_en=ticket.product_name_en if ticket else "",
            holder=ticket.holder_masked if ticket else "",
            since=refuse.since if refuse else None,
            since_place=refuse.place if refuse else "",
            direction=gate.direction.value,
            utc_offset_s=int((offset or timedelta()).total_seconds()),
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


def _status(ticket: Ticket) -> str:
    if ticket.state is TicketState.VALID and ticket.used == ticket.people:
        return "used"
    return ticket.state.value


def _bounded(at: datetime | None, now: datetime) -> datetime | None:
    """The device's time, kept only when its clock can be believed."""
    if at is None or at.tzinfo is None:
        return None
    return at.astimezone(UTC) if abs((at - now).total_seconds()) <= CLOCK_BOUND_S else None


def _local_date(snapshot: Snapshot, gate: Gate, now: datetime) -> date:
    return now.astimezone(snapshot.sites[gate.site_id].zone).date()
