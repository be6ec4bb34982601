"""The payment server's door for providers (patent part 705)."""

import asyncio

import asyncpg
import structlog
from starlette.responses import Response
from starlette.routing import BaseRoute

from menpiao.centre.commerce.doors import TABLE, WECHAT
from menpiao.centre.commerce.service import CommerceService, Verdict
from menpiao.centre.doors.answers import json_answer
from menpiao.centre.doors.serve import Asked, routes
from menpiao.wire.commerce import NotificationRefused

log = structlog.get_logger(__name__)

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
    return json_answer(NotificationRefused(code=code, message=message), status)


class CommerceApi:
    """Routes of the payment server."""

    def __init__(self, service: CommerceService) -> None:
        """Speak for a service."""
        self._service = service

    def routes(self) -> list[BaseRoute]:
        """The routes to mount."""
        return routes(TABLE, {WECHAT: self.wechat})

    async def wechat(self, asked: Asked) -> Response:
        """A notification of WeChat Pay; only its HTTP status matters to the sender."""
        body, headers = asked.body, dict(asked.request.headers)
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                verdict = await self._service.on_notification("wechat", headers, body)
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            # Whatever was committed meanwhile is found again by the repeat.
            log.warning("notification_not_placed", error=type(error).__name__)
            return _refuse(Verdict.REPEAT)
        return Response(status_code=204) if verdict is Verdict.ACCEPTED else _refuse(verdict)
