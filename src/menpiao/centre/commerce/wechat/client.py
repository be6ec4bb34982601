"""The WeChat Pay client of server 705: native, codepay, query, close, reverse, refund."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from menpiao import settings
from menpiao.centre.commerce.provider import (
    Capabilities,
    CodeCharge,
    Notice,
    Outcome,
    PaymentRequest,
    QrOutcome,
    RefundRequest,
    Rejection,
    Standing,
)
from menpiao.centre.commerce.wechat import answers, notification
from menpiao.centre.commerce.wechat.resource import check_key
from menpiao.centre.commerce.wechat.sign import MerchantKey, PlatformKeys
from menpiao.centre.commerce.wechat.transport import Answer, NoAnswer, Transport, utc_now
from menpiao.wire.unreadable import UNREADABLE

HOSTS = ("https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com")
BEIJING = timezone(timedelta(hours=8))
_NUMBER = re.compile(r"[0-9A-Za-z_\-|*]{6,64}")
_TRADES = "/v3/pay/transactions"
_REFUNDS = "/v3/refund/domestic/refunds"
_TIMEOUT = httpx.Timeout(10.0, connect=3.0)

_Body = TypeVar("_Body")


def beijing_time(moment: datetime) -> str:
    """RFC 3339 to the second: ``2026-05-01T10:34:56+08:00``, whatever the host's zone."""
    return moment.astimezone(BEIJING).isoformat(timespec="seconds")


class WechatPay:
    """One merchant account in direct mode.

    Raises:
        ValueError: at construction, when the account's settings cannot work.
    """

    name = "wechat"
    capabilities = Capabilities(
        client_kinds=frozenset({"native", "codepay"}), partial_refund=True, reverse=True
    )

    def __init__(
        self,
        account: settings.Wechat,
        http: httpx.AsyncClient,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        _check(account)
        certificate = account.platform_certificate_file
        public_key = account.platform_public_key_file
        self._account = account
        self._apiv3_key = check_key(account.apiv3_key)
        self._platform = PlatformKeys.read(
            account.platform_key_id,
            Path(public_key) if public_key else None,
            [Path(certificate)] if certificate else [],
        )
        merchant = MerchantKey.read(
            account.mchid, account.merchant_serial, Path(account.merchant_key_file)
        )
        hosts = [h for h in (account.base_url, account.failover_url) if h] or list(HOSTS)
        self._transport = Transport(http, hosts, merchant, self._platform, clock)

    @staticmethod
    def http_client() -> httpx.AsyncClient:
        """A connection pool with the time limits this client wants; close it at the end."""
        return httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, follow_redirects=False)

    async def create_qr(self, request: PaymentRequest) -> QrOutcome:
        """Create a native order, or get the code of the same order again (it lives 2 hours)."""
        body = {
            **self._owner(),
            "description": request.description[:127],
            "out_trade_no": _number(request.payment_ref, 32),
            "time_expire": beijing_time(request.expires_at),
            "notify_url": self._account.notify_url,
            "amount": {"total": _fen(request.amount_fen), "currency": "CNY"},
        }
        reply = await self._transport.ask("POST", f"{_TRADES}/native", body)
        outcome, answer = _read(reply, answers.CodeUrl)
        if answer is None:
            return QrOutcome(outcome)
        return QrOutcome(Outcome(Standing.PENDING, code="NOTPAY"), code_url=answer.code_url)

    async def query(self, payment_ref: str) -> Outcome:
        """Ask by our number; a stranger's or another order's answer is no answer."""
        number = quote(_number(payment_ref, 32), safe="")
        reply = await self._transport.ask(
            "GET", f"{_TRADES}/out-trade-no/{number}?mchid={self._account.mchid}"
        )
        return self._trade(reply, payment_ref)

    async def close(self, payment_ref: str) -> Outcome:
        """Close an unpaid native order; repeatable."""
        number = quote(_number(payment_ref, 32), safe="")
        reply = await self._transport.ask(
            "POST", f"{_TRADES}/out-trade-no/{number}/close", {"mchid": self._account.mchid}
        )
        return _done(reply)

    async def charge_code(self, charge: CodeCharge) -> Outcome:
        """Charge the visitor's code, sent once: only a query tells what became of a lost answer."""
        body = {
            **self._owner(),
            "description": charge.description[:127],
            "out_trade_no": _number(charge.payment_ref, 32),
            "payer": {"auth_code": charge.auth_code},
            "amount": {"total": _fen(charge.amount_fen), "currency": "CNY"},
            "scene_info": {
                "device_ip": charge.device_ip,
                "store_info": {"out_id": charge.store_ref},
            },
        }
        reply = await self._transport.ask("POST", f"{_TRADES}/codepay", body, repeatable=False)
        return self._trade(reply, charge.payment_ref, refused_finally=False)

    async def reverse(self, payment_ref: str) -> Outcome:
        """Reverse a codepay order, paid or not."""
        number = quote(_number(payment_ref, 32), safe="")
        reply = await self._transport.ask(
            "POST", f"{_TRADES}/out-trade-no/{number}/reverse", self._owner()
        )
        return _done(reply)

    async def refund(self, request: RefundRequest) -> Outcome:
        """Ask for a refund; the same number and amounts again are safe."""
        body: dict[str, object] = {
            "out_trade_no": _number(request.payment_ref, 32),
            "out_refund_no": _number(request.refund_ref, 64),
            "notify_url": self._account.notify_url,
            "amount": {
                "refund": _fen(request.refund_fen),
                "total": _fen(request.paid_fen),
                "currency": "CNY",
            },
        }
        if request.reason:
            body["reason"] = request.reason[:80]
        return self._refund(await self._transport.ask("POST", _REFUNDS, body), request.refund_ref)

    async def query_refund(self, refund_ref: str) -> Outcome:
        """Ask how a refund stands, by our number."""
        number = quote(_number(refund_ref, 64), safe="")
        reply = await self._transport.ask("GET", f"{_REFUNDS}/{number}")
        return self._refund(reply, refund_ref)

    def parse_notification(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Notice | Rejection:
        """Verify and read a notification."""
        return notification.parse(
            headers,
            body,
            now,
            keys=self._platform,
            apiv3_key=self._apiv3_key,
            mchid=self._account.mchid,
            appid=self._account.appid,
        )

    def _owner(self) -> dict[str, object]:
        return {"appid": self._account.appid, "mchid": self._account.mchid}

    def _trade(
        self, reply: Answer | NoAnswer, payment_ref: str, *, refused_finally: bool = True
    ) -> Outcome:
        outcome, answer = _read(reply, answers.Transaction)
        if answer is None or isinstance(reply, NoAnswer):
            return outcome
        if answer.out_trade_no != payment_ref or answer.mchid != self._account.mchid:
            return Outcome(Standing.UNKNOWN, code="MISMATCH", text="answer about another order")
        return answers.trade(answer, now=reply.received_at, refused_finally=refused_finally)

    def _refund(self, reply: Answer | NoAnswer, refund_ref: str) -> Outcome:
        outcome, answer = _read(reply, answers.Refund)
        if answer is None or isinstance(reply, NoAnswer):
            return outcome
        if answer.out_refund_no != refund_ref:
            return Outcome(Standing.UNKNOWN, code="MISMATCH", text="answer about another refund")
        return answers.refund(answer, now=reply.received_at)


def _check(account: settings.Wechat) -> None:
    for key in ("mchid", "appid", "merchant_serial", "merchant_key_file", "notify_url"):
        if not getattr(account, key):
            raise ValueError(f"wechat.{key} is missing")
    notify = urlsplit(account.notify_url)
    if notify.query or notify.fragment or notify.scheme not in {"http", "https"}:
        raise ValueError("wechat.notify_url must be an http(s) address without query")
    if not account.base_url and notify.scheme != "https":
        raise ValueError("wechat.notify_url must be https for the real platform")


def _number(text: str, longest: int) -> str:
    if not _NUMBER.fullmatch(text) or len(text) > longest:
        raise ValueError(f"not a merchant's number: {len(text)} characters")
    return text


def _fen(amount: int) -> int:
    if amount < 1:
        raise ValueError("an amount is at least 1 fen")
    return amount


def _no(reply: Answer | NoAnswer) -> Outcome | None:
    """The outcome of everything but a verified 2xx."""
    if isinstance(reply, NoAnswer):
        return Outcome(Standing.UNKNOWN, code=reply.code, text=reply.text)
    if 200 <= reply.status < 300:
        return None
    try:
        problem = msgspec.json.decode(reply.body, type=answers.Problem)
    except UNREADABLE:
        problem = answers.Problem()
    return answers.refusal(reply.status, problem)


def _done(reply: Answer | NoAnswer) -> Outcome:
    """The outcome of an operation whose success has no body, or one that tells nothing new."""
    return _no(reply) or Outcome(Standing.SUCCEEDED)


def _read(reply: Answer | NoAnswer, kind: type[_Body]) -> tuple[Outcome, _Body | None]:
    outcome = _no(reply)
    if outcome is not None or isinstance(reply, NoAnswer):
        return outcome or Outcome(Standing.UNKNOWN), None
    try:
        return Outcome(Standing.PENDING), msgspec.json.decode(reply.body, type=kind)
    except UNREADABLE as error:
        return Outcome(Standing.UNKNOWN, code="MALFORMED", text=type(error).__name__), None
