"""The payment server's door for providers (patent part 705)."""

import asyncio

import asyncpg
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from menpiao.centre.commerce.service import CommerceService, Verdict

log = structlog.get_logger(__name__)

NOTIFICATIONS = "/commerce/v1/notifications/wechat"
_LONGEST_BODY = 64 * 1024
_ANSWER_WITHIN_S = 4.0  # WeChat Pay gives up after 5 s
# 204 accepts; anything else brings a repeat (docs/protocols/payment-wechat.md).
_STATUS = {
    Verdict.NOT_PROVED: (401, "SIGN_ERROR", "not proved"),
    Verdict.UNREADABLE: (400, "PARAM_ERROR", "not readable"),
    Verdict.FOREIGN: (403, "NO_AUTH", "not about us"),
    Verdict.REPEAT: (503, "SYSTEM_ERROR", "please repeat"),
}


def _refuse(verdict: Verdict) -> Response:
    status, code, message = _STATUS[verdict]
    return JSONResponse({"code": code, "message": message}, status)


class CommerceApi:
    """Routes of the payment server."""

    def __init__(self, service: CommerceService) -> None:
        """Speak for a service."""
        self._service = service

    def routes(self) -> list[BaseRoute]:
        """The routes to mount."""
        return [Route(NOTIFICATIONS, self.wechat, methods=["POST"])]

    async def wechat(self, request: Request) -> Response:
        """A notification of WeChat Pay; only its HTTP status matters to the sender."""
        try:
            body = await _limited(request)
        except ClientDisconnect:
            return _refuse(Verdict.UNREADABLE)
        if body is None:
            return _refuse(Verdict.UNREADABLE)
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                verdict = await self._service.on_notification("wechat", dict(request.headers), body)
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            # Whatever was committed meanwhile is found again by the repeat.
            log.warning("notification_not_placed", error=type(error).__name__)
            return _refuse(Verdict.REPEAT)
        return Response(status_code=204) if verdict is Verdict.ACCEPTED else _refuse(verdict)


async def _limited(request: Request) -> bytes | None:
    """The raw body; None when it is longer than any notification."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > _LONGEST_BODY:
            return None
        parts.append(part)
    return b"".join(parts)
