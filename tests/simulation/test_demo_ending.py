"""However the demo ends, nothing of it is left: no process, no port, no pseudo-terminal."""

import signal
import socket
import time

import httpx
import pytest
from tests.simulation.support_demo import Demo, let_through


def gone(look, seconds=40):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not look():
            return True
        time.sleep(0.2)
    return False


def born(terminal):
    """When a pseudo-terminal was made; None: there is none. Another's may get its number."""
    return terminal.stat().st_ctime_ns if terminal.exists() else None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("demo")
    let_through(place)
    return place / "data"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind(folder, number):
    demo = Demo(folder)
    try:
        address = demo.wait()
        working = " ".join(demo.left_behind())
        for name in ("postgres", " gate ", " counter ", "hold-database"):
            assert name in working, "the look must see what it looks for"
        screen = httpx.get(f"{address}state.json").json()["parts"]["304"]["link"]
        readers = [folder / "demo" / name / "reader" for name in ("gate", "counter")]
        made = [born(reader) for reader in readers]
        assert None not in made
        demo.process.send_signal(number)
        code = demo.process.wait(40)
        assert code == (-number if number == signal.SIGKILL else 0), demo.said()
        assert gone(demo.left_behind), demo.left_behind()
        for reader, before in zip(readers, made, strict=True):
            assert born(reader) != before, "the pseudo-terminal is closed"
        for url in (address, screen):
            with pytest.raises(httpx.ConnectError):
                httpx.get(url)
        if number != signal.SIGKILL:
            assert "Traceback" not in demo.said()
    finally:
        demo.end()


def test_a_taken_port_is_said_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        demo = Demo(tmp_path / "data", port=taken.getsockname()[1])
        assert demo.process.wait(60) == 1
        assert demo.said().count("\n") == 1
        assert f"port {demo.port} is taken" in demo.said()
        assert not (tmp_path / "data").exists()
