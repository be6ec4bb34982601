"""The /v3 door: every request's signature is checked, every answer is signed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from menpiao.simulation.payment.platform import Fault, Platform
from menpiao.simulation.payment.seal import Flaw, fault_of_request, signed_headers
from menpiao.simulation.payment.trades import Refund, Refusal, Trade

Reply = tuple[int, object]
"""Status and JSON body; a None body is an empty one."""
Operation = Callable[[Platform, Request, dict[str, Any]], Reply]
_FLAWS = {"bad_signature", "unsigned", "stale", "unknown_serial", "probe"}


class _Hangup(Response):
    """An answer whose connection breaks before it is complete."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        headers = [(b"content-length", b"100")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": True})


def _no(refusal: Refusal) -> Reply:
    return refusal.status, {"code": refusal.code, "message": refusal.message}


def _trade(platform: Platform, found: Trade | Refusal) -> Reply:
    if isinstance(found, Refusal):
        return _no(found)
    return 200, found.view(platform.book.mchid, platform.book.appid)


def _native(platform: Platform, request: Request, body: dict[str, Any]) -> Reply:
    del request
    made = platform.book.create_native(body, platform.clock())
    return _no(made) if isinstance(made, Refusal) else (200, {"code_url": made.code_url})


def _query(platform: Platform, request: Request, body: dict[str, Any]) -> Reply:
    del body
    if request.query_params.get("mchid") != platform.book.mchid:
        return 400, {"code": "PARAM_ERROR", "message": "mchid 不正确"}
    if "transaction_id" in request.path_params:
        found = platform.book.find_transaction(request.path_params["transaction_id"])
    else:
        found = platform.book.find(request.path_params["number"], platform.clock())
    return _trade(platform, found)


def _close(platform: Platform, request: Request, body: dict[str, Any]) -> Reply:
    refused = platform.book.close(request.path_params["number"], body, platform.clock())
    return _no(refused) if refused else (204, None)


def _codepay(platform: Platform, request: Request, body: dict[str, Any]) -> Reply:
    del request
    made = platform.book.charge_code(body, platform.clock())
    status, shown = _trade(platform, made)
    if isinstance(made, Trade) and made.state == "USERPAYING":
        status = platform.userpaying_status
    return status, shown


def _reverse(platform: Platform, request: Request, body: dict[str, Any]) -> Reply:
    number = request.path_params["number"]
    refused = platform.book.reverse(number, body, platform.clock())
    return _no(refused) if refused else (200, {**body, "out_trade_no": number})


def _refund(platform: Platform, request: Request, body: dict[str, Any]) -> Reply:
    del request
    known = body.get("out_refund_no") in platform.book.refunds
    made = platform.book.refund(body, platform.clock())
    if isinstance(made, Refusal):
        return _no(made)
    if not known:
        platform.start_refund(made)
    return 200, made.view()


def _query_refund(platform: Platform, request: Request, body: dict[str, Any]) -> Reply:
    del body
    found: Refund | None = platform.book.refunds.get(request.path_params["number"])
    if found is None:
        return 404, {"code": "RESOURCE_NOT_EXISTS", "message": "退款单不存在"}
    return 200, found.view()


def _certificates(platform: Platform, request: Request, body: dict[str, Any]) -> Reply:
    del platform, request, body
    return 404, {"code": "RESOURCE_NOT_EXISTS", "message": "无可用的平台证书，请使用微信支付公钥"}


def _door(name: str, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        platform = cast("Platform", request.app.state.platform)
        octets = await request.body()
        fault = platform.take_fault(name)
        early = await _before(fault)
        if early is not None and not isinstance(early, tuple):
            return early
        status, body = early or _act(platform, request, octets, operation)
        if fault is not None and fault.kind == "drop_after":
            return _Hangup()
        if fault is not None and fault.kind == "error_after":
            status, body = 500, {"code": "SYSTEM_ERROR", "message": "系统异常"}
        flaw = cast("Flaw", fault.kind if fault is not None and fault.kind in _FLAWS else "")
        shown = b"" if body is None else msgspec.json.encode(body)
        serial = request.headers.get("wechatpay-serial", "")
        headers = signed_headers(platform.keys, serial, shown, platform.clock(), flaw)
        if shown:
            headers["Content-Type"] = "application/json; charset=utf-8"
        return Response(shown, status, headers)

    return handle


async def _before(fault: Fault | None) -> Reply | _Hangup | None:
    """What a fault does before the platform acts."""
    if fault is None:
        return None
    if fault.kind == "delay":
        await asyncio.sleep(fault.seconds)
    if fault.kind == "drop_before":
        return _Hangup()
    if fault.kind == "error":
        return 500, {"code": "SYSTEM_ERROR", "message": "系统异常"}
    if fault.kind == "limited":
        return 429, {"code": "FREQUENCY_LIMITED", "message": "频率超限"}
    return None


def _act(platform: Platform, request: Request, octets: bytes, operation: Operation) -> Reply:
    target = request.scope["raw_path"].decode("ascii")
    if request.scope["query_string"]:
        target += "?" + request.scope["query_string"].decode("ascii")
    wrong = fault_of_request(
        platform.keys,
        request.headers.get("authorization", ""),
        request.method,
        target,
        octets,
        platform.clock(),
    )
    if wrong:
        return 401, {"code": "SIGN_ERROR", "message": wrong}
    try:
        body = msgspec.json.decode(octets, type=dict[str, Any]) if octets else {}
    except msgspec.MsgspecError:
        return 400, {"code": "PARAM_ERROR", "message": "请求不是JSON"}
    return operation(platform, request, body)


_TRADES = "/v3/pay/transactions"
_REFUNDS = "/v3/refund/domestic/refunds"
_TABLE: tuple[tuple[str, str, str, Operation], ...] = (
    ("POST", f"{_TRADES}/native", "native", _native),
    ("POST", f"{_TRADES}/codepay", "codepay", _codepay),
    ("GET", f"{_TRADES}/out-trade-no/{{number}}", "query", _query),
    ("GET", f"{_TRADES}/id/{{transaction_id}}", "query", _query),
    ("POST", f"{_TRADES}/out-trade-no/{{number}}/close", "close", _close),
    ("POST", f"{_TRADES}/out-trade-no/{{number}}/reverse", "reverse", _reverse),
    ("POST", _REFUNDS, "refund", _refund),
    ("GET", f"{_REFUNDS}/{{number}}", "query_refund", _query_refund),
    ("GET", "/v3/certificates", "certificates", _certificates),
)
routes = [
    Route(path, _door(name, operation), methods=[method])
    for method, path, name, operation in _TABLE
]
