"""The lane screen: its page, its pushes, and whom it does not talk to."""

import asyncio
import http.client
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from menpiao.terminals.parts.display.base import Signal, View
from menpiao.terminals.parts.display.clips import LARGEST, Clips
from menpiao.terminals.parts.display.kiosk import KioskDisplay

PASS = View(
    signal=Signal.ADMIT,
    state="showing_admit",
    zh="请通行",
    en="Please enter",
    holder="李**",
    people=3,
)


@asynccontextmanager
async def serving() -> AsyncIterator[KioskDisplay]:
    display = KioskDisplay(0)
    task = asyncio.create_task(display.run())
    await display.ready.wait()
    try:
        yield display
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def get(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def test_the_page_and_what_it_needs_are_there() -> None:
    async def main() -> None:
        async with serving() as display:
            for path, kind in (
                ("/", "text/html"),
                ("/lane.css", "text/css"),
                ("/lane.js", "text/javascript"),
                ("/icon.svg", "image/svg+xml"),
            ):
                status, headers, body = await asyncio.to_thread(get, display.port, path)
                assert status == 200
                assert headers["Content-Type"].startswith(kind)
                assert "default-src 'none'" in headers["Content-Security-Policy"]
                assert body
                # A strict content policy: nothing inline.
                assert b"style=" not in body
                assert b"onclick" not in body
            status, _, _ = await asyncio.to_thread(get, display.port, "/../kiosk.py")
            assert status == 404

    asyncio.run(main())


def test_every_signal_has_a_glyph_and_a_colour() -> None:
    async def main() -> None:
        async with serving() as display:
            _, _, page = await asyncio.to_thread(get, display.port, "/")
            _, _, style = await asyncio.to_thread(get, display.port, "/lane.css")
            for signal in Signal:
                assert f'<g class="{signal.value}">'.encode() in page
                assert f"--{signal.value}:".encode() in style

    asyncio.run(main())


def test_views_are_pushed_and_told() -> None:
    async def main() -> None:
        async with serving() as display:
            async with connect(f"ws://127.0.0.1:{display.port}/live", proxy=None) as screen:
                first = json.loads(await screen.recv())
                assert first["view"]["state"] == "starting"
                display.show(PASS)
                while (told := json.loads(await screen.recv()))["view"]["state"] == "starting":
                    pass
                assert (told["view"]["zh"], told["view"]["people"]) == ("请通行", 3)
            _, _, body = await asyncio.to_thread(get, display.port, "/state.json")
            assert json.loads(body) == told
            display.show(PASS)  # to nobody
            async with connect(f"ws://127.0.0.1:{display.port}/live", proxy=None) as screen:
                assert json.loads(await screen.recv())["number"] == 2

    asyncio.run(main())


@pytest.mark.parametrize("path", ["/", "/state.json", "/live"])
def test_another_name_for_this_machine_is_refused(path: str) -> None:
    async def main() -> None:
        async with serving() as display:
            status, _, _ = await asyncio.to_thread(get, display.port, path, Host="evil.example")
            assert status == 403

    asyncio.run(main())


def test_another_sites_page_hears_nothing() -> None:
    async def main() -> None:
        async with serving() as display:
            url = f"ws://127.0.0.1:{display.port}/live"
            with pytest.raises(InvalidStatus):
                async with connect(url, origin="https://evil.example", proxy=None):
                    pass
            async with connect(url, origin=f"http://127.0.0.1:{display.port}", proxy=None):
                pass

    asyncio.run(main())


def test_recorded_voices_are_served_and_what_is_none_is_said(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    (tmp_path / "secret.zh.ogg").write_bytes(b"outside")
    for name in ("pass.en.mp3", "pass.zh.ogg", "slot_early.zh.wav", "welcome.zh.ogg", "pass.ogg"):
        (clips / name).write_bytes(name.encode())
    (clips / "full.zh.ogg").write_bytes(bytes(LARGEST + 1))

    async def main() -> None:
        with capture_logs() as said:
            display = KioskDisplay(0, clips=clips)
        faults = {line["file"]: line["fault"] for line in said}
        assert faults == {"welcome.zh.ogg": "key", "pass.ogg": "name", "full.zh.ogg": "size"}
        task = asyncio.create_task(display.run())
        await display.ready.wait()
        _, _, state = await asyncio.to_thread(get, display.port, "/state.json")
        assert json.loads(state)["clips"] == {
            "pass": ["pass.zh.ogg", "pass.en.mp3"],
            "slot_early": ["slot_early.zh.wav"],
        }
        status, headers, body = await asyncio.to_thread(get, display.port, "/clips/pass.zh.ogg")
        assert (status, headers["Content-Type"], body) == (200, "audio/ogg", b"pass.zh.ogg")
        for path in ("welcome.zh.ogg", "../secret.zh.ogg", "full.zh.ogg", ""):
            status, _, _ = await asyncio.to_thread(get, display.port, f"/clips/{path}")
            assert status == 404, path
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_a_folder_that_is_not_there_leaves_the_tones(tmp_path: Path) -> None:
    with capture_logs() as said:
        assert Clips(tmp_path / "none").by_key == {}
    assert [line["event"] for line in said] == ["clips_unreadable"]
    assert Clips(None).by_key == {}
