"""The state of every part of the drawing, as it is found: nothing here is assumed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from menpiao.compose.standing import Overview, has_door, has_page, is_built, park_overview
from menpiao.simulation.demo.lanes import lane_view
from menpiao.simulation.demo.world import World
from menpiao.simulation.printer import Fault

NOT_BUILT: Final = ("尚未建成", "not built yet")
_NOT_RUN: Final = ("已建，演示中未运行", "built, not run in this demo")
_STEPS: Final = {
    "starting": ("正在启动", "starting"),
    "idle": ("待机", "waiting"),
    "reading": ("读证", "reading"),
    "asking": ("询问中心", "asking the centre"),
    "showing_admit": ("放行", "admits"),
    "showing_refuse": ("拒绝", "refuses"),
    "fault": ("部件故障", "a part fails"),
    "out_of_service": ("暂停服务", "out of service"),
}
_PAGES: Final = {
    "102": "/",
    "101": "/counter/",
    "702": "/counter/",
    "703": "/",
    "704": "/regulator/",
    "706": "/coupon/",
    "2": "/statistics/",
    "console": "/console/",
}


@dataclass(frozen=True, slots=True)
class PartState:
    """``level``: ok, warn, off or todo. ``pulse`` grows when the part does something."""

    level: str
    zh: str
    en: str
    link: str = ""
    pulse: int = 0

    def told(self, language: str) -> dict[str, Any]:
        """As the page wants it."""
        text = self.zh if language == "zh" else self.en
        return {"level": self.level, "text": text, "link": self.link, "pulse": self.pulse}


async def part_states(world: World) -> tuple[dict[str, PartState], dict[str, object] | None]:
    """Every part's state by numeral, and what the lane's screen shows."""
    centre = world.application.centre
    if centre is None:
        return {}, None
    view = await lane_view(world.http, world.terminals["gate"].port)
    seen = await park_overview(centre, world.site_id)
    figures = await centre.statistics.live(world.site_id)
    links = len(world.application.check.links) if world.application.check else 0
    size_mb = seen.bytes / 1_048_576
    states = {
        **_gate(world, view),
        **_desk(world),
        "102": PartState(
            "ok",
            f"订单 {seen.orders} 笔",
            f"{seen.orders} orders",
            _page(world, "102"),
            seen.orders,
        ),
        "4": PartState(
            "warn" if _cut(world) else "ok",
            "到东门1号的网线已拔" if _cut(world) else f"长连接 {links} 条",
            "cable to East Gate 1 pulled" if _cut(world) else f"{links} links up",
        ),
        **_served(world, seen, links),
        "9": PartState(
            "ok",
            f"PostgreSQL {seen.version}，{size_mb:.0f} MB",
            f"PostgreSQL {seen.version}, {size_mb:.0f} MB",
        ),
        "2": PartState(
            "ok",
            f"在园 {figures.inside} 人，今日 {figures.entries} 人次",
            f"{figures.inside} inside, {figures.entries} entries today",
            _page(world, "2"),
            figures.entries + figures.exits,
        ),
        "console": PartState("ok", "可登录", "ready", _page(world, "console")),
    }
    for numeral in ("5", "6", "8", "10"):
        states[numeral] = PartState("off", *_NOT_RUN) if is_built(numeral) else _todo()
    for numeral in ("702", "704", "706"):
        states[numeral] = _server(world, numeral)
    return states, view


def _served(world: World, seen: Overview, links: int) -> dict[str, PartState]:
    """The servers that answer, by what they have done."""
    url = world.settings.public_url
    phones = world.operator.operator
    trades = world.platform.platform.book.trades
    return {
        "701": PartState(
            "ok" if links else "warn",
            f"应答 {seen.admissions} 次，闸机在线 {links}",
            f"{seen.admissions} answers, {links} gates linked",
            url + ("/metrics" if has_door(world.application, "/metrics") else "/healthz"),
            seen.admissions,
        ),
        "703": PartState(
            "ok",
            f"已售 {seen.orders}，待支付 {seen.awaiting}",
            f"{seen.orders} sold, {seen.awaiting} unpaid",
            _page(world, "703"),
            seen.orders,
        ),
        "705": PartState(
            "ok",
            f"收款 {seen.payments} 笔，平台在线",
            f"{seen.payments} paid, platform up",
            f"{world.platform.base_url}/wallet",
            seen.payments + len(trades),
        ),
        "707": PartState(
            "ok" if phones.logins else "warn",
            f"CMPP 在线，已发 {seen.messages}" if phones.logins else "未连上运营商",
            f"CMPP up, {seen.messages} sent" if phones.logins else "operator not reached",
            f"{world.operator.base_url}/phone",
            seen.messages,
        ),
    }


def _todo() -> PartState:
    return PartState("todo", *NOT_BUILT)


def _page(world: World, numeral: str) -> str:
    path = _PAGES[numeral]
    return world.settings.public_url + path if has_page(path) else ""


def _server(world: World, numeral: str) -> PartState:
    """A server that may not be there: told by what is served, not by what is planned."""
    link = _page(world, numeral)
    if link or has_door(world.application, _PAGES[numeral].rstrip("/")):
        return PartState("ok", "在线", "up", link)
    return PartState("off", *_NOT_RUN) if is_built(numeral) else _todo()


def _cut(world: World) -> bool:
    cable = world.terminals["gate"].cable
    return cable is not None and cable.cut


def _gate(world: World, view: Mapping[str, object] | None) -> dict[str, PartState]:
    gate = world.terminals["gate"]
    screen = f"http://127.0.0.1:{gate.port}/"
    asked = len(gate.reader.module.requests)
    plugged = gate.reader.path.exists()
    paper_out = gate.printer.fault is Fault.PAPER_OUT
    shown = (str(view["zh"]), str(view["en"])) if view else ("无画面", "no picture")
    return {
        "3": PartState(
            "ok" if gate.alive and view else "warn",
            "东门1号，程序在运行" if gate.alive else "程序已退出",
            "East Gate 1, program runs" if gate.alive else "program ended",
            screen if view else "",
        ),
        "301": PartState(
            "ok" if plugged else "warn",
            f"已接，应答 {asked} 次" if plugged else "已拔出",
            f"connected, {asked} answers" if plugged else "unplugged",
        ),
        "302": PartState(
            "ok" if view else "warn",
            *_step(view),
        ),
        "303": PartState(
            "warn" if _cut(world) else "ok",
            "断开" if _cut(world) else "已连中心",
            "cut" if _cut(world) else "linked",
        ),
        "304": PartState("ok" if view else "warn", *shown, screen if view else ""),
        "305": PartState(
            "warn" if paper_out else "ok",
            "缺纸" if paper_out else f"已出 {gate.printer.count} 张",
            "out of paper" if paper_out else f"{gate.printer.count} slips",
            pulse=gate.printer.count,
        ),
    }


def _step(view: Mapping[str, object] | None) -> tuple[str, str]:
    """The controller's state in words; one without words is shown by its own name."""
    if view is None:
        return "未运行", "not running"
    state = str(view["state"])
    return _STEPS.get(state, (state, state))


def _desk(world: World) -> dict[str, PartState]:
    desk = world.terminals["counter"]
    link = _page(world, "101")
    level = "ok" if desk.alive and desk.reader.path.exists() else "warn"
    page = ("", "") if link else ("；售票页尚未建成", "; sales page not built yet")
    return {
        "101": PartState(
            level,
            f"代理在运行，凭条 {desk.printer.count}{page[0]}",
            f"agent runs, {desk.printer.count} slips{page[1]}",
            link,
            desk.printer.count,
        )
    }
