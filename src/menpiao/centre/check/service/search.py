"""Finding the ticket of somebody who has no document at hand: by order number or telephone."""

from collections.abc import Callable
from datetime import datetime, timedelta

import asyncpg
import structlog

from menpiao.centre.check.service.guards import Guards
from menpiao.domain.reasons import Reason, Refusal
from menpiao.domain.ticket import parse_serial, serial_number
from menpiao.storage.crypto import Vault
from menpiao.storage.database import searches
from menpiao.storage.database.catalogue import Catalogue, Device
from menpiao.wire.answers import status_of
from menpiao.wire.check import Found, FoundTickets, Search

log = structlog.get_logger(__name__)

_MOST = 20
_BEFORE, _AFTER = timedelta(hours=2), timedelta(hours=12)
"""How long ago a ticket may have ended, and how soon it must begin, to be one of now."""


class SearchService:
    """Finds tickets of today for staff at a lane; who searched by what is logged."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        vault: Vault,
        catalogue: Catalogue,
        guards: Guards,
        clock: Callable[[], datetime],
    ) -> None:
        """Stand on the data store; ``clock`` gives the time in UTC."""
        self._pool = pool
        self._vault = vault
        self._catalogue = catalogue
        self._guards = guards
        self._clock = clock

    async def search(self, device: Device, asked: Search) -> FoundTickets | Refusal:
        """Tickets that may enter today, at most 20; names masked, no number."""
        snapshot = await self._catalogue.current()
        gate = snapshot.gates.get(asked.gate_id)
        if gate is None or gate.site_id != device.site_id or gate.id not in device.gate_ids:
            return Refusal(Reason.NOT_PERMITTED, field="gate_id")
        now = self._clock()
        staff = await self._guards.verify(asked.staff, device.site_id, device.id, snapshot, now)
        if isinstance(staff, Refusal):
            return staff
        if bool(asked.order_no) == bool(asked.phone_end):
            return Refusal(Reason.BAD_REQUEST, "an order number or the end of a telephone")
        site_id = device.site_id
        if asked.order_no:
            order_id = parse_serial(asked.order_no)
            orders = [order_id] if order_id else []
        else:
            span = (now - _BEFORE, now + _AFTER)
            orders = await searches.orders_by_phone(
                self._pool, self._vault, site_id, span, asked.phone_end
            )
        async with self._pool.acquire() as connection:
            found = await searches.tickets_of(connection, site_id, orders, now, snapshot.terms)
        by = "order" if asked.order_no else "phone"
        log.info("lane_search", staff=staff.id, device=device.id, by=by, found=len(found))
        return FoundTickets(
            tickets=[
                Found(
                    ticket_no=serial_number(ticket.id),
                    order_no=serial_number(order_id),
                    holder=ticket.holder_masked,
                    product=ticket.product_name,
                    product_en=ticket.product_name_en,
                    people=ticket.people,
                    remaining=ticket.remaining,
                    status=status_of(ticket),
                    opens_at=ticket.opens_at,
                    closes_at=ticket.closes_at,
                )
                for order_id, ticket in found[:_MOST]
            ]
        )
