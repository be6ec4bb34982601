"""The booking server's JSON doors, version 1."""

import math

from starlette.responses import Response
from starlette.routing import BaseRoute

from menpiao.centre.booking.doors import (
    BOOK,
    CANCEL,
    DAYS,
    ORDER,
    QUOTE,
    REFUND_QUOTE,
    SLOTS,
    TABLE,
)
from menpiao.centre.booking.service import BookingService, CancelService
from menpiao.centre.design.service import AttemptService
from menpiao.centre.doors.answers import problem
from menpiao.centre.doors.hot import HotDoor
from menpiao.centre.doors.serve import Asked, routes
from menpiao.centre.selling.service import Posted
from menpiao.domain.reasons import Reason, Refusal
from menpiao.wire.booking import (
    Booked,
    BookingRequest,
    DayAvailability,
    DaysQuery,
    OrderView,
    QuoteResult,
    RefundQuote,
    SlotAvailability,
    SlotsQuery,
)


class BookingApi:
    """Routes of the booking server (patent part 703)."""

    def __init__(
        self, service: BookingService, cancelling: CancelService, attempts: AttemptService
    ) -> None:
        """Speak for the services; who tries secrets is stopped."""
        self._service = service
        self._cancelling = cancelling
        self._attempts = attempts

    def routes(self) -> list[BaseRoute]:
        """The routes to mount."""
        handlers = {
            DAYS: self.days,
            SLOTS: self.slots,
            QUOTE: self.quote,
            BOOK: self.book,
            ORDER: self.order,
            REFUND_QUOTE: self.refund_quote,
            CANCEL: self.cancel,
        }
        return routes(TABLE, handlers)

    def hot(self) -> list[HotDoor]:
        """The door of a release in which tickets go in seconds."""
        return [HotDoor(BOOK, self._post, self._service.booked)]

    async def days(self, asked: Asked) -> list[DayAvailability] | Refusal:
        """Places by day."""
        query: DaysQuery = asked.query
        return await self._service.calendar(asked.path.product_id, query.first, query.days)

    async def slots(self, asked: Asked) -> list[SlotAvailability] | Refusal:
        """Places by slot."""
        query: SlotsQuery = asked.query
        return await self._service.slots(asked.path.product_id, query.day)

    async def quote(self, asked: Asked) -> QuoteResult | Refusal:
        """What a booking would cost."""
        request: BookingRequest = asked.body
        return await self._service.quote(request)

    async def book(self, asked: Asked) -> Booked | Refusal:
        """Book. The same token again: the same order."""
        request: BookingRequest = asked.body
        return await self._service.book(request)

    def _post(self, who: object, request: BookingRequest) -> Posted | Refusal | None:  # noqa: ARG002 - a hot door's shape
        return self._service.post(request)

    async def order(self, asked: Asked) -> OrderView | Refusal | Response:
        """An order, for whoever has its secret."""
        found = await self._service.order(asked.path.order_no, asked.headers.secret)
        return await self._stranger(asked) if found is None else found

    async def refund_quote(self, asked: Asked) -> RefundQuote | Refusal | Response:
        """What would go back."""
        proof = (asked.path.order_no, asked.headers.secret)
        found = await self._cancelling.quote(*proof, asked.body)
        return await self._stranger(asked) if found is None else found

    async def cancel(self, asked: Asked) -> OrderView | Refusal | Response:
        """Give up, or give back. Again: the same answer."""
        proof = (asked.path.order_no, asked.headers.secret)
        found = await self._cancelling.cancel(*proof, asked.body)
        return await self._stranger(asked) if found is None else found

    async def _stranger(self, asked: Asked) -> Refusal | Response:
        # Only wrong secrets are counted: a page that watches its order never meets the limit.
        client = asked.request.client
        counted = self._attempts.secret(client.host if client else "")
        wait_s = await self._attempts.begin(counted)
        if not wait_s:
            return Refusal(Reason.ORDER_UNKNOWN)
        head = {"Retry-After": str(math.ceil(wait_s))}
        return problem(Refusal(Reason.RATE_LIMITED), headers=head)
