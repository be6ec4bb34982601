"""What lanes did without the centre: recorded as it happened, counted once, conflicts named."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta

import asyncpg
import msgspec
import structlog

from menpiao.domain.admission import Gate
from menpiao.domain.merge import Happened, Merged, merge
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.ticket import Ticket
from menpiao.storage.database import admissions, reports
from menpiao.storage.database.admissions import Note, Scanned
from menpiao.storage.database.catalogue import Catalogue, Device, Snapshot
from menpiao.storage.database.ids import IdBlocks
from menpiao.wire.lane import (
    Passages,
    Recorded,
    Report,
    Reported,
    ReportedScan,
    ReportResult,
)

log = structlog.get_logger(__name__)

CLOCK_MOST = timedelta(seconds=120)
"""A terminal's clock that is off by more is corrected by what it is off by as it reports."""
OLDEST = timedelta(days=7)
_CODES = frozenset(reason.value for reason in Reason)
_STORE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class ReportService:
    """Takes reports of a terminal; the nonce makes a scan count once, however often it comes."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        catalogue: Catalogue,
        ids: IdBlocks,
        clock: Callable[[], datetime],
    ) -> None:
        """Stand on the data store; ``clock`` gives the time in UTC."""
        self._pool = pool
        self._catalogue = catalogue
        self._ids = ids
        self._clock = clock

    async def report(self, device: Device, report: Report) -> Reported | Refusal:
        """Record what happened, in the order given; what is done is done, also what conflicts.

        A scan for a gate that is not the terminal's, or of a time that cannot be, is rejected
        alone: it is a fault of the terminal that sends it.
        """
        snapshot = await self._catalogue.current()
        now = self._clock()
        offset = now - report.now if report.now.tzinfo else timedelta()
        results = {scan.nonce: self._fault(scan, device, snapshot, now) for scan in report.scans}
        good = list({s.nonce: s for s in report.scans if not results[s.nonce]}.values())
        await self._ids.reserve(2 * len(good) + 8)
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                outcomes, details = await self._record(
                    connection, device, good, snapshot, (now, offset)
                )
        except asyncpg.UniqueViolationError:
            return Refusal(Reason.BUSY)  # another connection brought the same scans: ask again
        except _STORE_ERRORS:
            return Refusal(Reason.BUSY)
        return Reported(
            results=[
                ReportResult(
                    nonce=scan.nonce,
                    outcome="rejected" if results[scan.nonce] else outcomes[scan.nonce],
                    detail=results[scan.nonce] or details.get(scan.nonce, ""),
                )
                for scan in report.scans
            ]
        )

    @staticmethod
    def _fault(scan: ReportedScan, device: Device, snapshot: Snapshot, now: datetime) -> str:
        gate = snapshot.gates.get(scan.gate_id)
        if gate is None or gate.site_id != device.site_id:
            return "no such gate"
        # A hub reports for every gate of its site; a lane for its own.
        if scan.source != "hub" and gate.id not in device.gate_ids:
            return "not a gate of this terminal"
        lane = snapshot.devices.get(scan.of_device) if scan.of_device is not None else device
        if lane is None or lane.site_id != device.site_id:
            return "no such terminal"
        if scan.reason not in _CODES:
            return "unknown reason"
        if scan.at.tzinfo is None or now - scan.at > OLDEST:
            return "a time that cannot be"
        return ""

    async def _record(
        self,
        connection: asyncpg.Connection,
        device: Device,
        scans: Sequence[ReportedScan],
        snapshot: Snapshot,
        times: tuple[datetime, timedelta],
    ) -> tuple[dict[str, str], dict[str, str]]:
        now, offset = times
        site_id = device.site_id
        tickets = await admissions.lock_by_id(
            connection,
            site_id,
            [scan.ticket_id for scan in scans if scan.ticket_id is not None],
            snapshot.terms,
        )
        stored = await admissions.stored_answers(
            connection, site_id, [(scan.of_device or device.id, scan.nonce) for scan in scans]
        )
        known = {nonce: _recorded(answer) for (_, nonce), (_, answer) in stored.items()}
        outcomes = {scan.nonce: "known" for scan in scans if scan.nonce in known}
        rows: list[Scanned] = []
        notes: list[Note] = []
        conflicts: list[tuple[int, int, int]] = []
        for scan in scans:
            if scan.nonce in known:
                continue
            gate = snapshot.gates[scan.gate_id]
            at = _corrected(scan.at, now, offset)
            row, excess = self._row(scan, gate, at, device, tickets)
            rows.append(row)
            notes += _notes(scan, row, at)
            outcomes[scan.nonce] = "conflict" if excess else "recorded"
            if excess and row.ticket_id is not None:
                conflicts.append((row.ticket_id, row.id, excess))
        for day, part in rounds(rows, snapshot):
            await admissions.record(connection, site_id, part, day)
        if notes:
            await admissions.note(connection, site_id, notes)
        for ticket_id, admission_id, excess in conflicts:
            log.warning("admission_conflict", ticket=ticket_id, admission=admission_id)
            await reports.note_conflict(
                connection, site_id, self._ids.take(1)[0], (ticket_id, admission_id), excess, now
            )
        return outcomes, known

    def _row(
        self,
        scan: ReportedScan,
        gate: Gate,
        at: datetime,
        device: Device,
        tickets: dict[int, Ticket],
    ) -> tuple[Scanned, int]:
        """The admission as it is recorded, and by how many people it goes over the ticket."""
        ticket = tickets.get(scan.ticket_id) if scan.ticket_id is not None else None
        merged: Merged | None = None
        if ticket is not None and scan.admitted:
            merged = merge(ticket, Happened(scan.people, scan.first_entry, at), gate)
            ticket = tickets[ticket.id] = merged.ticket
        row = Scanned(
            id=self._ids.take(1)[0],
            device_id=scan.of_device or device.id,
            nonce=scan.nonce,
            digest=_digest(scan),
            gate_id=gate.id,
            gate_name=gate.name,
            direction=gate.direction.value,
            at=at,
            device_at=scan.at,
            admitted=scan.admitted,
            reason=scan.reason,
            ticket_id=ticket.id if ticket else None,
            people=scan.people if scan.admitted else 0,
            first_entry=merged.first_entry if merged else 0,
            answer=msgspec.json.encode({"admitted": scan.admitted}),
            used=ticket.used if ticket else 0,
            inside=ticket.inside if ticket else 0,
            begins=bool(merged and merged.begins),
            zones=ticket.zones if merged and ticket else (),
        )
        return row, merged.excess if merged else 0

    async def passages(self, device: Device, passages: Passages) -> Recorded | Refusal:
        """Keep what barriers did; the same sequence again changes nothing."""
        snapshot = await self._catalogue.current()
        for event in passages.events:
            gate = snapshot.gates.get(event.gate_id)
            if gate is None or gate.site_id != device.site_id:
                return Refusal(Reason.NOT_PERMITTED, field="gate_id")
        events = [
            reports.Passage(e.sequence, e.gate_id, e.at, e.kind, e.count, e.direction, e.nonce)
            for e in passages.events
        ]
        try:
            await reports.record_passages(
                self._pool, device.site_id, (device.id, passages.journal), events, self._clock()
            )
        except _STORE_ERRORS:
            return Refusal(Reason.BUSY)
        return Recorded(upto=max(e.sequence for e in events))


def _corrected(at: datetime, now: datetime, offset: timedelta) -> datetime:
    """When it happened by our clock: never in the future, whatever the terminal believes."""
    moment = at + offset if abs(offset) > CLOCK_MOST else at
    return min(moment, now)


def _recorded(answer: bytes) -> str:
    """What was decided under a nonce, here or by a terminal that has reported it."""
    admitted = msgspec.json.decode(answer).get("admitted")
    return "" if admitted is None else "admitted" if admitted else "refused"


def _digest(scan: ReportedScan) -> bytes:
    text = f"report|{scan.gate_id}|{scan.ticket_id or 0}|{scan.admitted:d}|{scan.people}"
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _notes(scan: ReportedScan, row: Scanned, at: datetime) -> list[Note]:
    horizon = f"{scan.source} {scan.sequence} horizon {scan.horizon}"
    found = [Note(row.id, "offline", at, detail=horizon)]
    if scan.overridden:
        found.append(Note(row.id, "forced", at, detail=f"{scan.overridden}: {scan.staff}"))
    return found


def rounds(rows: Sequence[Scanned], snapshot: Snapshot) -> Iterator[tuple[date, list[Scanned]]]:
    """The scans in their order, cut so that a statement moves a ticket once and keeps one day."""
    part: list[Scanned] = []
    seen: set[int] = set()
    day: date | None = None
    for row in rows:
        today = snapshot.gates[row.gate_id].today(row.at)
        if part and day and (today != day or row.ticket_id in seen):
            yield day, part
            part, seen = [], set()
        day = today
        part.append(row)
        if row.ticket_id is not None:
            seen.add(row.ticket_id)
    if part and day:
        yield day, part
