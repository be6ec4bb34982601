"""The booking server's JSON doors, version 1."""

from datetime import date

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from menpiao.centre.booking.service import BookingService
from menpiao.domain.reasons import Reason, Refusal
from menpiao.wire.booking import BookingRequest
from menpiao.wire.check import Problem

_encoder = msgspec.json.Encoder()
_request = msgspec.json.Decoder(BookingRequest)
_LONGEST_BODY = 32 * 1024
_STATUS = {
    Reason.SLOT_FULL: 409,
    Reason.DAY_FULL: 409,
    Reason.DUPLICATE_DOCUMENT: 409,
    Reason.TOKEN_REUSED: 409,
    Reason.PRICE_CHANGED: 409,
    Reason.ORDER_UNKNOWN: 404,
    Reason.PRODUCT_UNKNOWN: 404,
    Reason.SLOT_UNKNOWN: 404,
    Reason.BUSY: 503,
}


def _json(value: object, status: int = 200) -> Response:
    return Response(_encoder.encode(value), status, media_type="application/json")


def _problem(refusal: Refusal) -> Response:
    words = refusal.wording
    body = Problem(
        code=refusal.reason.value,
        zh=words.zh,
        en=words.en,
        detail=refusal.detail,
        field=refusal.field,
    )
    return _json(body, _STATUS.get(refusal.reason, 422))


class BookingApi:
    """Routes of the booking server (patent part 703)."""

    def __init__(self, service: BookingService) -> None:
        """Speak for a service."""
        self._service = service

    def routes(self) -> list[BaseRoute]:
        """The routes to mount."""
        base = "/booking/v1"
        return [
            Route(f"{base}/products/{{product_id:int}}/days", self.days),
            Route(f"{base}/products/{{product_id:int}}/slots", self.slots),
            Route(f"{base}/quotes", self.quote, methods=["POST"]),
            Route(f"{base}/orders", self.book, methods=["POST"]),
            Route(f"{base}/orders/{{order_no}}", self.order),
        ]

    async def days(self, request: Request) -> Response:
        """Places by day: ``?from=YYYY-MM-DD&days=N`` (at most 62)."""
        query = request.query_params
        try:
            first = date.fromisoformat(query.get("from", ""))
            count = int(query.get("days", "31"))
        except ValueError:
            return _problem(Refusal(Reason.BAD_REQUEST, "YYYY-MM-DD and a number", "from"))
        found = await self._service.calendar(
            request.path_params["product_id"], first, max(1, min(count, 62))
        )
        return _json(found)

    async def slots(self, request: Request) -> Response:
        """Places by slot: ``?date=YYYY-MM-DD``."""
        try:
            day = date.fromisoformat(request.query_params.get("date", ""))
        except ValueError:
            return _problem(Refusal(Reason.BAD_REQUEST, "YYYY-MM-DD", "date"))
        return _json(await self._service.slots(request.path_params["product_id"], day))

    async def quote(self, request: Request) -> Response:
        """What a booking would cost."""
        asked = await _read(request)
        if isinstance(asked, Refusal):
            return _problem(asked)
        outcome = await self._service.quote(asked)
        return _problem(outcome) if isinstance(outcome, Refusal) else _json(outcome)

    async def book(self, request: Request) -> Response:
        """Book. The same token again: the same order."""
        asked = await _read(request)
        if isinstance(asked, Refusal):
            return _problem(asked)
        outcome = await self._service.book(asked)
        return _problem(outcome) if isinstance(outcome, Refusal) else _json(outcome, 201)

    async def order(self, request: Request) -> Response:
        """An order; its secret comes in the header ``X-Order-Secret``."""
        secret = request.headers.get("x-order-secret", "")
        found = await self._service.order(request.path_params["order_no"], secret)
        return _problem(Refusal(Reason.ORDER_UNKNOWN)) if found is None else _json(found)


async def _read(request: Request) -> BookingRequest | Refusal:
    body = await request.body()
    if len(body) > _LONGEST_BODY:
        return Refusal(Reason.BAD_REQUEST, "the message is too long")
    try:
        return _request.decode(body)
    except msgspec.MsgspecError as error:
        return Refusal(Reason.BAD_REQUEST, str(error))
