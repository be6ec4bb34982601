"""Start the demo, say where to look, and end everything that was started."""

import asyncio
import signal
import sys
import tempfile
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from menpiao.centre.commerce.doors import NOTIFICATIONS
from menpiao.compose.logs import configure
from menpiao.compose.serve import leave_database, prepare, server_config
from menpiao.settings import Http, Settings
from menpiao.simulation import sms
from menpiao.simulation.demo.hosting import free_port, is_free, serving
from menpiao.simulation.demo.stage import Planned, open_stage
from menpiao.simulation.once import Bench, run_once
from menpiao.simulation.payment import make_merchant, running
from menpiao.terminals.parts.link.enrol import EnrolmentError, IdentityError

GATE = "东门1号"
LANES = ("东门2号", "南门1号", "东门出口")
_ONCE_S: Final = 60.0
"""A run takes some seconds, and is to begin and end on one day of the park."""


def run_demo(settings: Settings, *, once: bool) -> int:
    """Run the main job once, or keep a park open behind one page until told to stop.

    ``once`` happens in a data folder of its own that is gone afterwards; the demo keeps its park
    in the data folder. 0 when every step held, or the demo was ended in good order.
    """
    if once:
        with tempfile.TemporaryDirectory(prefix="menpiao-once-") as folder:
            Path(folder).chmod(0o755)
            http = Http(port=free_port())
            return _run(Settings(data_dir=Path(folder), http=http), once=True)
    if not is_free(settings.http.port):
        print(  # noqa: T201
            f"menpiao: port {settings.http.port} is taken; "
            "stop what uses it, or set MENPIAO_HTTP_PORT to another",
            file=sys.stderr,
        )
        return 1
    return _run(settings, once=False)


def _run(settings: Settings, *, once: bool) -> int:
    print("menpiao: starting the database and a demo park …", flush=True)  # noqa: T201
    prepare(settings)
    from menpiao.compose import park  # noqa: PLC0415 - Django must be set up before its models

    try:
        if park.has_other_sites():
            print("menpiao: this data store has a real site in it: not a place for a demo")  # noqa: T201
            return 1
        site = park.plant_demo_park()
        park.lay_slots_from_today(site, 14)
        names = (GATE,) if once else (GATE, *LANES)
        codes = {name: park.enrolment_code_for(site, name) for name in names}
        gates = park.gates_of(site)
        if not all(codes.values()):
            print("menpiao: the demo park's gates are not all there: use a fresh data folder")  # noqa: T201
            return 1
        if once:
            return asyncio.run(_once(settings, codes[GATE] or "", ZoneInfo(site.zone)))
        planned = Planned(
            site.pk, GATE, LANES, {name: code or "" for name, code in codes.items()}, gates
        )
        folder = settings.data_dir.resolve() / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        # So that the terminal shows where to look, and nothing else.
        with (folder / "centre.log").open("a", encoding="utf-8") as log:
            configure(settings.log, log)
            try:
                return asyncio.run(_stay(settings, planned, folder))
            finally:
                configure(settings.log)
    except (EnrolmentError, IdentityError, OSError) as error:
        print(f"menpiao: {error}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        leave_database()


async def _once(settings: Settings, code: str, zone: ZoneInfo) -> int:
    folder = settings.data_dir / "simulated-platform"
    async with running(folder) as platform, sms.running() as operator:
        notify = settings.public_url + NOTIFICATIONS
        merchant = make_merchant(folder, base_url=platform.base_url, notify_url=notify)
        joined = msgspec.structs.replace(settings, wechat=merchant, sms=operator.account())
        async with serving(server_config(joined, ())):
            today = await _day_for_a_run(zone)
            bench = Bench(settings.public_url, code, today, platform.base_url, operator.base_url)
            well = await run_once(bench)
            print("every step held" if well else "a step failed")  # noqa: T201
            return 0 if well else 1


async def _day_for_a_run(zone: ZoneInfo) -> date:
    """Today at the park; shortly before midnight only once it is past, as tickets end with it."""
    while (left_s := left_of_day(datetime.now(UTC), zone)) < _ONCE_S:
        print(f"  waiting {left_s:.0f} s for the park's next day", flush=True)  # noqa: T201
        await asyncio.sleep(left_s)
    return datetime.now(UTC).astimezone(zone).date()


def left_of_day(now: datetime, zone: ZoneInfo) -> float:
    """Seconds until the next midnight of a place."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return (datetime.combine(tomorrow, time(), zone).astimezone(UTC) - now).total_seconds()


async def _stay(settings: Settings, planned: Planned, folder: Path) -> int:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    async with open_stage(settings, planned) as stage:
        print(f"\n  the demo:    {stage.dock_url}")  # noqa: T201
        print(f"  the centre:  {settings.public_url}")  # noqa: T201
        print(f"\nCtrl-C ends it; logs are in {folder}.", flush=True)  # noqa: T201
        await told.wait()
        print("menpiao: ending …", flush=True)  # noqa: T201
    return 0
