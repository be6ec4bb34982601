"""``menpiao gate``: the program as it is started on a lane's computer."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tests.support_ports import free_port
from tests.terminals.parts.link.centre import Centre

from menpiao.simulation.cards import RESIDENT
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.gate.config import new_config
from menpiao.terminals.parts.link.identity import new_identity, save_identity

MENPIAO = [sys.executable, "-m", "menpiao"]


def shown(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/state.json") as response:
            return json.load(response)["view"]["zh"]
    except urllib.error.URLError:
        return ""


async def until_shown(port: int, zh: str) -> None:
    async with asyncio.timeout(15):
        while await asyncio.to_thread(shown, port) != zh:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


def parts(port: int) -> dict[str, object]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health.json") as response:
        found: dict[str, object] = json.load(response)
        return found


async def until_told(port: int, health: dict[str, object]) -> None:
    async with asyncio.timeout(15):
        while await asyncio.to_thread(parts, port) != health:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


def test_the_command_runs_a_lane_and_ends_when_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with Centre() as centre, SimulatedReader() as sim:
            port = free_port()
            config = tmp_path / "gate.toml"
            text = new_config(centre.url, centre.gate_id, sim.port).replace("8750", str(port))
            config.write_text(text)
            save_identity(tmp_path / "gate-data" / "gate-key.json", centre.identity)
            process = await asyncio.create_subprocess_exec(
                *MENPIAO, "gate", str(config), stdout=subprocess.DEVNULL
            )
            try:
                await until_shown(port, "请刷身份证")
                sim.lay(RESIDENT)
                await until_shown(port, "请通行")
                await until_told(port, {"reader": "ready", "link": "up"})
                sim.unplug()
                await until_told(port, {"reader": "offline", "link": "up"})
            finally:
                process.send_signal(signal.SIGTERM)
                code = await asyncio.wait_for(process.wait(), 10)
            assert code == 0

    asyncio.run(main())


def test_what_is_wrong_with_the_set_up_is_said(tmp_path: Path) -> None:
    config = tmp_path / "gate.toml"
    for text, said in (
        ("", "centre"),
        (new_config("https://tickets.example", 1, "/dev/x") + "[colour]\n", "colour"),
        (new_config("ftp://tickets.example", 1, "/dev/x"), "https://"),
        (new_config("https://tickets.example", 1, "/dev/x"), "gate-key.json"),
    ):
        config.write_text(text)
        command = [*MENPIAO, "gate", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_a_screen_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = tmp_path / "gate.toml"
        config.write_text(new_config("http://127.0.0.1:9", 1, "/dev/x").replace("8750", str(port)))
        save_identity(tmp_path / "gate-data" / "gate-key.json", new_identity().enrolled_as(1))
        command = [*MENPIAO, "gate", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr
