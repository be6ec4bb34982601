"""A page per simulated telephone, as its owner would see it, and the same as JSON."""

from html import escape
from zoneinfo import ZoneInfo

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from menpiao.simulation.sms.operator import Fault, Operator
from menpiao.simulation.sms.phones import ShortMessage

CHINA = ZoneInfo("Asia/Shanghai")
NUMBER_DIGITS_MAX = 20
_TEXTS = {
    "zh": {
        "title": "模拟手机",
        "banner": "模拟手机，短信不会真正发出",
        "phones": "手机列表",
        "empty": "还没有短信。下单付款后，确认短信会出现在这里。",
        "none": "还没有任何手机收到短信。",
        "other": "English",
        "parts": "分 {} 条发送",
        "today": "今天",
        "messages": "短信",
    },
    "en": {
        "title": "Simulated phone",
        "banner": "Simulated phone, no real messages",
        "phones": "Phones",
        "empty": "No messages yet. The confirmation appears here once an order is paid.",
        "none": "No phone has received a message yet.",
        "other": "中文",
        "parts": "sent in {} parts",
        "today": "Today",
        "messages": "Messages",
    },
}
_STYLE = """
:root { color-scheme: light dark; --ink: #16181a; --paper: #e9ecef; --glass: #fff; --soft: #59626b;
  --bubble: #e8eaed; --line: #c9ced3; --case: #1d2023 }
@media (prefers-color-scheme: dark) { :root { --ink: #eef1f4; --paper: #0d0f11; --glass: #17191c;
  --soft: #a4adb6; --bubble: #2b2f34; --line: #3a4047; --case: #000 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font-family: system-ui, "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif }
.banner { background: #8a4b00; color: #fff; text-align: center; padding: .4rem; font-size: .875rem }
nav { display: flex; justify-content: space-between; max-width: 25rem; margin: .5rem auto 0;
  padding: 0 1rem } nav a, li a { color: inherit; display: inline-block; padding: .6rem 0 }
.phone { max-width: 25rem; margin: .5rem auto 2rem; background: var(--glass);
  border: .6rem solid var(--case); border-radius: 2.4rem; min-height: 38rem; overflow: hidden;
  display: flex; flex-direction: column }
.bar { display: flex; justify-content: space-between; padding: .6rem 1.4rem .2rem;
  font-size: .8125rem; font-weight: 600; font-variant-numeric: tabular-nums }
h1 { font-size: 1.0625rem; text-align: center; margin: 0; padding: .4rem 1rem .8rem;
  border-bottom: 1px solid var(--line) }
h1 small { display: block; font-weight: 400; font-size: .8125rem; color: var(--soft) }
ol { list-style: none; margin: 0; padding: 1rem; flex: 1 }
li time, li small { display: block; font-size: .75rem; color: var(--soft) }
li time { text-align: center; margin: .8rem 0 .3rem }
.bubble { margin: 0; background: var(--bubble); border-radius: 1.1rem; padding: .6rem .9rem;
  max-width: 85%; width: fit-content; overflow-wrap: anywhere; white-space: pre-wrap }
.empty { color: var(--soft); text-align: center; padding: 3rem 2rem }
:focus-visible { outline: 3px solid #2684ff; outline-offset: 2px }
"""
# The page asks for its messages again every second and a half, and stops while it is hidden.
_SCRIPT = """
const list = document.querySelector('[data-live]');
const look = async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(list.dataset.live, {cache: 'no-store'});
    if (!answer.ok) return;
    const text = await answer.text();
    if (text !== list.dataset.shown) { list.innerHTML = text; list.dataset.shown = text; }
  } catch (gone) { }
};
setInterval(look, 1500);
"""


class Steering(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``POST /_sim/sms`` plans for the next messages."""

    faults: list[Fault] = []
    unreachable: list[str] = []
    cut: bool = False


def _language(request: Request) -> str:
    asked = request.query_params.get("lang", "")
    if asked in _TEXTS:
        return asked
    return "en" if request.headers.get("accept-language", "zh").startswith("en") else "zh"


def _page(request: Request, body: str, live: str = "") -> HTMLResponse:
    language = _language(request)
    text = _TEXTS[language]
    other = "zh" if language == "en" else "en"
    script = f"<script>{_SCRIPT}</script>" if live else ""
    refresh = '<noscript><meta http-equiv="refresh" content="5"></noscript>' if live else ""
    return HTMLResponse(
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}"><head>'
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">{refresh}'
        f"<title>{text['title']}</title><style>{_STYLE}</style></head><body>"
        f'<div class="banner">{text["banner"]}</div>'
        f'<nav><a href="/phone?lang={language}">{text["phones"]}</a>'
        f'<a href="?lang={other}" lang="{other}">{text["other"]}</a></nav>'
        f'<main class="phone">{body}</main>{script}</body></html>',
        headers={"Cache-Control": "no-store"},
    )


def _bubbles(messages: list[ShortMessage], language: str) -> str:
    text = _TEXTS[language]
    if not messages:
        return f'<li class="empty">{text["empty"]}</li>'
    rows = []
    for message in messages:
        at = message.received_at.astimezone(CHINA)
        parts = text["parts"].format(message.parts)
        billed = f"<small>{parts}</small>" if message.parts > 1 else ""
        rows.append(
            f'<li><time datetime="{at.isoformat(timespec="seconds")}">{at:%m-%d %H:%M}</time>'
            f'<p class="bubble">{escape(message.text)}</p>{billed}</li>'
        )
    return "".join(rows)


class PhonePages:
    """The pages of one operator's telephones."""

    def __init__(self, operator: Operator) -> None:
        """Show what this operator delivered."""
        self._operator = operator
        self._phones = operator.phones

    def routes(self) -> list[Route]:
        """``/phone`` for people, ``/_sim/sms`` for tests and the demo."""
        return [
            Route("/phone", self._index),
            Route("/phone/{number}", self._phone),
            Route("/phone/{number}/messages", self._messages),
            Route("/phone/{number}/inbox.json", self._inbox),
            Route("/_sim/sms", self._steer, methods=["POST"]),
        ]

    async def _index(self, request: Request) -> Response:
        language = _language(request)
        text = _TEXTS[language]
        rows = "".join(
            f'<li><a href="/phone/{number}?lang={language}">{number}</a>'
            f"<small>{escape(self._phones.inbox(number)[-1].text[:40])}…</small></li>"
            for number in self._phones.numbers()
        )
        empty = f'<li class="empty">{text["none"]}</li>'
        return _page(request, f"<h1>{text['phones']}</h1><ol>{rows or empty}</ol>")

    async def _phone(self, request: Request) -> Response:
        number = _number(request)
        if number is None:
            return Response(status_code=404)
        language = _language(request)
        messages = self._phones.inbox(number)
        sender = escape(messages[-1].sender) if messages else _TEXTS[language]["messages"]
        live = f"/phone/{number}/messages?lang={language}"
        return _page(
            request,
            f'<div class="bar" aria-hidden="true"><span>{number}</span><span>4G ▮▮▮</span></div>'
            f"<h1>{sender}<small>{number}</small></h1>"
            f'<ol aria-live="polite" data-live="{live}">{_bubbles(messages, language)}</ol>',
            live,
        )

    async def _messages(self, request: Request) -> Response:
        number = _number(request)
        if number is None:
            return Response(status_code=404)
        body = _bubbles(self._phones.inbox(number), _language(request))
        return HTMLResponse(body, headers={"Cache-Control": "no-store"})

    async def _inbox(self, request: Request) -> Response:
        number = _number(request)
        if number is None:
            return Response(status_code=404)
        return JSONResponse(
            [
                {
                    "sender": message.sender,
                    "text": message.text,
                    "received_at": message.received_at.isoformat(),
                    "parts": message.parts,
                }
                for message in self._phones.inbox(number)
            ]
        )

    async def _steer(self, request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await request.body(), type=Steering)
        except msgspec.DecodeError as error:
            return JSONResponse({"error": str(error)}, 400)
        self._operator.plan.faults.extend(asked.faults)
        self._phones.unreachable.update(asked.unreachable)
        if asked.cut:
            self._operator.cut()
        return JSONResponse({"faults": list(self._operator.plan.faults)})


def _number(request: Request) -> str | None:
    number: str = request.path_params["number"]
    fits = number.isascii() and number.isdigit() and len(number) <= NUMBER_DIGITS_MAX
    return number if fits else None


def make_app(operator: Operator) -> Starlette:
    """The telephones as an application of their own."""
    return Starlette(routes=PhonePages(operator).routes())
