"""The JSON door of tests and the demo: look into the platform, act for the visitor, plan faults.

Everything is under ``/_sim``; nothing here exists at a real platform.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, cast

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from menpiao.simulation.payment.notifier import Copies
from menpiao.simulation.payment.platform import Fault, FaultKind, Platform
from menpiao.simulation.payment.seal import Flaw
from menpiao.simulation.payment.trades import Refusal


class PlanFault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault to show. Operations: native, codepay, query, close, reverse, refund, query_refund."""

    operation: str = "*"
    kind: FaultKind
    times: int = 1
    seconds: float = 0.0


class Mode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the platform behaves from now on; what is left out stays."""

    copies: Copies | None = None
    sign_with: Literal["public_key", "certificate"] | None = None
    refund_result: Literal["SUCCESS", "ABNORMAL", "CLOSED"] | None = None
    refund_s: float | None = None
    balance_low: bool | None = None
    userpaying_status: Literal[200, 202] | None = None


class Pay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pay a trade for the visitor; ``late``: even though it is closed."""

    copies: Copies | None = None
    late: bool = False


class Resend(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send one more copy of a notification now, as it is or spoilt."""

    flaw: Flaw = ""
    tampered: bool = False


class IssueCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payment code; what happens when it is charged."""

    behaviour: Literal["pay", "ask", "poor", "lost"] = "pay"


class ExternalRefund(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A refund started in the merchant's console, not by our software."""

    out_trade_no: str
    out_refund_no: str
    refund_fen: int
    notify_url: str = ""


def _platform(request: Request) -> Platform:
    return cast("Platform", request.app.state.platform)


async def _read(request: Request, kind: type[Any]) -> Any:
    return msgspec.json.decode(await request.body() or b"{}", type=kind)


def _no(refusal: Refusal) -> Response:
    return JSONResponse({"code": refusal.code, "message": refusal.message}, refusal.status)


async def _trades(request: Request) -> Response:
    platform = _platform(request)
    book = platform.book
    for trade in book.trades.values():
        book.expire(trade, platform.clock())
    return JSONResponse(
        [
            t.view(book.mchid, book.appid) | ({"code_url": t.code_url} if t.pr else {})
            for t in book.trades.values()
        ]
    )


async def _refunds(request: Request) -> Response:
    return JSONResponse([r.view() for r in _platform(request).book.refunds.values()])


async def _notices(request: Request) -> Response:
    return JSONResponse(
        [
            {"id": n.id, "event_type": n.event_type, "url": n.url, "answers": n.answers}
            for n in _platform(request).notifier.notices
        ]
    )


async def _pay(request: Request) -> Response:
    platform = _platform(request)
    asked: Pay = await _read(request, Pay)
    trade = platform.book.find(request.path_params["number"], platform.clock())
    if isinstance(trade, Refusal):
        return _no(trade)
    refused = platform.pay(trade, copies=asked.copies, late=asked.late)
    return _no(refused) if refused else Response(status_code=204)


async def _resend(request: Request) -> Response:
    asked: Resend = await _read(request, Resend)
    notifier = _platform(request).notifier
    for notice in notifier.notices:
        if notice.id == request.path_params["id"]:
            body = notice.body.replace(b"SUCCESS", b"SUCCES5") if asked.tampered else None
            return JSONResponse({"status": await notifier.send(notice, asked.flaw, body)})
    return Response(status_code=404)


async def _fault(request: Request) -> Response:
    asked: PlanFault = await _read(request, PlanFault)
    _platform(request).faults.append(Fault(asked.operation, asked.kind, asked.times, asked.seconds))
    return Response(status_code=204)


async def _clear_faults(request: Request) -> Response:
    _platform(request).faults.clear()
    return Response(status_code=204)


async def _mode(request: Request) -> Response:
    asked: Mode = await _read(request, Mode)
    platform = _platform(request)
    if asked.copies is not None:
        platform.notifier.copies = asked.copies
    if asked.sign_with is not None:
        platform.notifier.serial = (
            platform.keys.account.platform_key_id
            if asked.sign_with == "public_key"
            else platform.keys.certificate_serial
        )
    for name in ("refund_result", "refund_s", "userpaying_status"):
        if getattr(asked, name) is not None:
            setattr(platform, name, getattr(asked, name))
    if asked.balance_low is not None:
        platform.book.balance_low = asked.balance_low
    return Response(status_code=204)


async def _code(request: Request) -> Response:
    asked: IssueCode = await _read(request, IssueCode)
    platform = _platform(request)
    code = platform.book.issue_code(asked.behaviour, platform.clock())
    return JSONResponse({"auth_code": code})


async def _external_refund(request: Request) -> Response:
    asked: ExternalRefund = await _read(request, ExternalRefund)
    platform = _platform(request)
    trade = platform.book.find(asked.out_trade_no, platform.clock())
    if isinstance(trade, Refusal):
        return _no(trade)
    body = {
        "out_trade_no": asked.out_trade_no,
        "out_refund_no": asked.out_refund_no,
        "notify_url": asked.notify_url,
        "amount": {"refund": asked.refund_fen, "total": trade.total_fen, "currency": "CNY"},
    }
    made = platform.book.refund(body, platform.clock())
    if isinstance(made, Refusal):
        return _no(made)
    platform.start_refund(made)
    return JSONResponse(made.view())


async def _deal_with_refund(request: Request) -> Response:
    """The merchant handles an abnormal refund in the platform's console; nobody is told of it."""
    platform = _platform(request)
    made = platform.book.refunds.get(request.path_params["number"])
    if made is None or made.status != "ABNORMAL":
        return Response(status_code=404)
    made.status, made.finished_s = "SUCCESS", platform.clock()
    return JSONResponse(made.view())


Handler = Callable[[Request], Awaitable[Response]]


def _checked(handler: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except msgspec.MsgspecError as error:
            return JSONResponse({"code": "PARAM_ERROR", "message": str(error)}, 400)

    return handle


_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/_sim/trades", _trades),
    ("GET", "/_sim/refunds", _refunds),
    ("GET", "/_sim/notices", _notices),
    ("POST", "/_sim/trades/{number}/pay", _pay),
    ("POST", "/_sim/notices/{id}/send", _resend),
    ("POST", "/_sim/faults", _fault),
    ("DELETE", "/_sim/faults", _clear_faults),
    ("POST", "/_sim/mode", _mode),
    ("POST", "/_sim/auth-codes", _code),
    ("POST", "/_sim/refunds", _external_refund),
    ("POST", "/_sim/refunds/{number}/deal-with", _deal_with_refund),
)
routes = [Route(path, _checked(handler), methods=[method]) for method, path, handler in _TABLE]
