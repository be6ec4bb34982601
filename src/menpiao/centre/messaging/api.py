"""The messaging server for probes: how the link is, and how many messages are in which state."""

from starlette.responses import Response
from starlette.routing import BaseRoute

from menpiao.centre.doors.answers import json_answer, problem
from menpiao.centre.doors.serve import Asked, routes
from menpiao.centre.messaging.doors import STATUS, TABLE
from menpiao.centre.messaging.service import STORE_ERRORS, MessagingService
from menpiao.domain.reasons import Reason, Refusal
from menpiao.wire.messaging import MessagingStatus


class MessagingApi:
    """HTTP face of the service; for the private network, it names no person."""

    def __init__(self, service: MessagingService) -> None:
        """Answer from this service."""
        self._service = service

    def routes(self) -> list[BaseRoute]:
        """The routes to mount."""
        return routes(TABLE, {STATUS: self._status})

    async def _status(self, asked: Asked) -> Response:  # noqa: ARG002 - a handler's shape
        try:
            status = await self._service.status()
        except STORE_ERRORS:
            return problem(Refusal(Reason.BUSY, "the database is not reachable"))
        channel = status.channel
        told = MessagingStatus(
            ready=channel.connected,
            last_error=channel.last_error,
            messages_per_second=round(channel.rate, 2),
            sending=status.sending,
            last_seven_days=status.counts,
        )
        return json_answer(told, 200 if channel.connected else 503)
