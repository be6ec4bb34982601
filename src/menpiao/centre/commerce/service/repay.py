"""Giving money back: ask the provider under one number until it answers, then follow it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import asyncpg
import structlog

from menpiao.centre.commerce.provider import (
    NOT_ENOUGH,
    NOT_FOUND,
    Event,
    EventKind,
    Outcome,
    QrProvider,
    RefundRequest,
    Standing,
)
from menpiao.centre.commerce.schedule import next_refund_query, retry_at
from menpiao.centre.commerce.service.collect import site_of
from menpiao.centre.selling.service import RefundCore
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.refund import RefundState
from menpiao.storage.database import outbox, refunds
from menpiao.storage.database.outbox import Leased
from menpiao.storage.database.refunds import RefundDue

log = structlog.get_logger(__name__)

SPACING_S = 60.0
"""Refunds of one trade are at least this far apart (WeChat Pay)."""
POOR_S = 3600
"""When to try again after our balance was too low."""
_REASONS = {"paid_late": "订单已超时关闭，原路退款"}


class Repayer:
    """The life of a refund from its row to its end."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        core: RefundCore,
        providers: Mapping[str, QrProvider],
        clock: Callable[[], datetime],
    ) -> None:
        """Stand on the data store and the selling core."""
        self._pool = pool
        self._core = core
        self._providers = providers
        self._clock = clock

    async def submit(self, row: Leased) -> None:
        """Ask the provider for a refund; always under the same number and amounts.

        One that has stopped is asked about: a person says that it was dealt with there.
        """
        due = await refunds.find(self._pool, row.site_id, row.ref_id)
        if due is not None and due.state == RefundState.ABNORMAL:
            await self.query(due)
            await self._finish(row, "delivered")
            return
        if due is None or due.state != RefundState.REQUESTED:
            await self._finish(row, "delivered")
            return
        provider = self._providers.get(due.provider)
        if provider is None:
            log.error("payment_alarm", what="no such provider", provider=due.provider)
            await self._finish(row, "failed", "no such provider")
            return
        outcome = await provider.refund(
            RefundRequest(
                refund_ref=due.out_refund_no,
                payment_ref=due.out_trade_no,
                refund_fen=due.amount_fen,
                paid_fen=due.paid_fen,
                reason=_REASONS.get(due.reason, "退票"),
            )
        )
        await self._submitted(row, due, outcome)

    async def _submitted(self, row: Leased, due: RefundDue, outcome: Outcome) -> None:
        now = self._clock()
        if outcome.event is not None:
            await self.settle(outcome.event)
            await self._finish(row, "delivered")
        elif outcome.standing is Standing.PENDING:
            query_at = next_refund_query(due.created_at, now)
            await self._core.submitted(due.site_id, due.out_refund_no, query_at)
            await self._finish(row, "delivered")
        elif outcome.standing is Standing.UNKNOWN:
            spaced = SPACING_S if outcome.code.startswith(("FREQUENCY", "RATELIMIT")) else 0.0
            await self._finish(
                row, "pending", outcome.code, retry_at(row.attempts, now, least_s=spaced)
            )
        elif outcome.code == NOT_ENOUGH:
            log.error("payment_alarm", what="balance too low", refund=due.id)
            await refunds.note(self._pool, due, outcome.code)
            await self._finish(row, "pending", outcome.code, now + timedelta(seconds=POOR_S))
        else:
            # Refused for good: the tickets stay void and a person looks at it.
            log.error("payment_alarm", what="refund refused", refund=due.id, code=outcome.code)
            reason = f"{outcome.code} {outcome.text}".strip()
            await self._core.stopped(due.site_id, due.out_refund_no, RefundState.ABNORMAL, reason)
            await self._finish(row, "failed", reason)

    async def query(self, due: RefundDue) -> None:
        """Ask how a submitted refund stands."""
        provider = self._providers.get(due.provider)
        if provider is None:
            return
        outcome = await provider.query_refund(due.out_refund_no)
        if outcome.event is not None:
            await self.settle(outcome.event)
            return
        if outcome.code == NOT_FOUND:
            log.error("payment_alarm", what="refund not known there", refund=due.id)
        await refunds.ask_again(
            self._pool,
            due,
            next_refund_query(due.created_at, self._clock()),
            "" if outcome.standing is Standing.PENDING else outcome.code,
        )

    async def settle(self, event: Event) -> Refusal | None:
        """Give what happened to a refund to the core."""
        site_id = site_of(event.payment_ref)
        if site_id is None:
            return Refusal(Reason.ORDER_UNKNOWN)
        number = event.refund_ref
        if event.kind is EventKind.REFUNDED:
            done = await self._core.done(site_id, number, event.refunded_fen)
            if isinstance(done, Refusal) and done.reason is Reason.ORDER_UNKNOWN:
                log.error("payment_alarm", what="refund begun outside", number=event.payment_ref)
                done = await self._core.external(
                    site_id, event.payment_ref, number, event.refunded_fen
                )
            if isinstance(done, Refusal):
                log.error("payment_alarm", what=done.reason.value, number=number)
                return done
            return None
        closed = event.kind is EventKind.REFUND_CLOSED
        state = RefundState.CLOSED if closed else RefundState.ABNORMAL
        if await self._core.stopped(site_id, number, state, event.kind.value):
            log.error("payment_alarm", what=event.kind.value, number=number)
        return None

    async def _finish(
        self, row: Leased, state: str, error: str = "", due_at: datetime | None = None
    ) -> None:
        await outbox.finish(
            self._pool, row.site_id, row.id, state, self._clock(), error=error, due_at=due_at
        )
