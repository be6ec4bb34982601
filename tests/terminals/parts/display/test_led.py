"""An LED line: its frames by profile, and a serial line that is pulled out."""

import asyncio
from pathlib import Path

import pytest

from menpiao.simulation.line import SimulatedLine
from menpiao.terminals.parts.display.base import Signal, View
from menpiao.terminals.parts.display.led import LedDisplay
from menpiao.terminals.parts.display.led_profile import (
    PROFILES,
    LedProfileError,
    load_led_profile,
)
from menpiao.terminals.ports.serial_port import SerialTransport

PLAIN = load_led_profile(PROFILES / "plain.toml")
TEXT = (PROFILES / "plain.toml").read_text(encoding="utf-8")


def a_view(signal: Signal, zh: str) -> View:
    return View(signal=signal, state="", zh=zh, en="")


def test_a_mark_and_a_line() -> None:
    assert PLAIN.frame(a_view(Signal.ADMIT, "请通行")) == "○请通行".encode("gb2312") + b"\r\n"
    assert PLAIN.frame(a_view(Signal.REFUSE, "票已使用"))[:2] == "×".encode("gb2312")


def test_no_character_is_cut_in_half_and_none_is_a_command() -> None:
    text = PLAIN.text(a_view(Signal.REFUSE, "请到服务台\r\n咨询工作人员"))
    assert text == "×请到服务台咨询"
    assert len(text.encode("gb2312")) == 16


def test_a_frame_with_length_colour_and_checksum(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(TEXT.replace("{text} 0D 0A", "AA {length} {colour} {text} {xor8}"))
    frame = load_led_profile(path).frame(a_view(Signal.READY, "A"))
    assert frame == bytes((0xAA, 1, 2, 0x41, 0xAA ^ 1 ^ 2 ^ 0x41))


@pytest.mark.parametrize("line", ["0D 0A", "{text} 1FF", "{text} {who}"])
def test_a_profile_that_cannot_be_used(tmp_path: Path, line: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(TEXT.replace("{text} 0D 0A", line))
    with pytest.raises(LedProfileError, match=r"own\.toml"):
        load_led_profile(path)


def test_pulled_out_and_put_back_it_shows_the_newest() -> None:
    async def main() -> None:
        shown = bytearray()
        line = SimulatedLine(shown.extend)
        line.plug()
        display = LedDisplay(SerialTransport(str(line.path), 9600), PLAIN, reopen_s=0.03)
        task = asyncio.create_task(display.run())

        async def until(text: str) -> None:
            async with asyncio.timeout(5):
                while text.encode("gb2312") not in shown:  # noqa: ASYNC110 - a line of bytes
                    await asyncio.sleep(0.01)

        display.show(a_view(Signal.READY, "请刷身份证或扫码"))
        await until("请刷身份证或扫码")
        line.unplug()
        display.show(a_view(Signal.WAIT, "正在查询"))
        async with asyncio.timeout(5):
            while not display.trouble:  # noqa: ASYNC110 - a plain attribute
                await asyncio.sleep(0.01)
        display.show(a_view(Signal.ADMIT, "请通行"))
        line.plug()
        await until("○请通行\r\n")
        assert "正在查询".encode("gb2312") not in shown
        assert display.trouble == ""
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        line.clean()

    asyncio.run(main())
