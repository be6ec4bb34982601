"""The face of the payment server: turns of work, and notifications from outside."""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import asyncpg
import structlog
from prometheus_client import Counter

from menpiao.centre.commerce.provider import (
    EventKind,
    Notice,
    QrProvider,
    Rejection,
    RejectionCode,
)
from menpiao.centre.commerce.service.collect import BUSY_S, Collector, site_of
from menpiao.centre.commerce.service.repay import Repayer
from menpiao.centre.selling.service import PaymentCore, RefundCore
from menpiao.domain.reasons import Reason
from menpiao.storage.database import outbox, payment_work, refunds
from menpiao.storage.database.catalogue import Catalogue
from menpiao.storage.database.outbox import Leased

log = structlog.get_logger(__name__)

CHANNEL = "payment"
_AT_ONCE = 16
_REFUND_KINDS = frozenset({EventKind.REFUNDED, EventKind.REFUND_ABNORMAL, EventKind.REFUND_CLOSED})
_told = Counter("menpiao_payment_notifications", "Notifications of providers", ["verdict"])


class Verdict(StrEnum):
    """What is to be answered to a notification."""

    ACCEPTED = "accepted"
    NOT_PROVED = "not_proved"
    UNREADABLE = "unreadable"
    FOREIGN = "foreign"
    """Proved, and about another merchant or another amount."""
    REPEAT = "repeat"
    """Cannot be placed now; the provider is to send it again."""


_REJECTED = {
    RejectionCode.MALFORMED: Verdict.UNREADABLE,
    RejectionCode.UNDECIPHERABLE: Verdict.UNREADABLE,
    RejectionCode.FOREIGN: Verdict.FOREIGN,
}


class CommerceService:
    """Server 705. Any number of processes beside each other: rows are leased, states locked."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        payments: PaymentCore,
        repayments: RefundCore,
        catalogue: Catalogue,
        providers: Mapping[str, QrProvider],
        clock: Callable[[], datetime],
    ) -> None:
        """Stand on the data store; ``providers`` by the name that stands in payment rows."""
        self._pool = pool
        self._providers = providers
        self._clock = clock
        self._core = payments
        self._collector = Collector(pool, payments, catalogue, providers, clock)
        self._repayer = Repayer(pool, repayments, providers, clock)
        self._worker = f"payment-{os.getpid()}-{secrets.token_hex(3)}"

    async def send_due(self) -> int:
        """One turn of the outbox: create payments, submit refunds. How many rows were taken.

        A row whose worker died is simply sent again: numbers make that safe. Without any
        provider nothing is taken: another worker may have one.
        """
        if not self._providers:
            return 0
        now = self._clock()
        await outbox.sweep(self._pool, CHANNEL, now, repeatable=True)
        rows = await outbox.lease(
            self._pool, CHANNEL, now, count=_AT_ONCE, lease_s=BUSY_S, worker=self._worker
        )
        await _all(self._send(row) for row in rows)
        return len(rows)

    async def _send(self, row: Leased) -> None:
        kinds: dict[str, Callable[[Leased], Awaitable[None]]] = {
            "create": self._collector.create,
            "charge": self._collector.charge,
            "close": self._collector.give_up,
            "refund": self._repayer.submit,
        }
        kind = kinds.get(row.kind)
        if kind is None:
            await outbox.finish(
                self._pool, row.site_id, row.id, "failed", self._clock(), error="unknown kind"
            )
            return
        await kind(row)

    async def query_due(self) -> int:
        """One turn of questions: payments and refunds whose time has come. How many were asked.

        Here unpaid orders end, and their places are free again.
        """
        now = self._clock()
        busy_until = now + timedelta(seconds=BUSY_S)
        open_payments = await payment_work.take_due(self._pool, now, busy_until, _AT_ONCE)
        await _all(self._collector.query(due) for due in open_payments)
        on_their_way = await refunds.take_due(self._pool, now, busy_until, _AT_ONCE)
        await _all(self._repayer.query(due) for due in on_their_way)
        abandoned = await self._core.expire_abandoned(_AT_ONCE)
        if abandoned:
            log.warning("orders_abandoned", orders=abandoned)
        return len(open_payments) + len(on_their_way) + abandoned

    async def on_notification(
        self, provider_name: str, headers: Mapping[str, str], body: bytes
    ) -> Verdict:
        """Verify, keep, settle. Answers from our own data store alone: no call to anybody."""
        provider = self._providers.get(provider_name)
        if provider is None:
            return Verdict.NOT_PROVED
        told = provider.parse_notification(headers, body, self._clock())
        if isinstance(told, Rejection):
            verdict = _REJECTED.get(told.code, Verdict.NOT_PROVED)
            _told.labels(told.code.value).inc()
            if told.code is RejectionCode.FOREIGN:
                log.error("payment_alarm", what="notification about another merchant")
            elif told.code is not RejectionCode.PROBE:
                log.warning("notification_refused", code=told.code.value, text=told.text)
            return verdict
        verdict = await self._place(provider_name, told, body)
        _told.labels(verdict.value).inc()
        log.info(
            "notification",
            id=told.notice_id,
            kind=told.kind,
            verdict=verdict.value,
            request_id=_request_id(headers),
        )
        return verdict

    async def _place(self, provider_name: str, told: Notice, body: bytes) -> Verdict:
        event = told.event
        if event is None:
            return Verdict.ACCEPTED
        site_id = site_of(event.payment_ref)
        if site_id is None:
            return Verdict.REPEAT
        key = (told.notice_id, told.kind)
        await payment_work.keep_event(self._pool, site_id, provider_name, key, body, self._clock())
        # Known already or not: it is settled again, for a first try may have ended in between.
        about_refund = event.kind in _REFUND_KINDS
        refusal = await (self._repayer if about_refund else self._collector).settle(event)
        if refusal is None:
            return Verdict.ACCEPTED
        return Verdict.FOREIGN if refusal.reason is Reason.AMOUNT_DIFFERS else Verdict.REPEAT


def _request_id(headers: Mapping[str, str]) -> str:
    """The provider's id of its request, for its support; cut, for it comes from outside."""
    found = next((v for k, v in headers.items() if k.lower() == "request-id"), "")
    return found[:64] if found.isprintable() else ""


async def _all(jobs: Iterable[Awaitable[None]]) -> None:
    """Run jobs side by side; one that fails is logged and its row taken again later."""
    for error in await asyncio.gather(*jobs, return_exceptions=True):
        if isinstance(error, Exception):
            log.error("payment_job_failed", error=type(error).__name__, exc_info=error)
        elif isinstance(error, BaseException):
            raise error
