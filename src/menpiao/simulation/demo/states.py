"""The state of every part of the drawing, as it is found: asked of the part, nothing assumed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from menpiao.compose.standing import (
    Overview,
    has_door,
    has_page,
    is_built,
    look_ticket,
    park_overview,
)
from menpiao.simulation.demo.asking import Answer
from menpiao.simulation.demo.booking import PRODUCT
from menpiao.simulation.demo.lane_states import desk_state, gate_states
from menpiao.simulation.demo.part_state import PartState, dead
from menpiao.simulation.demo.world import World

NOT_BUILT: Final = ("尚未建成", "not built yet")
_NOT_RUN: Final = ("已建，演示中未运行", "built, not run in this demo")
_AWAY: Final = ("数据存储无应答", "the data store does not answer")
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
class _Asked:
    """What the centre's parts answered."""

    store: Answer[Overview]
    ready: Answer[Any]
    check: Answer[Any]
    counter: Answer[Any]
    booking: Answer[Any]
    commerce: Answer[Any]
    messaging: Answer[Any]
    figures: Answer[Any]
    home: Answer[Any]
    console: Answer[Any]
    platform: Answer[Any]
    wire: Answer[Any]


async def part_states(world: World) -> tuple[dict[str, PartState], Mapping[str, object] | None]:
    """Every part's state by numeral, and what the lane's screen shows."""
    if world.application.centre is None:
        return {}, None
    asked, (gate, view), desk = await asyncio.gather(
        _ask(world), gate_states(world), desk_state(world, _page(world, "101"))
    )
    links = len(world.application.check.links) if world.application.check else 0
    states = {
        **gate,
        "101": desk,
        "4": _network(world, asked.wire, links),
        **_served(world, asked, links),
        **_pages(world, asked),
        "9": _store(asked.store),
    }
    for numeral in ("5", "6", "8", "10"):
        states[numeral] = PartState("off", *_NOT_RUN) if is_built(numeral) else _todo()
    for numeral in ("704", "706"):
        states[numeral] = await _server(world, numeral)
    return states, view


async def _ask(world: World) -> _Asked:
    """Ask them all at once, each at its own door."""
    watch, url, centre = world.watch, world.settings.public_url, world.application.centre
    assert centre is not None
    token = world.settings.metrics.token
    private = {"Authorization": f"Bearer {token}"} if token else {}
    live = f"{url}/statistics/v1/live?ticket={look_ticket(centre, world.site_id)}"
    cable = world.terminals["gate"].cable
    found = await asyncio.gather(
        watch.ask("SELECT", lambda: park_overview(centre, world.site_id)),
        watch.door("GET", f"{url}/readyz"),
        watch.door("POST", f"{url}/check/v1/challenges"),
        # Doors that only clerks and payment platforms may use say so: that is their answer here.
        watch.door("GET", f"{url}/counter/v1/offer", (403,)),
        watch.door("GET", f"{url}/booking/v1/products/{PRODUCT}/slots?date={world.today()}"),
        watch.door("GET", f"{url}/commerce/v1/notifications/wechat", (405,)),
        watch.door("GET", f"{url}/internal/messaging/status", (200, 503), headers=private),
        watch.door("GET", live, name="/statistics/v1/live"),
        watch.door("GET", f"{url}/"),
        watch.door("GET", f"{url}/console/login/"),
        watch.door("GET", f"http://127.0.0.1:{world.cables['platform'].port}/healthz"),
        watch.door("GET", f"http://127.0.0.1:{cable.port if cable else 0}/healthz"),
    )
    return _Asked(*found)


def _store(store: Answer[Overview]) -> PartState:
    seen = store.value
    if seen is None:
        return dead(store)
    size = f"PostgreSQL {seen.version}", f"{seen.bytes / 1_048_576:.0f} MB"
    return PartState("ok", "，".join(size), ", ".join(size), proof=store.proof)


def _network(world: World, wire: Answer[Any], links: int) -> PartState:
    """The way from the gate to the centre: asked through the gate's own cable."""
    if wire.value is not None:
        return PartState("ok", f"长连接 {links} 条", f"{links} links up", proof=wire.proof)
    cable = world.terminals["gate"].cable
    if cable is not None and cable.cut:
        words = ("到东门1号的网线已拔", "cable to East Gate 1 pulled")
        return PartState("warn", *words, proof=wire.proof)
    return dead(wire)


def _served(world: World, asked: _Asked, links: int) -> dict[str, PartState]:
    """The servers, by their own doors and what they have done."""
    seen, url = asked.store.value, world.settings.public_url
    doors = {
        "701": asked.check,
        "702": asked.counter,
        "703": asked.booking,
        "705": asked.commerce,
        "707": asked.messaging,
    }
    if seen is None or asked.ready.value is None:
        away = asked.ready if asked.ready.value is None else asked.store
        down = PartState("dead", *_AWAY, proof=away.proof)
        return {n: dead(door) if door.value is None else down for n, door in doors.items()}
    states = {
        "701": PartState(
            "ok" if links else "warn",
            f"应答 {seen.admissions} 次，闸机在线 {links}",
            f"{seen.admissions} answers, {links} gates linked",
            url + ("/metrics" if has_door(world.application, "/metrics") else "/healthz"),
            seen.admissions,
            asked.check.proof,
        ),
        "702": PartState("ok", "在线", "up", _page(world, "702"), proof=asked.counter.proof),
        "703": PartState(
            "ok",
            f"已售 {seen.orders}，待支付 {seen.awaiting}",
            f"{seen.orders} sold, {seen.awaiting} unpaid",
            _page(world, "703"),
            seen.orders,
            asked.booking.proof,
        ),
        "705": _commerce(world, asked, seen),
        "707": _messaging(world, asked.messaging, seen),
    }
    return {n: dead(door) if door.value is None else states[n] for n, door in doors.items()}


def _commerce(world: World, asked: _Asked, seen: Overview) -> PartState:
    """The e-commerce server, and the platform as it is reached from here."""
    link = f"{world.platform.base_url}/wallet"
    pulse = seen.payments + len(world.platform.platform.book.trades)
    paid = f"收款 {seen.payments} 笔", f"{seen.payments} paid"
    if asked.platform.value is None:
        zh, en = f"{paid[0]}，支付平台无应答", f"{paid[1]}, platform does not answer"
        return PartState("warn", zh, en, link, pulse, f"platform {asked.platform.proof}")
    zh, en = f"{paid[0]}，平台在线", f"{paid[1]}, platform up"
    proof = f"{asked.commerce.proof}; platform {asked.platform.proof}"
    return PartState("ok", zh, en, link, pulse, proof)


def _messaging(world: World, status: Answer[Any], seen: Overview) -> PartState:
    """By the server's own word on its login at the operator."""
    link, said = f"{world.operator.base_url}/phone", status.value
    if said is None:
        return dead(status)
    if not said.get("ready"):
        proof = f"{status.proof} {said.get('last_error', '')}".strip()
        return PartState("warn", "未连上运营商", "operator not reached", link, proof=proof)
    zh, en = f"CMPP 在线，已发 {seen.messages}", f"CMPP up, {seen.messages} sent"
    return PartState("ok", zh, en, link, seen.messages, status.proof)


def _pages(world: World, asked: _Asked) -> dict[str, PartState]:
    """What people look at: the visitor's pages, the managers', the back office."""
    states = {}
    figures, seen = asked.figures.value, asked.store.value
    if figures is None:
        states["2"] = dead(asked.figures)
    else:
        inside, entries = figures["inside"], figures["entries"]
        states["2"] = PartState(
            "ok",
            f"在园 {inside} 人，今日 {entries} 人次",
            f"{inside} inside, {entries} entries today",
            _page(world, "2"),
            entries + figures["exits"],
            asked.figures.proof,
        )
    if asked.home.value is None or seen is None:
        states["102"] = dead(asked.home)
    else:
        orders = f"订单 {seen.orders} 笔", f"{seen.orders} orders"
        link = _page(world, "102")
        states["102"] = PartState("ok", *orders, link, seen.orders, asked.home.proof)
    states["console"] = (
        dead(asked.console)
        if asked.console.value is None
        else PartState("ok", "可登录", "ready", _page(world, "console"), proof=asked.console.proof)
    )
    return states


def _todo() -> PartState:
    return PartState("todo", *NOT_BUILT)


def _page(world: World, numeral: str) -> str:
    path = _PAGES[numeral]
    return world.settings.public_url + path if has_page(path) else ""


async def _server(world: World, numeral: str) -> PartState:
    """A server that may not be there: told by what is served, not by what is planned."""
    link = _page(world, numeral)
    if not link:
        return PartState("off", *_NOT_RUN) if is_built(numeral) else _todo()
    page = await world.watch.door("GET", link, (200, 302))
    if page.value is None:
        return dead(page)
    return PartState("ok", "在线", "up", link, proof=page.proof)
