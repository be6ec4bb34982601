"""Taking an admission back, once."""

import hashlib
from collections.abc import Callable
from datetime import datetime

import asyncpg
import msgspec

from menpiao.centre.check.service.guards import SUPERVISORS, Guards
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.ticket import Ticket, serial_number
from menpiao.domain.undo import undo
from menpiao.storage.database import admissions, undos
from menpiao.storage.database.catalogue import Catalogue, Device, Snapshot, StaffMember
from menpiao.storage.database.ids import IdBlocks
from menpiao.wire.check import Undo, Undone

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Undone)
_STORE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class UndoService:
    """Takes admissions back; the same nonce gives the same answer."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        catalogue: Catalogue,
        ids: IdBlocks,
        guards: Guards,
        clock: Callable[[], datetime],
    ) -> None:
        """Stand on the data store; ``clock`` gives the time in UTC."""
        self._pool = pool
        self._catalogue = catalogue
        self._ids = ids
        self._guards = guards
        self._clock = clock

    async def undo(self, device: Device, asked: Undo) -> Undone | Refusal:
        """Take it back, or say why it stays."""
        snapshot = await self._catalogue.current()
        gate = snapshot.gates.get(asked.gate_id)
        if gate is None or gate.site_id != device.site_id or gate.id not in device.gate_ids:
            return Refusal(Reason.NOT_PERMITTED, field="gate_id")
        staff: StaffMember | None = None
        if asked.staff is not None:
            found = await self._guards.verify(
                asked.staff, device.site_id, device.id, snapshot, self._clock()
            )
            if isinstance(found, Refusal):
                return found
            staff = found
        await self._ids.reserve(8)
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                return await self._in_one(connection, device, asked, staff, snapshot)
        except asyncpg.UniqueViolationError:
            # The same undo, or another one of the same admission, was recorded meanwhile.
            return Refusal(Reason.UNDO_NOT_POSSIBLE, "undone already")
        except _STORE_ERRORS:
            return Refusal(Reason.BUSY)

    async def _in_one(
        self,
        connection: asyncpg.Connection,
        device: Device,
        asked: Undo,
        staff: StaffMember | None,
        snapshot: Snapshot,
    ) -> Undone | Refusal:
        site_id, now = device.site_id, self._clock()
        digest = _digest(asked)
        key = (device.id, asked.nonce)
        stored = await admissions.stored_answers(connection, site_id, [key])
        if key in stored:
            known, answer = stored[key]
            return _decoder.decode(answer) if known == digest else Refusal(Reason.TOKEN_REUSED)
        zones = {gate.id: gate.zone_id for gate in snapshot.gates.values()}
        of = (asked.of_device or device.id, asked.of_nonce)
        recorded = await undos.find(connection, site_id, of, zones)
        if recorded is None or not recorded.admitted or recorded.facts.people < 1:
            return Refusal(Reason.UNDO_NOT_POSSIBLE, "no such admission", "of_nonce")
        ticket: Ticket | None = None
        if recorded.ticket_id is not None:
            found = await admissions.lock_by_id(
                connection, site_id, [recorded.ticket_id], snapshot.terms
            )
            ticket = found.get(recorded.ticket_id)
        if ticket is None:
            return Refusal(Reason.UNDO_NOT_POSSIBLE, "let in without a ticket", "of_nonce")
        supervisor = staff is not None and staff.role in SUPERVISORS
        after = undo(recorded.facts, ticket, device.id, now, supervisor=supervisor)
        if isinstance(after, Refusal):
            return after
        answer_ = Undone(
            ticket_no=serial_number(after.id),
            people=recorded.facts.people,
            remaining=after.remaining,
            at=now,
        )
        mirror = undos.Mirror(
            id=self._ids.take(1)[0],
            device_id=device.id,
            nonce=asked.nonce,
            digest=digest,
            at=now,
            staff_id=staff.id if staff else None,
            detail=asked.reason,
            answer=_encoder.encode(answer_),
        )
        await undos.record(connection, site_id, recorded, mirror, after)
        return answer_


def _digest(asked: Undo) -> bytes:
    text = f"undo|{asked.of_device or 0}|{asked.of_nonce}".encode()
    return hashlib.blake2b(text, digest_size=16).digest()
