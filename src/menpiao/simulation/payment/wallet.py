"""The simulated wallet: the pages on which a person plays the paying visitor."""

from html import escape
from typing import cast
from urllib.parse import parse_qs, quote, urlsplit

import segno
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from menpiao.domain.money import yuan
from menpiao.simulation.payment.platform import Platform
from menpiao.simulation.payment.trades import STATE_TEXT, Trade

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f1d; --paper: #f2f5f3; --card: #fff; --go: #0a7d43;
  --soft: #55615b; --line: #cfd8d3 }
@media (prefers-color-scheme: dark) { :root { --ink: #eef3f0; --paper: #121614; --card: #1c221f;
  --go: #2fae6d; --soft: #a9b5ae; --line: #38423d } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font-family: system-ui, "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif }
main { max-width: 26rem; margin: 0 auto; padding: 1rem }
.banner { background: #8a4b00; color: #fff; text-align: center; padding: .4rem; font-size: .875rem }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 1rem;
  padding: 1.25rem; margin: 1rem 0 }
h1 { font-size: 1.125rem; margin: 0 }
.amount { font-size: 3rem; font-weight: 700; margin: .25rem 0 }
.soft, small { color: var(--soft) } small { display: block; font-size: .8125rem }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 1rem 0 0 }
dt { color: var(--soft) } dd { margin: 0; text-align: right; overflow-wrap: anywhere }
button, .button { display: block; width: 100%; min-height: 3.25rem; margin: .6rem 0; padding: .5rem;
  border: 1px solid var(--line); border-radius: .75rem; background: var(--card); color: inherit;
  font: inherit; text-align: center; text-decoration: none; cursor: pointer }
button.go { background: var(--go); border-color: var(--go); color: #fff; font-weight: 600 }
button.go small { color: #fff } a { color: inherit }
:focus-visible { outline: 3px solid #2684ff; outline-offset: 2px }
summary { min-height: 2.75rem; cursor: pointer; padding: .6rem 0 }
svg { display: block; margin: 1rem auto; max-width: 100%; background: #fff }
.code { font: 600 1.375rem/1.4 ui-monospace, monospace; text-align: center; letter-spacing: .05em }
"""
_MESSAGES = {
    "cancelled": ("已取消，订单仍可支付", "Cancelled; the order can still be paid"),
    "refused": ("无法支付：订单已支付、已关闭或二维码已过期", "Cannot be paid any more"),
}
_STATE_ENGLISH = {
    "NOTPAY": "Not paid",
    "USERPAYING": "Waiting for your password",
    "SUCCESS": "Paid",
    "REFUND": "Paid, with a refund",
    "CLOSED": "Closed",
    "REVOKED": "Reversed",
    "PAYERROR": "Payment failed",
}


def wallet_path(code_url: str) -> str:
    """The path, on the simulated platform, of the wallet page for a scanned code."""
    return f"/wallet?code_url={quote(code_url, safe='')}"


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f'<div class="banner">模拟钱包，不会产生真实扣款 · Simulated wallet, no real money</div>'
        f"<main>{body}</main></body></html>",
        status,
        {"Cache-Control": "no-store"},
    )


def _platform(request: Request) -> Platform:
    return cast("Platform", request.app.state.platform)


def _by_pr(platform: Platform, pr: str) -> Trade | None:
    for trade in platform.book.trades.values():
        if pr in {trade.pr, trade.out_trade_no} and pr:
            platform.book.expire(trade, platform.clock())
            return trade
    return None


async def _home(request: Request) -> Response:
    platform = _platform(request)
    code_url = request.query_params.get("code_url", "")
    if code_url:
        pr = parse_qs(urlsplit(code_url).query).get("pr", [""])[0]
        trade = _by_pr(platform, pr)
        if trade is None:
            text = "<div class=card><h1>无法识别的二维码<small>Unknown code</small></h1></div>"
            return _page("无法识别", text, 404)
        return RedirectResponse(f"/wallet/{quote(trade.pr, safe='')}", 303)
    rows = [
        f'<a class="button" href="/wallet/{quote(t.pr or t.out_trade_no, safe="")}">'
        f"{escape(t.description)} · ¥{yuan(t.total_fen)}<small>{STATE_TEXT[t.state]}</small></a>"
        for t in reversed(list(platform.book.trades.values())[-20:])
    ]
    listing = "".join(rows) or '<p class="soft">暂无订单 · No orders yet</p>'
    return _page(
        "模拟钱包",
        f'<div class="card"><h1>订单<small>Orders</small></h1>{listing}</div>'
        f'<a class="button" href="/wallet/code">出示付款码<small>Show my payment code</small></a>',
    )


def _facts(platform: Platform, trade: Trade) -> str:
    state = f"{STATE_TEXT[trade.state]}<small>{_STATE_ENGLISH[trade.state]}</small>"
    return (
        f'<div class="card"><h1>{escape(trade.description)}</h1>'
        f'<p class="amount">¥{yuan(trade.total_fen)}</p><dl>'
        f"<dt>收款方 Merchant</dt><dd>{escape(platform.keys.account.name)}</dd>"
        f"<dt>订单号 Order</dt><dd>{escape(trade.out_trade_no)}</dd>"
        f'<dt>状态 State</dt><dd id="state" data-state="{trade.state}">{state}</dd></dl></div>'
    )


def _button(action: str, chinese: str, english: str, kind: str = "") -> str:
    return (
        f'<button name="action" value="{action}" class="{kind}">{chinese}'
        f"<small>{english}</small></button>"
    )


async def _show(request: Request) -> Response:
    platform = _platform(request)
    trade = _by_pr(platform, request.path_params["pr"])
    if trade is None:
        return _page(
            "无法识别", "<div class=card><h1>无此订单<small>No order</small></h1></div>", 404
        )
    body = _facts(platform, trade)
    message = _MESSAGES.get(request.query_params.get("message", ""))
    if message:
        body += f'<p role="status">{message[0]}<small>{message[1]}</small></p>'
    if trade.state in {"NOTPAY", "USERPAYING"}:
        body += (
            '<form method="post">'
            + _button("pay", "立即支付", "Pay", "go")
            + _button("cancel", "取消", "Cancel")
            + "<details><summary>故障演练 · Rehearse faults</summary>"
            + _button("silent", "支付，但不发通知", "Pay, but drop the notification")
            + _button("twice", "支付，并重复通知", "Pay, and notify twice")
            + "</details></form>"
        )
    return _page("支付", body)


async def _act(request: Request) -> Response:
    platform = _platform(request)
    pr = request.path_params["pr"]
    trade = _by_pr(platform, pr)
    if trade is None:
        return Response(status_code=404)
    action = parse_qs((await request.body()).decode("ascii", "replace")).get("action", [""])[0]
    here = f"/wallet/{quote(pr, safe='')}"
    if action == "cancel":
        return RedirectResponse(f"{here}?message=cancelled", 303)
    if action == "silent":
        refused = platform.pay(trade, copies="none")
    elif action == "twice":
        refused = platform.pay(trade, copies="two")
    elif action == "pay":
        refused = platform.pay(trade)
    else:
        return Response(status_code=400)
    return RedirectResponse(f"{here}?message=refused" if refused else here, 303)


async def _code(request: Request) -> Response:
    """The visitor's own payment code; asked with ?behaviour=ask it wants a password."""
    platform = _platform(request)
    asks = request.query_params.get("behaviour") == "ask"
    code = platform.book.issue_code("ask" if asks else "pay", platform.clock())
    image = segno.make(code, error="m").svg_inline(scale=7, border=3)
    other = (
        '<a class="button" href="/wallet/code">免密付款码<small>Code without password</small></a>'
        if asks
        else '<a class="button" href="/wallet/code?behaviour=ask">需要密码的付款码'
        "<small>Code that asks for a password</small></a>"
    )
    return _page(
        "付款码",
        f'<div class="card"><h1>向商家付款<small>Show this code to the till</small></h1>{image}'
        f'<p class="code" id="auth-code">{code}</p>'
        f'<p class="soft">一分钟内有效<small>Valid for one minute</small></p></div>{other}'
        f'<a class="button" href="/wallet">订单<small>Orders</small></a>',
    )


routes = [
    Route("/wallet", _home),
    Route("/wallet/code", _code),
    Route("/wallet/{pr}", _show, methods=["GET"]),
    Route("/wallet/{pr}", _act, methods=["POST"]),
]
