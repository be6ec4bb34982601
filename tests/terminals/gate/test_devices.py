"""Every kind of device that a configuration can name, through a whole lane and its bytes."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.terminals.gate.lane import QUICK
from tests.terminals.parts.link.centre import Centre, until

from menpiao.compose.terminal import counter_agent, gate_parts
from menpiao.compose.watchdog import watched
from menpiao.simulation.cards import RESIDENT
from menpiao.simulation.line import SimulatedLine
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.counter.config import load_counter_config
from menpiao.terminals.gate.config import ConfigError, load_config
from menpiao.terminals.gate.program import run_gate
from menpiao.terminals.parts.display.kiosk import KioskDisplay
from menpiao.terminals.parts.link.identity import new_identity, save_identity

MRZ = (
    b"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\r\n"
    b"L898902C36UTO7408122F1204159ZE184226B<<<<<10\r\n"
)
HEAD = 'centre = "{centre}"\ngate_id = {gate}\ndata_dir = "data"\n'


@asynccontextmanager
async def a_line() -> AsyncIterator[tuple[SimulatedLine, bytearray]]:
    """A device's line, and what the lane has sent to it."""
    heard = bytearray()
    line = SimulatedLine(heard.extend)
    line.plug()
    try:
        yield line, heard
    finally:
        line.clean()


def written(folder: Path, text: str, centre: str = "http://127.0.0.1:9", gate: int = 1) -> Path:
    path = folder / "gate.toml"
    path.write_text(HEAD.format(centre=centre, gate=gate) + text)
    return path


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[reader]\n", "kind = 'serial' needs port - at `$.reader`"),
        ('[reader]\nkind = "tcp"\nhost = "10.0.0.2"\n', "kind = 'tcp' needs tcp_port"),
        ('[reader]\nkind = "vendor"\n', "kind = 'vendor' needs library"),
        ('[reader]\nkind = "bluetooth"\n', "bluetooth"),
        ('[reader]\nkind = "usb"\npoll_s = 0.001\n', ">= 0.002 - at `$.reader.poll_s`"),
        ('[reader]\nkind = "usb"\ngap_s = 20\n', "<= 0.2 - at `$.reader.gap_s`"),
        ('[reader]\nkind = "usb"\n[[scanner]]\n', "kind = 'serial' needs port - at `$.scanner"),
        ('[reader]\nkind = "usb"\n[printer]\nkind = "file"\n', "kind = 'file' needs device"),
        ('[reader]\nkind = "usb"\n[led]\nkind = "tcp"\n', "kind = 'tcp' needs host"),
    ],
)
def test_a_device_that_lacks_something_is_said(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(written(tmp_path, table))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[printer]\nhost = "p"\nprofile = "golden"\n', "no such profile: 'golden'"),
        ('[printer]\nhost = "p"\ntemplate = "none.toml"\n', "none.toml"),
        ('[led]\nkind = "serial"\nport = "/dev/x"\nprofile = "none"\n', "[led]"),
    ],
)
def test_a_profile_that_is_not_there_is_said(tmp_path: Path, table: str, said: str) -> None:
    config = load_config(written(tmp_path, '[reader]\nport = "/dev/x"\n' + table))
    save_identity(config.key_path, new_identity().enrolled_as(1))
    with pytest.raises(ConfigError) as error:
        gate_parts(config)
    assert said in str(error.value)


@pytest.mark.parametrize("kind", ["usb", "listen", "vendor", "tcp"])
def test_each_kind_of_reader_makes_a_lane(tmp_path: Path, kind: str) -> None:
    rest = 'tcp_port = 4001\nhost = "127.0.0.1"\nlibrary = "/x.so"\n'
    config = load_config(written(tmp_path, f'[reader]\nkind = "{kind}"\n{rest}'))
    save_identity(config.key_path, new_identity().enrolled_as(1))
    assert gate_parts(config).reader.state.value == "offline"


def test_a_lane_of_configured_devices(tmp_path: Path) -> None:
    """Card and passport are asked for; a code is refused; slip, screen and LED line show it."""

    async def main() -> None:
        async with (
            Centre() as centre,
            SimulatedReader() as reader,
            a_line() as (codes, _),
            a_line() as (passports, _),
            a_line() as (led, lit),
        ):
            slips = tmp_path / "slips.bin"
            text = (
                f'[reader]\nport = "{reader.port}"\n'
                f'[[scanner]]\nport = "{codes.path}"\nprefix = "~"\n'
                f'[[scanner]]\nport = "{passports.path}"\nreads = "mrz"\n'
                f'[printer]\nkind = "file"\ndevice = "{slips}"\ntemplate = "slip.toml"\n'
                f'[led]\nkind = "serial"\nport = "{led.path}"\n'
                "[display]\nport = 0\n"
                f"[delays]\nhold_s = {QUICK.hold_s}\nleast_show_s = 0.05\n"
            )
            (tmp_path / "slip.toml").write_text('[[line]]\ntext = "OWN SLIP {people}"\n')
            config = load_config(written(tmp_path, text, centre.url, centre.gate_id))
            save_identity(config.key_path, centre.identity)
            screen = KioskDisplay(0)
            task = asyncio.create_task(run_gate(config, gate_parts(config, screen)))
            try:
                await until(lambda: screen._view.zh == "请刷身份证", 15)
                codes.write(b"~T0000000001\r\n")
                await until(lambda: screen._view.zh == "无法识别此码")
                assert not centre.asks
                await until(lambda: screen._view.zh == "请刷身份证")
                reader.lay(RESIDENT)
                await until(lambda: screen._view.zh == "请通行")
                await until(lambda: slips.exists() and b"OWN SLIP" in slips.read_bytes(), 10)
                await until(lambda: "请通行".encode("gb2312") in lit)
                await until(lambda: screen._view.zh == "请刷身份证")
                passports.write(MRZ)
                await until(lambda: centre.asks[-1].credential.kind == "passport_foreign")
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_a_counter_takes_the_same_devices(tmp_path: Path) -> None:
    path = tmp_path / "counter.toml"
    head = 'origins = ["https://tickets.example"]\n[reader]\nkind = "usb"\n'
    path.write_text(head + '[scanner]\nport = "/dev/x"\n[printer]\nkind = "usb"\n')
    assert counter_agent(load_counter_config(path))
    path.write_text(head + '[scanner]\nport = "/dev/x"\nreads = "mrz"\n')
    with pytest.raises(ConfigError, match="counter takes codes"):
        counter_agent(load_counter_config(path))


def test_a_lane_without_printer_loads_nothing_heavy() -> None:
    code = "import sys, menpiao.compose.terminal; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "menpiao.terminals.gate.program" in loaded
    heavy = {"PIL", "segno", "django", "pymodbus", "usb", "starlette", "uvicorn", "asyncpg"}
    assert not loaded & heavy


def test_the_service_manager_hears_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.setblocking(False)
            manager.bind(str(tmp_path / "notify"))
            monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
            monkeypatch.setenv("WATCHDOG_USEC", "150000")
            monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
            ready, loop = asyncio.Event(), asyncio.get_running_loop()
            task = asyncio.create_task(watched(asyncio.sleep(60), ready))
            await asyncio.sleep(0.1)
            with pytest.raises(BlockingIOError):
                manager.recv(100)  # nothing before it stands
            ready.set()
            heard = [await loop.sock_recv(manager, 100) for _ in range(4)]
            assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            while (last := await loop.sock_recv(manager, 100)) == b"WATCHDOG=1":
                pass
            assert last == b"STOPPING=1"

    asyncio.run(main())
