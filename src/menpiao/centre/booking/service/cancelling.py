"""Giving an order up before it is paid, and giving tickets back after."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from menpiao.centre.booking.service.booking import BookingService
from menpiao.centre.booking.service.kept import KeptOrder
from menpiao.centre.selling.service import PaymentCore, RefundAsker, RefundCore, RefundTerms
from menpiao.domain.document import Document, DocumentType, age_on, birth_date
from menpiao.domain.order import OrderState
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.refund import minors_left
from menpiao.domain.ticket import TicketState, parse_serial
from menpiao.storage.crypto import Vault
from menpiao.storage.database import orders
from menpiao.wire.booking import CancelAsked, OrderView, RefundQuote

log = structlog.get_logger(__name__)

_ENDED = frozenset({OrderState.EXPIRED, OrderState.CANCELLED})
_GIVEN_BACK = frozenset({TicketState.REFUNDING, TicketState.REFUNDED})


class CancelService:
    """What a buyer may take back. Asking again changes nothing and gives the same answer."""

    def __init__(
        self,
        booking: BookingService,
        payments: PaymentCore,
        refunds: RefundCore,
        vault: Vault,
        clock: Callable[[], datetime],
    ) -> None:
        """Stand on the booking service and on the selling core, which changes orders."""
        self._booking = booking
        self._payments = payments
        self._refunds = refunds
        self._vault = vault
        self._clock = clock

    async def quote(
        self, order_no: str, secret: str, asked: CancelAsked
    ) -> RefundQuote | Refusal | None:
        """What :meth:`cancel` would give back now; None: no such order with this secret."""
        kept = await self._booking.kept(order_no, secret)
        if kept is None:
            return None
        chosen = _chosen(kept, asked.tickets)
        if isinstance(chosen, Refusal):
            return chosen
        if kept.row["state"] == OrderState.AWAITING_PAYMENT:
            return RefundQuote(refund_fen=0)
        terms = self._terms(kept, None)
        site_id, order_id = kept.row["site_id"], kept.row["id"]
        amount_fen = await self._refunds.offer(site_id, order_id, chosen, terms)
        if isinstance(amount_fen, Refusal):
            return amount_fen
        return RefundQuote(refund_fen=amount_fen)

    async def cancel(
        self, order_no: str, secret: str, asked: CancelAsked
    ) -> OrderView | Refusal | None:
        """Take the order, or tickets of it, back; None: no such order with this secret.

        Unpaid: the places are free at once. Paid: no gate admits the tickets from this moment on,
        and the money goes back by the product's rule to where it came from.
        """
        kept = await self._booking.kept(order_no, secret)
        if kept is None:
            return None
        chosen = _chosen(kept, asked.tickets)
        if isinstance(chosen, Refusal):
            return chosen
        if not _is_done(kept, chosen):
            refusal = await self._give_back(kept, chosen, asked.expected_fen)
            kept = await self._booking.kept(order_no, secret)
            if kept is None:
                return None
            # Another asking for the same may have come first: then it is done, and not refused.
            if refusal is not None and not _is_done(kept, chosen):
                return refusal
        return kept.view(self._clock())

    async def _give_back(
        self, kept: KeptOrder, chosen: Sequence[int], expected_fen: int | None
    ) -> Refusal | None:
        site_id, order_id = kept.row["site_id"], kept.row["id"]
        outcome: object
        if kept.row["state"] == OrderState.AWAITING_PAYMENT:
            outcome = await self._payments.give_up(site_id, order_id)
        else:
            terms = self._terms(kept, expected_fen)
            outcome = await self._refunds.request(
                site_id, order_id, chosen, asker=RefundAsker("visitor"), terms=terms
            )
        if isinstance(outcome, Refusal):
            return outcome
        log.info("order_given_back", order=order_id, tickets=len(chosen))
        return None

    def _terms(self, kept: KeptOrder, expected_fen: int | None) -> RefundTerms:
        product = kept.product
        ages = {t["id"]: self._age(kept, index) for index, t in enumerate(kept.tickets)}

        def leaves(left: Sequence[int]) -> Refusal | None:
            if product.minor_age and minors_left([ages[i] for i in left], product.minor_age):
                return Refusal(Reason.MINOR_ALONE, str(product.minor_age), "tickets")
            return None

        return RefundTerms(product.refund, expected_fen, leaves)

    def _age(self, kept: KeptOrder, index: int) -> int | None:
        """The age of a ticket's holder at the visit; None when nobody knows it any more."""
        ticket = kept.tickets[index]
        if ticket["holder_sealed"] is None:
            return None
        number = orders.holder(self._vault, ticket)["number"]
        born = birth_date(Document(DocumentType(ticket["document_type"]), number))
        return age_on(born, ticket["visit_date"]) if born else None


def _chosen(kept: KeptOrder, numbers: Sequence[str]) -> list[int] | Refusal:
    """The tickets that are meant: those named, all of them when none is."""
    if not kept.is_online:
        return Refusal(Reason.NOT_REFUNDABLE, kept.row["channel"], "order_no")
    every = [t["id"] for t in kept.tickets]
    named = [parse_serial(number) for number in numbers]
    found = [i for i in every if i in named]
    if len(found) < len(set(named)):
        return Refusal(Reason.NOT_REFUNDABLE, field="tickets")
    whole = not named or len(found) == len(every)
    if kept.row["state"] == OrderState.AWAITING_PAYMENT and not whole:
        # What is not paid yet is one payment: it is given up as a whole.
        return Refusal(Reason.UNPAID, field="tickets")
    return found or every


def _is_done(kept: KeptOrder, chosen: Sequence[int]) -> bool:
    """Whether nothing is left to give back of what is meant."""
    if kept.row["state"] in _ENDED:
        return True
    return all(t["state"] in _GIVEN_BACK for t in kept.tickets if t["id"] in chosen)
