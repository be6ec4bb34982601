"""What the console writes beyond the set-up: the list of barred documents, resolved conflicts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import structlog

from menpiao.centre.selling.service import RefundCore
from menpiao.domain.document import Document
from menpiao.domain.masking import Purpose, show_number
from menpiao.storage.crypto import Vault
from menpiao.storage.database import barred, conflicts
from menpiao.storage.database.ids import IdBlocks

log = structlog.get_logger(__name__)

REPLACED = "replaced"
"""Why an entry was lifted that a newer one of the same document stands for."""


@dataclass(frozen=True, slots=True)
class Barring:
    """A document that is not to be let in. ``until`` None: until somebody lifts it."""

    site_id: int
    document: Document
    reason: str
    by: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Barred:
    """What came of it: the entry, and whether it stands for an older one now."""

    id: int
    masked: str
    at: datetime
    replaced: bool


@dataclass(frozen=True, slots=True)
class ScanView:
    """A scan of a conflict. ``passed``: people that the barrier counted for it; None: it did not.

    ``source``: lane, hub or empty (the centre decided).
    """

    id: int
    at: datetime
    device_at: datetime | None
    gate: str
    gate_en: str
    device: str
    people: int
    source: str
    forced: str
    undone_at: datetime | None
    passed: int | None


class ConsoleService:
    """Writes for the console; ``by`` is always the name of the account that asks."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        vault: Vault,
        ids: IdBlocks,
        refunds: RefundCore,
        clock: Callable[[], datetime],
    ) -> None:
        """Stand on the data store and the refund core; ``clock`` gives the time in UTC."""
        self._pool = pool
        self._vault = vault
        self._ids = ids
        self._refunds = refunds
        self._clock = clock

    async def bar(self, asked: Barring) -> Barred:
        """Put a document on the list; its number is kept sealed for as long as it counts."""
        now = self._clock()
        await self._ids.reserve(1)
        entry_id = self._ids.take(1)[0]
        entry = barred.Entry(
            id=entry_id,
            site_id=asked.site_id,
            holder=self._vault.holder_hash(asked.document),
            document_type=asked.document.type.value,
            document_sealed=self._vault.seal(asked.document.number, barred.number_place(entry_id)),
            masked=show_number(asked.document.number, Purpose.STAFF),
            reason=asked.reason,
            by=asked.by,
            until=asked.until,
        )
        try:
            replaced = await barred.bar(self._pool, entry, REPLACED, now)
        except asyncpg.UniqueViolationError:  # somebody barred it in this very moment
            replaced = await barred.bar(self._pool, entry, REPLACED, now)
        return Barred(entry.id, entry.masked, now, replaced)

    async def lift(self, site_id: int, entry_id: int, by: str, reason: str) -> bool:
        """Take an entry off the list; False: it has been lifted before."""
        return await barred.lift(self._pool, site_id, entry_id, by, reason, self._clock())

    async def forget(self) -> int:
        """Drop the numbers of entries whose last day has passed; of how many.

        Their hashes stay: by them an entry is replaced when its document is barred again.
        """
        return await barred.forget(self._pool, self._clock())

    async def scans(self, site_id: int, admission_ids: list[int]) -> list[ScanView]:
        """The scans of a conflict, the earliest first; also how and where each was decided."""
        return [
            ScanView(
                id=r["id"],
                at=r["at"],
                device_at=r["device_at"],
                gate=r["gate"] or "-",
                gate_en=r["gate_en"] or "",
                device=r["device"] or "",
                people=r["people"],
                source=(r["offline"] or "").split(" ")[0],
                forced=r["forced"] or "",
                undone_at=r["undone_at"],
                passed=r["passed"],
            )
            for r in await conflicts.scans(self._pool, site_id, admission_ids)
        ]

    async def resolve(self, site_id: int, conflict_id: int, by: str, note: str) -> bool:
        """Write down what was found out; False: somebody has done so before."""
        now = self._clock()
        return await conflicts.resolve(self._pool, site_id, conflict_id, by, note, now)

    async def mend_refund(self, site_id: int, refund_id: int, by: str) -> bool:
        """See to a refund that has stopped, see ``RefundCore.mend``; False: nothing was to do."""
        done = await self._refunds.mend(site_id, refund_id)
        log.info("refund_mended", refund=refund_id, by=by, done=done)
        return done
