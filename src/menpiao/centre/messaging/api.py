"""The messaging server for probes: how the link is, and how many messages are in which state."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from menpiao.centre.messaging.service import STORE_ERRORS, MessagingService


class MessagingApi:
    """HTTP face of the service; for the private network, it names no person."""

    def __init__(self, service: MessagingService) -> None:
        """Answer from this service."""
        self._service = service

    def routes(self) -> list[Route]:
        """``GET /internal/messaging/status``."""
        return [Route("/internal/messaging/status", self._status)]

    async def _status(self, request: Request) -> Response:  # noqa: ARG002 - a route's shape
        try:
            status = await self._service.status()
        except STORE_ERRORS:
            return JSONResponse({"ready": False, "database": "unreachable"}, 503)
        channel = status.channel
        return JSONResponse(
            {
                "ready": channel.connected,
                "last_error": channel.last_error,
                "messages_per_second": round(channel.rate, 2),
                "sending": status.sending,
                "last_seven_days": status.counts,
            },
            200 if channel.connected else 503,
        )
