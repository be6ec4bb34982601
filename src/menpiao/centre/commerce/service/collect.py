"""Collecting money: create the payment, ask how it stands, close it when its time is over.

Whatever a provider says goes through the selling core's one function for it; nothing here decides
that an order is paid.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import asyncpg
import msgspec
import structlog

from menpiao.centre.commerce.provider import (
    ALREADY_PAID,
    NOT_FOUND,
    CodeCharge,
    Event,
    EventKind,
    Outcome,
    PaymentRequest,
    QrProvider,
    Standing,
)
from menpiao.centre.commerce.schedule import next_payment_query, retry_at
from menpiao.centre.selling.service import PaymentCore
from menpiao.domain.reasons import Reason, Refusal
from menpiao.storage.database import outbox, payment_work
from menpiao.storage.database.catalogue import Catalogue
from menpiao.storage.database.outbox import Leased
from menpiao.storage.database.payment_work import PaymentDue

log = structlog.get_logger(__name__)

CODE_QUERY_EVERY = timedelta(seconds=5)
"""How often a charge that waits for its visitor is asked about."""
REVERSE_AFTER = timedelta(seconds=16)
"""WeChat Pay reverses nothing within 15 s of its charge."""
BUSY_S = 60
"""How long a worker may be at one payment before another may take it."""
_NUMBER = re.compile(r"MP([0-9]{1,18})[PR][0-9]{1,18}")


def site_of(number: str) -> int | None:
    """The site that a payment or refund number of ours belongs to; None when it is not ours."""
    found = _NUMBER.fullmatch(number)
    return int(found[1]) if found else None


class _Wording(msgspec.Struct, frozen=True):
    """What a request to create says, kept from its first sending."""

    description: str = ""


class Collector:
    """The life of a payment from its row to its end."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        core: PaymentCore,
        catalogue: Catalogue,
        providers: Mapping[str, QrProvider],
        clock: Callable[[], datetime],
    ) -> None:
        """Stand on the data store and the selling core."""
        self._pool = pool
        self._core = core
        self._catalogue = catalogue
        self._providers = providers
        self._clock = clock

    async def create(self, row: Leased) -> None:
        """Ask the provider for a payment that a sale has recorded."""
        due = await payment_work.find(self._pool, row.site_id, row.ref_id)
        if due is None or due.state != "created":
            await self._finish(row, "delivered")
            return
        provider = self._providers.get(due.provider)
        if provider is None:
            log.error("payment_alarm", what="no such provider", provider=due.provider)
            await self._finish(row, "failed", "no such provider")
            return
        request = PaymentRequest(
            payment_ref=due.out_trade_no,
            amount_fen=due.amount_fen,
            description=await self._wording(row, due),
            expires_at=due.expires_at,
        )
        made = await provider.create_qr(request)
        outcome, now = made.outcome, self._clock()
        if made.code_url:
            query_at = next_payment_query(due.created_at, due.expires_at, now)
            await self._core.pending(due.site_id, due.id, made.code_url, query_at)
            await self._finish(row, "delivered")
        elif outcome.standing is Standing.FAILED:
            log.error("payment_alarm", what="create refused", payment=due.id, code=outcome.code)
            await self._finish(row, "failed", outcome.code)
            # An earlier try may have arrived all the same: only the provider's word ends it.
            await self.end(due, provider, refused=True)
        else:
            await payment_work.ask_again(
                self._pool, due, due.expires_at, unknown=True, error=outcome.code
            )
            await self._finish(row, "pending", outcome.code, retry_at(row.attempts, now))

    async def query(self, due: PaymentDue) -> None:
        """Ask how an open payment stands, and end it when its time is over."""
        provider = self._providers.get(due.provider)
        now = self._clock()
        if provider is None:
            if now >= due.expires_at and not await self._never_shown(due):
                log.error("payment_alarm", what="no such provider", payment=due.id)
            return
        if now >= due.expires_at:
            await self.end(due, provider)
            return
        outcome = await provider.query(due.out_trade_no)
        if outcome.event is not None:
            await self.settle(outcome.event)
            return
        query_at = next_payment_query(due.created_at, due.expires_at, now)
        if due.method == "code":
            query_at = min(due.expires_at, now + CODE_QUERY_EVERY)
        await payment_work.ask_again(
            self._pool,
            due,
            query_at,
            unknown=outcome.standing is Standing.UNKNOWN,
            error="" if outcome.standing is Standing.PENDING else outcome.code,
        )

    async def give_up(self, row: Leased) -> None:
        """The buyer gives an unpaid order up: close it now instead of at its expiry."""
        due = await payment_work.find(self._pool, row.site_id, row.ref_id)
        provider = None if due is None else self._providers.get(due.provider)
        if due is not None and provider is not None and due.state in {"created", "pending"}:
            await self.end(due, provider)
        await self._finish(row, "delivered")

    async def end(self, due: PaymentDue, provider: QrProvider, *, refused: bool = False) -> None:
        """Close at the provider first; places are free when it confirms that.

        Places whose code nobody ever saw need no such word: a provider that is away, or that the
        order never reached, does not keep them from others.
        """
        if due.method == "code":
            await self._reverse(due, provider)
            return
        closing = await provider.close(due.out_trade_no)
        # A number the provider has never seen cannot be paid when no code of it was ever shown.
        never_was = closing.code == NOT_FOUND and not due.code_url
        state = "failed" if refused else "closed"
        if closing.standing is Standing.SUCCEEDED or never_was:
            await self._core.close(due.site_id, due.out_trade_no, state)
            log.info("payment_closed", payment=due.id, state=state)
            return
        outcome = closing
        if closing.standing is Standing.FAILED:
            outcome = await provider.query(due.out_trade_no)
            if outcome.event is not None:
                await self.settle(outcome.event)
                return
        if closing.code != ALREADY_PAID and await self._never_shown(due, state):
            return
        await self._later(due, outcome, paid=closing.code == ALREADY_PAID)

    async def charge(self, row: Leased) -> None:
        """Charge the code that the visitor showed at the till: once, whatever becomes of it.

        What is not answered is queried; when its time is over it is reversed. It is never
        charged anew: neither this code nor, while its outcome is open, another one.
        """
        due = await payment_work.find(self._pool, row.site_id, row.ref_id)
        code = await payment_work.take_code(self._pool, row.site_id, row.id)
        provider = None if due is None else self._providers.get(due.provider)
        if due is None or provider is None or not code:
            await self._finish(row, "failed", "no such provider, or the code is gone")
            return
        # Written first: a charge whose worker dies is asked about, not repeated.
        query_at = self._clock() + CODE_QUERY_EVERY
        if not await self._core.pending(due.site_id, due.id, "", query_at):
            await self._finish(row, "delivered")
            return
        outcome = await provider.charge_code(
            CodeCharge(
                payment_ref=due.out_trade_no,
                amount_fen=due.amount_fen,
                description=await self._wording(row, due),
                auth_code=code,
            )
        )
        if outcome.event is not None:
            await self.settle(outcome.event)
        else:
            refused = outcome.standing is Standing.FAILED
            unknown = outcome.standing is Standing.UNKNOWN
            at = self._clock() + CODE_QUERY_EVERY
            await payment_work.ask_again(self._pool, due, at, unknown=unknown, error=outcome.code)
            if refused:
                # A refusal is the provider's word in an answer that was verified.
                await self._core.close(due.site_id, due.out_trade_no, "failed")
                log.info("payment_closed", payment=due.id, state="failed", code=outcome.code)
        await self._finish(row, "delivered")

    async def _reverse(self, due: PaymentDue, provider: QrProvider) -> None:
        """End a charge that was not paid in time. Asked first: what is paid stays sold."""
        outcome = await provider.query(due.out_trade_no)
        if outcome.event is not None:
            await self.settle(outcome.event)
            return
        now = self._clock()
        soonest = due.created_at + REVERSE_AFTER
        if due.state == "created" and await self._never_shown(due):
            return
        if now < soonest:
            await payment_work.ask_to_end(self._pool, due, soonest)
            return
        outcome = await provider.reverse(due.out_trade_no)
        if outcome.standing is Standing.SUCCEEDED or outcome.code == NOT_FOUND:
            await self._core.close(due.site_id, due.out_trade_no)
            log.info("payment_reversed", payment=due.id)
            return
        await self._later(due, outcome, paid=False)

    async def _never_shown(self, due: PaymentDue, state: str = "closed") -> bool:
        """End a payment whose code was never shown; False when it was, or may have been."""
        closed = await self._core.close(due.site_id, due.out_trade_no, state, unshown=True)
        if closed:
            log.info("payment_closed", payment=due.id, state=state, shown=False)
        return closed

    async def _later(self, due: PaymentDue, outcome: Outcome, *, paid: bool) -> None:
        now = self._clock()
        overdue_s = max(0.0, (now - due.expires_at).total_seconds())
        wait_s = 5.0 if paid else min(300.0, 10.0 + overdue_s / 2)
        log.warning("payment_not_ended", payment=due.id, code=outcome.code)
        await payment_work.ask_again(
            self._pool, due, now + timedelta(seconds=wait_s), unknown=True, error=outcome.code
        )

    async def settle(self, event: Event) -> Refusal | None:
        """Give what happened to the core; a refusal when it cannot be believed or placed."""
        site_id = site_of(event.payment_ref)
        if site_id is None:
            return Refusal(Reason.ORDER_UNKNOWN)
        if event.kind is EventKind.PAID:
            done = await self._core.succeed(
                site_id, event.payment_ref, event.paid_fen, event.provider_ref
            )
            if isinstance(done, Refusal):
                log.error("payment_alarm", what=done.reason.value, number=event.payment_ref)
                return done
            if done.changed:
                log.info("payment_settled", payment=done.payment_id, state=done.state)
            return None
        state = "failed" if event.kind is EventKind.PAYMENT_FAILED else "closed"
        await self._core.close(site_id, event.payment_ref, state)
        return None

    async def _wording(self, row: Leased, due: PaymentDue) -> str:
        """What the visitor reads while paying; the same at every repeat."""
        kept = msgspec.convert(row.payload, _Wording)
        if kept.description:
            return kept.description
        snapshot = await self._catalogue.current()
        site, product = snapshot.sites.get(due.site_id), snapshot.products.get(due.product_id)
        names = f"{site.name if site else ''} {product.name if product else ''}".strip()
        text = f"{names[:100] or '门票'} {due.people}人"
        payload = msgspec.json.encode(_Wording(text)).decode()
        await payment_work.freeze_payload(self._pool, row.site_id, row.id, payload)
        return text

    async def _finish(
        self, row: Leased, state: str, error: str = "", due_at: datetime | None = None
    ) -> None:
        await outbox.finish(
            self._pool, row.site_id, row.id, state, self._clock(), error=error, due_at=due_at
        )
