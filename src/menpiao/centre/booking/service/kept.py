"""An order as the data store has it, and as its buyer sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from menpiao.centre.selling.service import would_return
from menpiao.domain.order import OrderState
from menpiao.domain.product import Product
from menpiao.domain.refund import RefundState
from menpiao.domain.ticket import serial_number
from menpiao.wire.booking import OrderRefund, OrderTicket, OrderView, RefundUntil

_ON_THE_WAY = frozenset({RefundState.REQUESTED, RefundState.SUBMITTED})


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """The rows of an order: itself, its tickets, its refunds; a reading."""

    row: asyncpg.Record
    tickets: Sequence[asyncpg.Record]
    refunds: Sequence[asyncpg.Record]
    product: Product

    @property
    def is_online(self) -> bool:
        """Whether it was sold here: what a counter has sold, a counter gives back."""
        return bool(self.row["channel"] == "web")

    @property
    def on_the_way(self) -> bool:
        """Whether money of it is going back right now."""
        return any(r["state"] in _ON_THE_WAY for r in self.refunds)

    def view(self, now: datetime) -> OrderView:
        """What its buyer may see."""
        row = self.row
        tickets = [self._ticket(t, now) for t in self.tickets]
        unpaid = row["state"] == OrderState.AWAITING_PAYMENT
        returnable = not self.on_the_way and any(t.refund_fen is not None for t in tickets)
        return OrderView(
            order_no=serial_number(row["id"]),
            state=row["state"],
            total_fen=row["total_fen"],
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            code_url=row["code_url"] if unpaid else None,
            product_name=self.product.name,
            product_name_en=self.product.name_en,
            visit_date=row["visit_date"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            tickets=tickets,
            cancellable=self.is_online and (unpaid or returnable),
            refunds=[
                OrderRefund(
                    amount_fen=r["amount_fen"],
                    # One that began at the platform is money that is back.
                    state="done" if r["state"] == "external" else r["state"],
                    created_at=r["created_at"],
                )
                for r in self.refunds
                # What a window gave back for nothing moved no money.
                if r["amount_fen"]
            ],
            refund_rule=[
                RefundUntil(until=until, percent=percent)
                for until, percent in self.product.refund.deadlines(self.tickets[0]["closes_at"])
            ],
        )

    def _ticket(self, row: asyncpg.Record, now: datetime) -> OrderTicket:
        returns = would_return(row, self.product.refund, now)
        return OrderTicket(
            ticket_no=serial_number(row["id"]),
            holder_masked=row["holder_masked"],
            people=row["people"],
            used=row["used"],
            price_fen=row["price_fen"],
            state=row["state"],
            reason_zh=row["reason_zh"],
            reason_en=row["reason_en"],
            refund_fen=returns if self.is_online and isinstance(returns, int) else None,
        )
