"""The boxes of the gate and the counter, by what their own programs and devices say."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from menpiao.simulation.demo.asking import Answer
from menpiao.simulation.demo.lanes import Terminal
from menpiao.simulation.demo.part_state import PartState, dead
from menpiao.simulation.demo.world import World
from menpiao.terminals.parts.printer.base import PrintOutcome, PrintStatus

_STEPS: Final = {
    "starting": ("正在启动", "starting"),
    "idle": ("待机", "waiting"),
    "reading": ("读证", "reading"),
    "asking": ("询问中心", "asking the centre"),
    "showing_admit": ("放行", "admits"),
    "showing_refuse": ("拒绝", "refuses"),
    "held_open": ("常开", "held open"),
    "fault": ("部件故障", "a part fails"),
    "out_of_service": ("暂停服务", "out of service"),
}
_READERS: Final = {
    "offline": ("已拔出", "unplugged"),
    "starting": ("等待应答", "no answer yet"),
    "fault": ("应答有误或无应答", "answers wrongly or not at all"),
}
_LINKS: Final = {
    "up": ("已连中心", "linked"),
    "down": ("断开", "cut"),
    "refused": ("中心拒绝此终端", "the centre refuses it"),
}
_PAPER: Final = {
    "paper_out": ("缺纸", "out of paper"),
    "cover_open": ("盖未合", "cover open"),
}
_MODES: Final = {"lane": ("，自行核验", ", decides alone"), "hub": ("，园内核验", ", asks the hub")}


async def gate_states(
    world: World,
) -> tuple[dict[str, PartState], Mapping[str, object] | None]:
    """The gate's boxes, and what its screen shows; None: it shows nothing."""
    gate, watch = world.terminals["gate"], world.watch
    base = f"http://127.0.0.1:{gate.port}"
    screen, health, paper = await asyncio.gather(
        watch.door("GET", f"{base}/state.json", every_s=0),
        watch.door("GET", f"{base}/health.json", every_s=0),
        watch.ask("DLE EOT 305", gate.ask_printer),
    )
    told = screen.value
    view = told["view"] if told else None
    return {
        "3": _program(gate, screen, base),
        "301": _reader(gate, health),
        "302": _controller(screen),
        "303": _link(health, told),
        "304": _screen(screen, view, base),
        "305": _printer(gate, paper),
    }, view


def _program(gate: Terminal, screen: Answer[Any], base: str) -> PartState:
    if not gate.alive:
        return PartState("dead", "程序已退出", "program ended", proof=screen.proof)
    if screen.value is None:
        return dead(screen)
    return PartState(
        "ok", "东门1号，程序在运行", "East Gate 1, program runs", f"{base}/", proof=screen.proof
    )


def _reader(gate: Terminal, health: Answer[Any]) -> PartState:
    if health.value is None:
        return dead(health)
    state = str(health.value["reader"])
    asked = len(gate.reader.module.requests)
    words = _READERS.get(state, (f"已接，应答 {asked} 次", f"connected, {asked} answers"))
    return PartState("ok" if state == "ready" else "warn", *words, proof=f"reader: {state}")


def _controller(screen: Answer[Any]) -> PartState:
    """The controller's state in words; one without words is shown by its own name."""
    if screen.value is None:
        return dead(screen)
    state = str(screen.value["view"]["state"])
    level = "warn" if state in {"fault", "out_of_service", "starting"} else "ok"
    number = screen.value["number"]
    return PartState(level, *_STEPS.get(state, (state, state)), proof=f"{state} · #{number}")


def _link(health: Answer[Any], screen: Mapping[str, Any] | None) -> PartState:
    """By the gate's own link, whatever the cable is like; who decides meanwhile beside it."""
    if health.value is None:
        return dead(health)
    state = str(health.value["link"])
    mode = str(screen["data"]["mode"]) if screen else ""
    zh, en = _LINKS.get(state, (state, state))
    alone = _MODES.get(mode, ("", "")) if state != "up" else ("", "")
    level = "ok" if state == "up" else "warn"
    return PartState(level, zh + alone[0], en + alone[1], proof=f"link: {state} · mode: {mode}")


def _screen(screen: Answer[Any], view: Mapping[str, object] | None, base: str) -> PartState:
    if view is None:
        return dead(screen)
    return PartState("ok", str(view["zh"]), str(view["en"]), f"{base}/", proof=screen.proof)


def _printer(terminal: Terminal, paper: Answer[PrintOutcome]) -> PartState:
    """By what the printer itself answers; slips are counted at its knife."""
    count = terminal.printer.count
    if paper.value is None or paper.value.status is PrintStatus.UNKNOWN:
        return dead(paper)
    if paper.value.status is PrintStatus.FAILED:
        reason = paper.value.reason
        words = _PAPER.get(reason)
        proof = f"DLE EOT → {reason} · {paper.ms} ms"
        if words is None:
            return PartState("dead", "打印机无应答", "printer does not answer", proof=proof)
        return PartState("warn", *words, pulse=count, proof=proof)
    proof = f"DLE EOT → {paper.said} · {paper.ms} ms"
    return PartState("ok", f"已出 {count} 张", f"{count} slips", pulse=count, proof=proof)


async def desk_state(world: World, link: str) -> PartState:
    """The counter's agent, its reader and its printer."""
    desk, watch = world.terminals["counter"], world.watch
    agent, paper = await asyncio.gather(
        watch.door("GET", f"http://127.0.0.1:{desk.port}/health.json"),
        watch.ask("DLE EOT 101", desk.ask_printer),
    )
    if not desk.alive:
        return PartState("dead", "代理已退出", "agent ended", link, proof=agent.proof)
    if agent.value is None:
        return dead(agent, link)
    printer = _printer(desk, paper)
    reader = str(agent.value["reader"])
    if reader != "ready":
        zh, en = _READERS.get(reader, (reader, reader))
        return PartState("warn", f"读卡器{zh}", f"reader {en}", link, proof=f"reader: {reader}")
    if printer.level != "ok":
        return PartState("warn", printer.zh, printer.en, link, proof=printer.proof)
    count = desk.printer.count
    return PartState(
        "ok", f"代理在运行，凭条 {count}", f"agent runs, {count} slips", link, count, agent.proof
    )
