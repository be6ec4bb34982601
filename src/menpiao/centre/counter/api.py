"""The counter server's JSON doors for the clerk's page, version 1."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from menpiao.centre.counter.service import (
    Clerk,
    CounterService,
    RefundSlip,
    ReturnService,
    SaleSlip,
    read_ticket,
)
from menpiao.domain.reasons import Reason, Refusal
from menpiao.wire.check import Problem
from menpiao.wire.counter import (
    FindAsked,
    QuoteAsked,
    ReturnAsked,
    ReturnQuoteAsked,
    SaleAsked,
    SlipLines,
)
from menpiao.wire.unreadable import UNREADABLE

SlipMaker = Callable[[SaleSlip | RefundSlip], list[dict[str, Any]]]
_encoder = msgspec.json.Encoder()
_quote = msgspec.json.Decoder(QuoteAsked)
_sale = msgspec.json.Decoder(SaleAsked)
_find = msgspec.json.Decoder(FindAsked)
_back_quote = msgspec.json.Decoder(ReturnQuoteAsked)
_back = msgspec.json.Decoder(ReturnAsked)
_LONGEST_BODY = 32 * 1024
_HEADERS = {"Cache-Control": "no-store"}
_STATUS = {
    Reason.SLOT_FULL: 409,
    Reason.DAY_FULL: 409,
    Reason.DUPLICATE_DOCUMENT: 409,
    Reason.TOKEN_REUSED: 409,
    Reason.PRICE_CHANGED: 409,
    Reason.REFUND_CHANGED: 409,
    Reason.REFUNDING: 409,
    Reason.REFUNDED: 409,
    Reason.UNPAID: 409,
    Reason.ORDER_CLOSED: 409,
    Reason.ORDER_UNKNOWN: 404,
    Reason.PRODUCT_UNKNOWN: 404,
    Reason.SLOT_UNKNOWN: 404,
    Reason.NOT_PERMITTED: 403,
    Reason.BUSY: 503,
}
_T = TypeVar("_T")
_Door = Callable[[Request, Clerk], Awaitable[object]]


class CounterApi:
    """Routes of the counter server; each asks for ``Authorization: Bearer`` and a page's ticket."""

    def __init__(
        self, service: CounterService, returns: ReturnService, key: bytes, make_slip: SlipMaker
    ) -> None:
        """Speak for the services; ``key`` seals the tickets, ``make_slip`` writes slips."""
        self._service = service
        self._returns = returns
        self._key = key
        self._make_slip = make_slip

    def routes(self) -> list[BaseRoute]:
        """The routes to mount."""
        base = "/counter/v1"
        order = f"{base}/orders/{{order_no}}"
        return [
            Route(f"{base}/offer", self._door(self._offer)),
            Route(f"{base}/quotes", self._door(self._quoted), methods=["POST"]),
            Route(f"{base}/orders", self._door(self._sell), methods=["POST"]),
            Route(f"{base}/sales", self._door(self._own_sales)),
            Route(order, self._door(self._order)),
            Route(f"{order}/slip", self._door(self._slip)),
            Route(f"{order}/give-up", self._door(self._give_up), methods=["POST"]),
            Route(f"{base}/finds", self._door(self._find), methods=["POST"]),
            Route(f"{order}/refunds", self._door(self._refunds)),
            Route(f"{order}/refunds", self._door(self._give_back), methods=["POST"]),
            Route(f"{order}/refund-quotes", self._door(self._refund_quoted), methods=["POST"]),
            Route(f"{order}/refunds/{{refund_no}}/slip", self._door(self._refund_slip)),
        ]

    def _door(self, work: _Door) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            scheme, _, ticket = request.headers.get("authorization", "").partition(" ")
            clerk = read_ticket(self._key, ticket, self._service.now())
            if scheme.lower() != "bearer" or clerk is None:
                return _answer(Refusal(Reason.NOT_PERMITTED))
            return _answer(await work(request, clerk))

        return handle

    async def _offer(self, request: Request, clerk: Clerk) -> object:
        """Products and places: ``?date=YYYY-MM-DD``, today without it."""
        text = request.query_params.get("date", "")
        try:
            day = date.fromisoformat(text) if text else None
        except ValueError:
            return Refusal(Reason.BAD_REQUEST, "YYYY-MM-DD", "date")
        return await self._service.offer(clerk, day)

    async def _quoted(self, request: Request, clerk: Clerk) -> object:
        asked = await _read(request, _quote)
        return asked if isinstance(asked, Refusal) else await self._service.quote(clerk, asked)

    async def _sell(self, request: Request, clerk: Clerk) -> object:
        """Sell. The same token again: the same order."""
        asked = await _read(request, _sale)
        return asked if isinstance(asked, Refusal) else await self._service.sell(clerk, asked)

    async def _own_sales(self, request: Request, clerk: Clerk) -> object:
        del request
        return await self._service.own_sales(clerk)

    async def _order(self, request: Request, clerk: Clerk) -> object:
        found = await self._service.order(clerk, request.path_params["order_no"])
        return Refusal(Reason.ORDER_UNKNOWN, field="order_no") if found is None else found

    async def _slip(self, request: Request, clerk: Clerk) -> object:
        facts = await self._service.slip(clerk, request.path_params["order_no"])
        if isinstance(facts, Refusal):
            return facts
        return SlipLines(lines=self._make_slip(facts))

    async def _give_up(self, request: Request, clerk: Clerk) -> object:
        return await self._service.give_up(clerk, request.path_params["order_no"])

    async def _find(self, request: Request, clerk: Clerk) -> object:
        """Orders by number, document or telephone: a body, so that no number is in an address."""
        asked = await _read(request, _find)
        return asked if isinstance(asked, Refusal) else await self._returns.find(clerk, asked)

    async def _refunds(self, request: Request, clerk: Clerk) -> object:
        return await self._returns.view(clerk, request.path_params["order_no"])

    async def _refund_quoted(self, request: Request, clerk: Clerk) -> object:
        asked = await _read(request, _back_quote)
        if isinstance(asked, Refusal):
            return asked
        return await self._returns.quote(clerk, request.path_params["order_no"], asked)

    async def _give_back(self, request: Request, clerk: Clerk) -> object:
        """Give tickets back. The same token again: the same refund."""
        asked = await _read(request, _back)
        if isinstance(asked, Refusal):
            return asked
        return await self._returns.give_back(clerk, request.path_params["order_no"], asked)

    async def _refund_slip(self, request: Request, clerk: Clerk) -> object:
        path = request.path_params
        facts = await self._returns.slip(clerk, path["order_no"], path["refund_no"])
        if isinstance(facts, Refusal):
            return facts
        return SlipLines(lines=self._make_slip(facts))


def _answer(outcome: object) -> Response:
    status, body = 200, outcome
    if isinstance(outcome, Refusal):
        words = outcome.wording
        status = _STATUS.get(outcome.reason, 422)
        body = Problem(
            code=outcome.reason.value,
            zh="，".join(filter(None, (words.zh, words.zh_next))),
            en=". ".join(filter(None, (words.en, words.en_next))),
            detail=outcome.detail,
            field=outcome.field,
        )
    headers: Mapping[str, str] = _HEADERS
    return Response(_encoder.encode(body), status, headers, media_type="application/json")


async def _read(request: Request, decoder: "msgspec.json.Decoder[_T]") -> _T | Refusal:
    body = await request.body()
    if len(body) > _LONGEST_BODY:
        return Refusal(Reason.BAD_REQUEST, "the message is too long")
    try:
        return decoder.decode(body)
    except UNREADABLE as error:
        return Refusal(Reason.BAD_REQUEST, str(error))
