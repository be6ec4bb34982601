"""Short messages from the outbox to the operator, and back: states, receipts, nothing twice.

A message leaves once. A row whose sending ended without an answer is ``unknown`` and stays so until
a late answer, a report, or a report matched by number and minute says more; sending again is a
person's act.
"""

import asyncio
import os
import random
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import structlog

from menpiao.centre.messaging.channel import (
    Channel,
    ChannelState,
    Delivery,
    Fate,
    Message,
    Receipt,
    Sent,
    plain_number,
)
from menpiao.centre.messaging.reports import REPORT_WAIT, Unanswered, match_by_number, settle
from menpiao.centre.messaging.texts import (
    CONFIRMATION,
    REFUND_FAILED,
    REFUNDED,
    TEMPLATES,
    Repayment,
    Visit,
    language_of,
    render,
)
from menpiao.domain.admission import Direction
from menpiao.domain.ticket import serial_number
from menpiao.storage.crypto import OpenError, Vault
from menpiao.storage.database import messages, outbox
from menpiao.storage.database.catalogue import Catalogue, Site, Snapshot
from menpiao.storage.database.ids import IdBlocks
from menpiao.storage.database.outbox import Leased

log = structlog.get_logger(__name__)

CHANNEL = "sms"
REFUND_STATES = {
    REFUNDED: frozenset({"done", "external"}),
    REFUND_FAILED: frozenset({"abnormal", "closed"}),
}
"""In which states of a refund a message about it is still true when it leaves."""
STORE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
"""What the data store raises when it is away for a moment."""
STRAY_MAX = 10_000
Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Limits:
    """How patiently messages are sent."""

    lease_s: float = 150.0
    """Longer than a message may take: pace, window, answer, and throttled parts."""
    batch: int = 16
    attempts_max: int = 20
    backoff_first_s: float = 2.0
    backoff_most_s: float = 600.0
    answer_wait_s: float = 75.0
    """A report without a row waits so long for its answer before it is matched by number."""
    write_waits_s: tuple[float, ...] = (0.2, 1.0, 5.0, 15.0)
    """Waits between attempts to write an outcome while the data store is away."""


@dataclass(frozen=True, slots=True)
class Status:
    """The health of the messaging server; counts of the last seven days by state."""

    channel: ChannelState
    sending: int
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Unsendable:
    """Why a row will never be a message."""

    reason: str


class MessagingService:
    """Sends what is due and keeps what comes back; several may work beside each other."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        vault: Vault,
        catalogue: Catalogue,
        ids: IdBlocks,
        channel: Channel,
        clock: Callable[[], datetime],
        signature: str = "",
        limits: Limits | None = None,
    ) -> None:
        """Stand on the data store and a channel; no signature: the site's name."""
        self._pool = pool
        self._vault = vault
        self._catalogue = catalogue
        self._ids = ids
        self._channel = channel
        self._clock = clock
        self._signature = signature
        self._limits = limits or Limits()
        self._worker = f"{os.getpid()}-{secrets.token_hex(3)}"
        self._sending: set[asyncio.Task[None]] = set()
        self._strays: deque[tuple[datetime, Receipt]] = deque(maxlen=STRAY_MAX)

    # --- for the loop in jobs ---

    async def keep_link(self) -> None:
        """Keep the channel connected until cancelled."""
        await self._channel.run(self)

    async def send_due(self) -> int:
        """Start sending as many due messages as the channel has room for; how many."""
        room = self._channel.state.room - len(self._sending)
        if room <= 0:
            return 0
        rows = await outbox.lease(
            self._pool,
            CHANNEL,
            self._clock(),
            count=min(room, self._limits.batch),
            lease_s=self._limits.lease_s,
            worker=self._worker,
        )
        for row in rows:
            task = asyncio.create_task(self._send(row))
            self._sending.add(task)
            task.add_done_callback(self._sent)
        return len(rows)

    async def tidy(self) -> None:
        """End leases that ran out, give up what expired, match reports that came too early."""
        now = self._clock()
        lost = await outbox.sweep(self._pool, CHANNEL, now, repeatable=False)
        if lost:
            log.warning("messages_unknown", rows=lost)
        account = await self._account_site()
        if account is None:
            return
        since = now - REPORT_WAIT
        for key in await messages.owners_of_unmatched(self._pool, account, CHANNEL, since):
            await self._settle(key)
        await self._match_strays(now)

    async def finish(self, patience_s: float) -> None:
        """Wait for messages on their way; what is left then becomes unknown with its lease."""
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=patience_s)
            for task in late:
                task.cancel()

    async def status(self) -> Status:
        """How it is."""
        account = await self._account_site()
        counts = await messages.counts(self._pool, account or 0, CHANNEL, self._clock())
        return Status(self._channel.state, len(self._sending), counts)

    # --- sending ---

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("message_fault", exc_info=error)

    async def _send(self, row: Leased) -> None:
        try:
            message = await self._message(row)
            if isinstance(message, _Unsendable):
                await self._finish(row, "dead", message.reason)
                return
            parts = self._channel.parts(message.text)
            lease = (self._worker, row.attempts)
            if not await messages.begin(self._pool, message.key, lease, parts, self._clock()):
                log.warning("lease_lost", row=row.id)
                return
        except STORE_ERRORS as error:
            # Nothing left yet; the lease runs out and the row is looked at by a person.
            log.warning("message_not_begun", row=row.id, error=type(error).__name__)
            return
        sent = await self._channel.send(message)
        log.info("message_sent", row=row.id, fate=sent.fate.value, parts=parts, error=sent.error)
        await self._persist(lambda: self._record(row, sent))

    async def _message(self, row: Leased) -> Message | _Unsendable:
        if row.kind not in TEMPLATES or row.recipient_sealed is None:
            return _Unsendable("no such message")
        try:
            number = self._vault.open(row.recipient_sealed, f"outbox.recipient:{row.id}")
        except OpenError:
            return _Unsendable("the recipient does not open")
        told = await messages.facts(self._pool, row.site_id, row.ref_id)
        if told is None:
            return _Unsendable("no such order")
        snapshot = await self._catalogue.current()
        site = snapshot.sites.get(row.site_id)
        if site is None:
            return _Unsendable("no such site")
        language = language_of(told["language"])
        signature = self._signature or (site.name_en if language == "en" else "") or site.name
        about = (
            self._visit(told, snapshot, site, signature)
            if row.kind == CONFIRMATION
            else await self._repayment(row, serial_number(told["id"]), signature)
        )
        if isinstance(about, _Unsendable):
            return about
        return Message((row.site_id, row.id), number, render(row.kind, language, about))

    async def _repayment(self, row: Leased, order: str, signature: str) -> Repayment | _Unsendable:
        refund = await messages.refund(self._pool, row.site_id, row.payload.get("refund_id", 0))
        if refund is None:
            return _Unsendable("no such refund")
        if refund["state"] not in REFUND_STATES[row.kind]:
            return _Unsendable(f"the refund is {refund['state']}")
        return Repayment(
            signature=signature,
            order=order,
            amount_fen=refund["amount_fen"],
            cash=refund["provider"] == "cash",
        )

    def _visit(
        self, told: asyncpg.Record, snapshot: Snapshot, site: Site, signature: str
    ) -> Visit | _Unsendable:
        if told["state"] != "paid":
            return _Unsendable(f"the order is {told['state']}")
        product = snapshot.products.get(told["product_id"])
        if product is None:
            return _Unsendable("no such product")
        english = language_of(told["language"]) == "en"
        gates = [
            gate
            for gate in snapshot.gates.values()
            if gate.id in product.gate_ids and gate.direction is not Direction.EXIT
        ]
        return Visit(
            signature=signature,
            order=serial_number(told["id"]),
            product=(product.name_en if english else "") or product.name,
            starts_at=told["starts_at"].astimezone(site.zone),
            ends_at=told["ends_at"].astimezone(site.zone),
            people=told["people"],
            gates=tuple((g.name_en if english else "") or g.name for g in gates),
        )

    async def _record(self, row: Leased, sent: Sent) -> None:
        match sent.fate:
            case Fate.ACCEPTED:
                await self._finish(row, "sent", refs=sent.refs)
                await self._settle((row.site_id, row.id))
            case Fate.UNKNOWN:
                await self._finish(row, "unknown", sent.error, sent.refs)
                await self._settle((row.site_id, row.id))
            case Fate.REFUSED:
                await self._finish(row, "failed", sent.error, sent.refs)
            case Fate.LATER if row.attempts >= self._limits.attempts_max:
                await self._finish(row, "dead", sent.error)
            case Fate.LATER:
                wait_s = self._limits.backoff_first_s * 2 ** min(row.attempts - 1, 20)
                jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads attempts
                wait = timedelta(seconds=min(wait_s, self._limits.backoff_most_s) * jitter)
                key, lease = (row.site_id, row.id), (self._worker, row.attempts)
                due_at = self._clock() + wait
                await messages.give_back(self._pool, key, lease, due_at, sent.error)

    async def _finish(
        self,
        row: Leased,
        state: str,
        error: str = "",
        refs: tuple[str, ...] = (),
    ) -> None:
        key = (row.site_id, row.id)
        await outbox.finish(self._pool, *key, state, self._clock(), refs=refs, error=error)

    async def _persist(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write an outcome even when the data store is away for a moment."""
        for wait_s in (*self._limits.write_waits_s, None):
            try:
                await write()
            except STORE_ERRORS as error:
                log.warning("outcome_not_written", error=type(error).__name__, again_in_s=wait_s)
                if wait_s is not None:
                    await asyncio.sleep(wait_s)
            else:
                return

    # --- what comes back ---

    async def receipt(self, receipt: Receipt) -> bool:
        """Keep a report, then match it; False when it could not be kept."""
        try:
            account = await self._account_site()
            if account is None:
                return False
            await self._ids.reserve(1)
            place = (account, self._ids.take(1)[0], CHANNEL)
            told = (receipt.ref, receipt.delivery.value, receipt.code)
            now = self._clock()
            await messages.keep_receipt(self._pool, place, told, now)
        except STORE_ERRORS as error:
            log.warning("report_not_kept", error=type(error).__name__)
            return False
        await self._persist(lambda: self._match(receipt, now))
        return True

    async def late(self, key: Key, sent: Sent) -> None:
        """The answer on a part that had been given up as unknown."""

        async def write() -> None:
            if sent.fate in {Fate.REFUSED, Fate.LATER}:
                # Surely not with the operator; but unknown rows are never sent again by themselves.
                error = f"late answer: {sent.error}"
                await outbox.finish(self._pool, *key, "failed", self._clock(), error=error)
                return
            await messages.add_refs(self._pool, key, sent.refs)
            await self._settle(key)

        await self._persist(write)

    async def _match(self, receipt: Receipt, now: datetime) -> None:
        key = await messages.owner(self._pool, CHANNEL, receipt.ref, now - 2 * REPORT_WAIT)
        if key is None:
            self._strays.append((now, receipt))
        else:
            await self._settle(key)

    async def _match_strays(self, now: datetime) -> None:
        """Match by number and minute what had time enough to be matched by its reference.

        A report waits for its message to become unknown: the lease of a worker that died may
        still be running.
        """
        while self._strays and self._strays[0][0] < now - REPORT_WAIT:
            self._strays.popleft()
        ripe = now - timedelta(seconds=self._limits.answer_wait_s)
        if not self._strays or self._strays[0][0] > ripe:
            return
        rows = await messages.unknown(self._pool, CHANNEL, now - REPORT_WAIT)
        waiting = [self._unanswered(row) for row in rows]
        numbers = {plain_number(message.number) for message in waiting}
        for stray in [s for s in self._strays if s[0] <= ripe and s[1].number in numbers]:
            found = match_by_number(stray[1], waiting)
            if found is None:
                continue
            ref = stray[1].ref
            # Its answer may have come after all: then the reference has an owner.
            if await messages.owner(self._pool, CHANNEL, ref, now - 2 * REPORT_WAIT) is None:
                log.info("report_matched_by_number", row=found.key[1])
                await messages.add_refs(self._pool, found.key, [ref])
                await self._settle(found.key)
                waiting.remove(found)
            self._strays.remove(stray)

    def _unanswered(self, row: messages.Unknown) -> Unanswered:
        try:
            number = self._vault.open(row.recipient_sealed, f"outbox.recipient:{row.id}")
        except OpenError:
            number = ""
        return Unanswered((row.site_id, row.id), number, row.tried_at, row.parts, row.refs)

    async def _settle(self, key: Key) -> None:
        """Bring a row's state in line with its references and reports."""
        account = await self._account_site()
        async with self._pool.acquire() as connection, connection.transaction():
            row = await messages.lock_outstanding(connection, key, account or 0, CHANNEL)
            if row is None:
                return
            first = {ref: Delivery(outcome) for ref, outcome in row.deliveries.items()}
            for ref, outcome, code in row.news:
                if first.get(ref) != outcome:
                    log.warning("report_contradicts", row=key[1], outcome=outcome, code=code)
            result = settle(row.parts, first)
            codes = {code for _, told, code in row.news if told == Delivery.FAILED}
            if result is not None:
                state, error = result.value, ", ".join(sorted(codes))
            elif row.state == "unknown" and len(row.refs) >= row.parts:
                state, error = "sent", ""
            else:
                return
            await outbox.finish(connection, *key, state, self._clock(), error=error)

    async def _account_site(self) -> int | None:
        """The site under which the account's reports are kept."""
        snapshot = await self._catalogue.current()
        return snapshot.default_site().id if snapshot.sites else None
