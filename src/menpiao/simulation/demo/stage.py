"""Everything that stands while the demo is open, put up in order and taken down again."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import httpx
import msgspec
import uvicorn

from menpiao.centre.commerce.doors import NOTIFICATIONS
from menpiao.compose.centre import Centre
from menpiao.compose.serve import centre_app, server_config
from menpiao.compose.standing import FlowHistory, site_of
from menpiao.settings import Settings
from menpiao.simulation import sms
from menpiao.simulation.cable import Cable
from menpiao.simulation.demo import history
from menpiao.simulation.demo.asking import Watch
from menpiao.simulation.demo.booking import Shop
from menpiao.simulation.demo.crowd import Crowd, VirtualLane
from menpiao.simulation.demo.dock import Dock
from menpiao.simulation.demo.hosting import free_port, serving
from menpiao.simulation.demo.lanes import Terminal, counter_terminal, gate_terminal, tethered
from menpiao.simulation.demo.world import World
from menpiao.simulation.payment import make_merchant, running
from menpiao.simulation.tether import HOLD
from menpiao.terminals.parts.link.enrol import enrol
from menpiao.terminals.parts.link.identity import load_identity
from menpiao.terminals.parts.link.websocket import WebSocketLink

SCREEN_PORT, AGENT_PORT = 8750, 8751


@dataclass(frozen=True, slots=True)
class Planned:
    """What is known of the park before anything runs: ``gates`` are (id, direction) by name."""

    site_id: int
    gate: str
    lanes: tuple[str, ...]
    codes: Mapping[str, str]
    gates: Mapping[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Stage:
    """The open demo."""

    dock_url: str


@contextlib.asynccontextmanager
async def open_stage(settings: Settings, planned: Planned) -> AsyncIterator[Stage]:
    """Put everything up; take everything down again, in the opposite order."""
    folder = settings.data_dir.resolve() / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    port = settings.http.port
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        if not settings.database.url:
            await enter(tethered(settings, folder / "database.log", HOLD))
        keys = settings.data_dir / "simulated-platform"
        platform = await enter(running(keys, port=free_port(port + 2)))
        operator = await enter(sms.running(pages_port=free_port(port + 3)))
        cables = {
            "platform": await enter(Cable("127.0.0.1", int(platform.base_url.rpartition(":")[2]))),
            "operator": await enter(Cable(operator.host, operator.port)),
        }
        merchant = make_merchant(
            keys,
            base_url=f"http://127.0.0.1:{cables['platform'].port}",
            notify_url=settings.public_url + NOTIFICATIONS,
        )
        account = msgspec.structs.replace(operator.account(), port=cables["operator"].port)
        joined = msgspec.structs.replace(settings, wechat=merchant, sms=account)
        application = centre_app(joined, ())
        await enter(serving(server_config(joined, (), application)))
        centre = application.centre
        assert centre is not None
        site = await site_of(centre, planned.site_id)
        await _remember(centre, planned, site.zone)
        lanes = await _enrol(settings, folder, planned)
        terminals = await _terminals(stack, settings, folder, planned)
        http = await enter(httpx.AsyncClient(timeout=10.0))
        shop = Shop(http, settings.public_url, platform.base_url)

        def today() -> date:
            return datetime.now(UTC).astimezone(site.zone).date()

        entries = [lane for name, lane in lanes.items() if planned.gates[name][1] == "entry"]
        exits = [lane for name, lane in lanes.items() if planned.gates[name][1] == "exit"]
        crowd = Crowd(shop, entries, exits, today)
        await enter(_at_work(crowd.run()))
        watch = Watch(http)
        stack.push_async_callback(watch.close)
        world = World(
            settings=settings,
            application=application,
            site_id=planned.site_id,
            platform=platform,
            operator=operator,
            terminals=terminals,
            crowd=crowd,
            shop=shop,
            watch=watch,
            cables=cables,
            today=today,
        )
        dock_port = free_port(port + 1)
        dock = Dock(world, Random(secrets.randbits(32)))
        await dock.welcome()
        await enter(_at_work(dock.run()))
        config = uvicorn.Config(
            dock.app, port=dock_port, log_level="warning", access_log=False, lifespan="off"
        )
        await enter(serving(config))
        yield Stage(f"http://127.0.0.1:{dock_port}/")


async def _terminals(
    stack: contextlib.AsyncExitStack, settings: Settings, folder: Path, planned: Planned
) -> dict[str, Terminal]:
    gate_id = planned.gates[planned.gate][0]
    gate = gate_terminal(settings, folder / "gate", gate_id, free_port(SCREEN_PORT))
    counter = counter_terminal(settings, folder / "counter", free_port(AGENT_PORT))
    return {
        "gate": await stack.enter_async_context(gate),
        "counter": await stack.enter_async_context(counter),
    }


async def _enrol(settings: Settings, folder: Path, planned: Planned) -> dict[str, VirtualLane]:
    """Give every lane its place once; afterwards its key is in the data folder."""
    files = {name: folder / "lanes" / f"{planned.gates[name][0]}.json" for name in planned.lanes}
    files[planned.gate] = folder / "gate" / "gate-key.json"
    for name, file in files.items():
        if not file.exists() or not load_identity(file).device_id:
            await asyncio.to_thread(
                enrol, settings.public_url, planned.codes[name], file, name=f"demo {name}"
            )
    return {
        name: VirtualLane(
            WebSocketLink(settings.public_url, load_identity(files[name]), software="crowd"),
            planned.gates[name][0],
        )
        for name in planned.lanes
    }


async def _remember(centre: Centre, planned: Planned, zone: ZoneInfo) -> None:
    """Fill the days of the past year that have no figures, and today up to now."""
    now = datetime.now(UTC).astimezone(zone)
    days = history.days_before(now.date())
    flow = FlowHistory(centre, planned.site_id, zone)
    known = await flow.days(days[0])
    entries = [gate for gate, direction in planned.gates.values() if direction == "entry"]
    exits = [gate for gate, direction in planned.gates.values() if direction == "exit"]
    missing = [day for day in days if day not in known]
    for day in missing:
        until = history.STRETCHES if day < now.date() else (now.hour * 60 + now.minute) // 5
        made = history.make_day(history.SEED, day, entries, exits, until)
        flow.add(day, made.stretches, made.visitors)
    if missing:
        await flow.write()


@contextlib.asynccontextmanager
async def _at_work(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
