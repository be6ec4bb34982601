"""The demo's page: the drawing's boxes and the bench, in Chinese and English.

The script fills in what moves; every box is in the page from the start.
"""

from html import escape
from string import Template
from typing import Final

from starlette.requests import Request

_NAMES: Final[dict[str, tuple[str, str]]] = {
    "101": ("现场售票终端", "Counter terminal"),
    "102": ("远程订票终端", "Visitor's phone"),
    "2": ("管理终端 · 客流", "Managers · flow"),
    "console": ("管理后台", "Back office"),
    "3": ("检票终端", "Check terminal"),
    "301": ("读卡", "Reader"),
    "302": ("控制", "Controller"),
    "303": ("通信", "Link"),
    "304": ("显示", "Screen"),
    "305": ("打印", "Printer"),
    "4": ("互联网", "Internet"),
    "5": ("防火墙", "Firewall"),
    "6": ("四层交换机", "Four-layer switch"),
    "701": ("检票服务器", "Check"),
    "702": ("现场售票服务器", "Counter sales"),
    "703": ("远程订票服务器", "Booking"),
    "704": ("行业监管服务器", "Regulator"),
    "705": ("电子商务服务器", "E-commerce"),
    "706": ("优惠券服务器", "Coupons"),
    "707": ("通信接口服务器", "Messaging"),
    "8": ("二层交换机", "Two-layer switch"),
    "9": ("数据存储服务器", "Data store"),
    "10": ("存储器", "Storage"),
}
_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "lang": ("zh-CN", "en"),
    "title": ("门票 · 云山风景区演示", "menpiao · Cloud Hill demo"),
    "heading": ("一座正在运行的景区", "A park, running"),
    "lead": (
        "这是专利图1，每个部件都是真的：真实的数据库、服务器、闸机程序与协议；只有读卡器、打印机、支付平台和运营商由模拟器扮演。",
        (
            "The patent's Figure 1, alive: real database, servers, gate program and protocols. "
            "Only reader, printer, payment platform and operator are played by simulators."
        ),
    ),
    "other": ("English", "中文"),
    "other_code": ("en", "zh"),
    "drawing": ("系统图", "The drawing"),
    "bench": ("工作台", "The bench"),
    "todo": ("虚线框：尚未建成", "Dashed: not built yet"),
    "gate_reader": ("东门1号闸机", "East Gate 1"),
    "counter_reader": ("售票窗口", "Counter"),
    "which": ("刷卡位置", "Lay on"),
    "empty_reader": ("读卡器上没有卡", "no card on the reader"),
    "lift": ("拿起", "Lift"),
    "tray": ("证件", "Cards"),
    "tray_hint": (
        "点一张证件，放到读卡器上；片刻后自动拿起。",
        "Choose a card to lay it on the reader; it is lifted after a moment.",
    ),
    "people": ("换一批游客", "New people"),
    "slips": ("凭条", "Slips"),
    "no_slips": ("刷卡入园后，凭条出现在这里。", "A slip appears here once somebody is admitted."),
    "messages": ("游客短信", "Visitors' messages"),
    "no_messages": ("付款后，确认短信出现在这里。", "Confirmations appear here once paid."),
    "unpaid": ("待支付", "Waiting for payment"),
    "no_unpaid": ("没有待支付的订单。", "No order waits for payment."),
    "pay": ("去支付", "Pay"),
    "crowd": ("模拟客流", "Crowd"),
    "rate": ("每分钟人数", "People a minute"),
    "start": ("开始", "Start"),
    "stop": ("停止", "Stop"),
    "booked": ("已订", "booked"),
    "entered": ("入园", "entered"),
    "refused": ("被拒", "refused"),
    "left": ("出园", "left"),
    "inside": ("在园", "inside"),
    "failed": ("失败", "failed"),
    "troubles": ("故障演练", "Rehearse troubles"),
    "none": ("一切正常", "All well"),
    "checksum": ("校验错误", "Bad checksum"),
    "silence": ("读卡器无应答", "Reader silent"),
    "unplug": ("拔掉读卡器", "Unplug reader"),
    "paper": ("打印缺纸", "Out of paper"),
    "cable": ("拔闸机网线", "Pull the gate's cable"),
    "platform": ("支付平台断网", "Payment platform away"),
    "operator": ("运营商断线", "Operator away"),
    "troubles_hint": (
        "读卡器和打印机的故障发生在上面选中的位置。",
        "Troubles of reader and printer happen where cards are laid.",
    ),
    "slip_alt": ("凭条图像", "Picture of a slip"),
    "gone": ("演示已停止", "The demo has ended"),
    "accounts": (
        "登录：manager / demo-manager，clerk / demo-clerk",
        "Sign in: manager / demo-manager, clerk / demo-clerk",
    ),
    "noscript": ("此页需要 JavaScript。", "This page needs JavaScript."),
}
_TROUBLES: Final = (
    "none",
    "checksum",
    "silence",
    "unplug",
    "paper",
    "cable",
    "platform",
    "operator",
)
_COUNTS: Final = ("booked", "entered", "refused", "left", "inside", "failed")
_PAGE: Final = Template("""<!doctype html>
<html lang="$lang"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>$title</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/design.css">
<link rel="stylesheet" href="/dock.css"><script src="/dock.js" defer></script></head>
<body data-lang="$code"><header class="top"><div class="top-inner"><span class="brand">$title</span>
<div class="top-actions"><a href="?lang=$other_code" lang="$other_code">$other</a></div>
</div></header>
<main class="dock"><noscript><p>$noscript</p></noscript>
<p id="gone" role="alert" hidden>$gone</p>
<section class="drawing" aria-labelledby="h-drawing"><h1 id="h-drawing">$heading</h1>
<p class="hint">$lead</p>
<div class="layer terminals">$terminals</div>
<div class="layer bus">$p4</div><div class="layer bus">$p5</div><div class="layer bus">$p6</div>
<div class="layer servers">$servers</div><div class="layer bus">$p8</div>
<div class="layer stores">$p9$p10</div><p class="hint">$todo · $accounts</p></section>
<section class="bench" aria-labelledby="h-bench"><h2 id="h-bench">$bench</h2>
<div class="card"><fieldset class="readers"><legend>$which</legend>
<label><input type="radio" name="reader" value="gate" checked> $gate_reader</label>
<label><input type="radio" name="reader" value="counter"> $counter_reader</label></fieldset>
<div class="lane"><div id="screen" class="screen" aria-live="polite"><b></b><span></span></div>
<div class="plate"><span id="on-reader" data-empty="$empty_reader">$empty_reader</span>
<button type="button" class="quiet-button" id="lift" hidden>$lift</button></div></div>
<h3>$tray</h3><p class="hint">$tray_hint</p><div id="tray" class="tray"></div>
<button type="button" class="quiet-button" id="people">$people</button></div>
<div class="card"><h3>$crowd</h3><div class="crowd-row">
<label for="rate">$rate <output id="rate-now">30</output></label>
<input id="rate" type="range" min="6" max="120" step="6" value="30">
<button type="button" class="quiet-button" id="crowd" data-start="$start" data-stop="$stop">
$start</button></div>
<dl class="counts">$counts</dl></div></section>
<section class="papers">
<div class="card"><h3>$slips</h3><p class="hint" data-none="slips">$no_slips</p>
<div id="slips" class="slips" data-alt="$slip_alt"></div></div>
<div class="card"><h3>$messages</h3><p class="hint" data-none="messages">$no_messages</p>
<ul id="messages" class="plain-list"></ul></div>
<div class="card"><h3>$unpaid</h3><p class="hint" data-none="unpaid">$no_unpaid</p>
<ul id="unpaid" class="plain-list" data-pay="$pay"></ul></div>
</section><section class="bench-more">
<div class="card"><h3>$troubles</h3><p class="hint">$troubles_hint</p>
<div id="troubles" class="troubles">$trouble_buttons</div></div>
</section></main></body></html>
""")


def language_of(request: Request) -> str:
    """``zh`` or ``en``: what was chosen, else what the browser prefers, else Chinese."""
    asked = request.query_params.get("lang", "")
    if asked in {"zh", "en"}:
        return asked
    return "en" if request.headers.get("accept-language", "").startswith("en") else "zh"


def render(language: str) -> str:
    """The page in a language."""
    at = 0 if language == "zh" else 1
    texts = {key: escape(both[at]) for key, both in _TEXTS.items()}

    def box(numeral: str, inner: str = "") -> str:
        return _box(numeral, _NAMES[numeral][at], inner)

    gate = "".join(box(n) for n in ("301", "302", "303", "304", "305"))
    counts = "".join(f'<div><dt>{texts[n]}</dt><dd data-count="{n}">0</dd></div>' for n in _COUNTS)
    troubles = "".join(
        f'<button type="button" class="quiet-button" data-trouble="{t}">{texts[t]}</button>'
        for t in _TROUBLES
    )
    parts = {f"p{n}": box(n) for n in ("4", "5", "6", "8", "9", "10")}
    return _PAGE.substitute(
        texts,
        code=language,
        terminals="".join(box(n) for n in ("101", "102", "2", "console"))
        + box("3", f'<div class="inner">{gate}</div>'),
        servers="".join(box(n) for n in ("701", "702", "703", "704", "705", "706", "707")),
        counts=counts,
        trouble_buttons=troubles,
        **parts,
    )


def _box(numeral: str, name: str, inner: str) -> str:
    number = numeral if numeral.isdigit() else ""
    return (
        f'<div class="part" data-part="{numeral}" data-level="off"><span class="number">{number}'
        f'</span><a class="name">{escape(name)}</a><span class="state">…</span>'
        f'<span class="proof"></span>{inner}</div>'
    )
