"""Notifications: sealed, signed, sent, and repeated on the documented schedule until accepted."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
import msgspec
import structlog

from menpiao.simulation.payment.keys import Keys
from menpiao.simulation.payment.seal import Flaw, seal, signed_headers
from menpiao.simulation.payment.trades import stamp

log = structlog.get_logger(__name__)

SCHEDULE_S = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
"""Waits before the repeats: 15 of them, 24 h 4 min in all."""
TIMEOUT_S = 5.0
Copies = Literal["none", "one", "two"]


@dataclass(slots=True)
class Notice:
    """A notification and what became of it."""

    id: str
    event_type: str
    url: str
    body: bytes
    answers: list[int] = field(default_factory=list)
    """HTTP status of each attempt; 0 when there was no answer in time."""
    accepted: bool = False


class Notifier:
    """Sends notifications in the background; :meth:`close` ends all repeats."""

    def __init__(self, keys: Keys, clock: Callable[[], float], time_scale: float = 1.0) -> None:
        self._keys = keys
        self._clock = clock
        self._scale = time_scale
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)
        self._running: set[asyncio.Task[None]] = set()
        self.notices: list[Notice] = []
        self.copies: Copies = "one"
        """What happens to the next notifications: dropped for good, sent, or sent twice at once."""
        self.serial = keys.account.platform_key_id

    def make(self, event_type: str, kind: str, told: dict[str, Any], url: str) -> Notice:
        """A notification about a trade or a refund, not yet sent."""
        body = msgspec.json.encode(
            {
                "id": f"{secrets.token_hex(4)}-{secrets.token_hex(14)}",
                "create_time": stamp(self._clock()),
                "event_type": event_type,
                "resource_type": "encrypt-resource",
                "summary": "支付成功" if kind == "transaction" else "退款结果",
                "resource": seal(self._keys, kind, msgspec.json.encode(told)),
            }
        )
        notice = Notice(msgspec.json.decode(body)["id"], event_type, url, body)
        self.notices.append(notice)
        return notice

    def start(self, notice: Notice, copies: Copies | None = None) -> None:
        """Send in the background, with repeats."""
        copies = copies or self.copies
        for number in range({"none": 0, "one": 1, "two": 2}[copies]):
            task = asyncio.create_task(self._deliver(notice, number / self._scale))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def send(self, notice: Notice, flaw: Flaw = "", body: bytes | None = None) -> int:
        """Send one copy now; the receiver's HTTP status, 0 when there was none."""
        octets = notice.body if body is None else body
        headers = signed_headers(self._keys, self.serial, notice.body, self._clock(), flaw)
        headers |= {"Content-Type": "application/json", "User-Agent": "Mozilla/4.0"}
        try:
            reply = await self._http.post(notice.url, content=octets, headers=headers)
        except httpx.HTTPError as error:
            log.info("notification_unanswered", id=notice.id, error=type(error).__name__)
            return 0
        return reply.status_code

    async def _deliver(self, notice: Notice, first_wait_s: float) -> None:
        for wait_s in (first_wait_s * self._scale, *SCHEDULE_S):
            await asyncio.sleep(wait_s / self._scale)
            status = await self.send(notice)
            notice.answers.append(status)
            if status in {200, 204}:
                notice.accepted = True
                return

    async def close(self) -> None:
        """Stop repeating and let connections go."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._http.aclose()
