"""``menpiao demo``: a park on this machine, and the main job run through it."""

import asyncio
import contextlib
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path

import msgspec
import uvicorn

from menpiao.centre.commerce.doors import NOTIFICATIONS
from menpiao.compose.serve import leave_database, prepare, server_config
from menpiao.settings import Http, Settings
from menpiao.simulation import sms
from menpiao.simulation.once import Bench, run_once
from menpiao.simulation.payment import make_merchant, running


def run_demo(settings: Settings, *, once: bool) -> int:
    """Run the main job; then, unless ``once``, keep the park open until told to stop.

    ``once`` happens in a data folder of its own that is gone afterwards; the demo keeps its park
    in the data folder. 0 when every step held.
    """
    if once:
        with tempfile.TemporaryDirectory(prefix="menpiao-once-") as folder:
            Path(folder).chmod(0o755)
            http = Http(port=_free_port())
            return _run(Settings(data_dir=Path(folder), http=http), once=True)
    return _run(settings, once=False)


def _run(settings: Settings, *, once: bool) -> int:
    print("menpiao: starting the database and a demo park …")  # noqa: T201
    prepare(settings)
    from menpiao.compose import park  # noqa: PLC0415 - Django must be set up before its models

    try:
        site = park.plant_demo_park()
        park.lay_slots_from_today(site, 14)
        code = park.enrolment_code_for(site, "东门1号")
        if code is None:
            print("the demo park has no gate 东门1号 any more: use a fresh data folder")  # noqa: T201
            return 1
        return asyncio.run(_live(settings, code, park.local_today(site), once=once))
    finally:
        leave_database()


async def _live(settings: Settings, code: str, today: date, *, once: bool) -> int:
    folder = settings.data_dir / "simulated-platform"
    async with running(folder) as platform, sms.running() as operator:
        notify = settings.public_url + NOTIFICATIONS
        merchant = make_merchant(folder, base_url=platform.base_url, notify_url=notify)
        joined = msgspec.structs.replace(settings, wechat=merchant, sms=operator.account())
        bench = Bench(settings.public_url, code, today, platform.base_url, operator.base_url)
        return await _open_park(joined, bench, once=once)


async def _open_park(settings: Settings, bench: Bench, *, once: bool) -> int:
    async with _serving(settings):
        well = await run_once(bench)
        print("every step held" if well else "a step failed")  # noqa: T201
        if not once:
            print(f"the centre is at {settings.public_url} — Ctrl-C ends it")  # noqa: T201
            print(f"the visitors' telephones are at {bench.phones_url}/phone")  # noqa: T201
            await _until_told()
        return 0 if well else 1


@contextlib.asynccontextmanager
async def _serving(settings: Settings) -> AsyncIterator[None]:
    server = _Quiet(server_config(settings, ()))
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.02)
            if task.done():
                task.result()
                msg = "the centre did not start"
                raise RuntimeError(msg)
        yield
    finally:
        server.should_exit = True
        await task


class _Quiet(uvicorn.Server):
    """A server that leaves signals to the program around it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


async def _until_told() -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    await told.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
