"""One signed question to WeChat Pay and its verified answer.

Nothing that is not verified decides anything: an answer without a good signature, of whatever
status, is no answer. Two hosts serve the same API; when one cannot be reached the other is asked.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import structlog

from menpiao.centre.commerce.wechat.sign import MerchantKey, PlatformKeys
from menpiao.wire.unreadable import UNREADABLE

log = structlog.get_logger(__name__)

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures after which the platform cannot have heard us: any request may go to the other host."""


def utc_now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Answer:
    """A verified answer."""

    status: int
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing reliable came back; ``sent`` tells whether the platform may have acted."""

    code: str
    text: str = ""
    sent: bool = True


class Transport:
    """Signs, sends, fails over, verifies. Logs paths and codes, never bodies or signatures."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        hosts: Sequence[str],
        merchant: MerchantKey,
        platform: PlatformKeys,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._http = http
        self._hosts = [host.rstrip("/") for host in hosts]
        self._merchant = merchant
        self._platform = platform
        self._clock = clock

    async def ask(
        self, method: str, path: str, body: object = None, *, repeatable: bool = True
    ) -> Answer | NoAnswer:
        """Ask every host in turn until one gives a verified answer.

        ``repeatable`` false: never ask again once the request may have arrived somewhere.
        """
        octets = b"" if body is None else msgspec.json.encode(body)
        result = NoAnswer("NO_HOST", sent=False)
        maybe_sent = False
        for host in list(self._hosts):
            reply = await self._once(host, method, path, octets)
            if isinstance(reply, Answer):
                self._prefer(host)
                return reply
            log.warning("wechat_no_answer", host=host, path=path, code=reply.code)
            maybe_sent = maybe_sent or reply.sent
            result = NoAnswer(reply.code, reply.text, sent=maybe_sent)
            if maybe_sent and not repeatable:
                break
        return result

    def _prefer(self, host: str) -> None:
        if self._hosts[0] != host:
            self._hosts.remove(host)
            self._hosts.insert(0, host)

    async def _once(self, host: str, method: str, path: str, body: bytes) -> Answer | NoAnswer:
        url = httpx.URL(host + path)
        sent_path = url.raw_path.decode("ascii")
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "menpiao",
            "Wechatpay-Serial": self._platform.preferred,
            "Authorization": self._merchant.authorization(
                method, sent_path, body, int(self._clock().timestamp()), secrets.token_hex(16)
            ),
        }
        try:
            reply = await self._http.request(method, url, content=body or None, headers=headers)
        except NEVER_SENT as error:
            return NoAnswer("UNREACHABLE", type(error).__name__, sent=False)
        except httpx.HTTPError as error:
            return NoAnswer("NO_ANSWER", type(error).__name__)
        now = self._clock()
        rejected = self._platform.verify(reply.headers, reply.content, now)
        if rejected is not None:
            text = f"HTTP {reply.status_code} {rejected.code} {unsigned_code(reply.content)}"
            return NoAnswer("UNVERIFIED", text.strip())
        return Answer(reply.status_code, reply.content, now)


def unsigned_code(body: bytes) -> str:
    """The code of an unverified body, for the person who reads the log; it decides nothing."""
    try:
        told: Any = msgspec.json.decode(body)
    except UNREADABLE:
        return ""
    code = told.get("code") if isinstance(told, dict) else None
    return code[:40] if isinstance(code, str) and code.isprintable() else ""
