"""An LED line on a bad or a talkative line: what it says is no news, and changes nothing."""

import asyncio
from collections.abc import Callable

from menpiao.simulation.line import SimulatedLine
from menpiao.terminals.parts.display.base import Signal, View
from menpiao.terminals.parts.display.led import LedDisplay
from menpiao.terminals.parts.display.led_profile import PROFILES, load_led_profile
from menpiao.terminals.ports.serial_port import SerialTransport

PLAIN = load_led_profile(PROFILES / "plain.toml")
READY = View(signal=Signal.READY, state="", zh="请刷身份证", en="")
ADMIT = View(signal=Signal.ADMIT, state="", zh="请通行", en="")


async def until(met: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not met():  # noqa: ASYNC110 - bytes on a line tell nobody
            await asyncio.sleep(0.01)


def test_an_adapter_that_echoes_is_not_answered() -> None:
    async def main() -> None:
        shown = bytearray()

        def echo(data: bytes) -> None:
            shown.extend(data)
            line.write(data)

        line = SimulatedLine(echo)
        line.plug()
        display = LedDisplay(SerialTransport(str(line.path), 9600), PLAIN, reopen_s=0.03)
        task = asyncio.create_task(display.run())
        display.show(READY)
        await until(lambda: PLAIN.frame(READY) in shown)
        await asyncio.sleep(0.3)
        assert shown.count(PLAIN.frame(READY)) <= 2, "an echo would be echoed for ever"
        display.show(ADMIT)
        await until(lambda: PLAIN.frame(ADMIT) in shown)
        assert display.trouble == ""
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        line.clean()

    asyncio.run(main())


def test_rubbish_from_the_line_disturbs_nothing() -> None:
    async def main() -> None:
        shown = bytearray()
        line = SimulatedLine(shown.extend)
        line.plug()
        display = LedDisplay(SerialTransport(str(line.path), 9600), PLAIN, reopen_s=0.03)
        task = asyncio.create_task(display.run())
        display.show(READY)
        await until(lambda: PLAIN.frame(READY) in shown)
        for _ in range(20):
            line.write(b"\xff\x00" * 200)
            await asyncio.sleep(0.005)
        display.show(ADMIT)
        await until(lambda: PLAIN.frame(ADMIT) in shown)
        assert display.trouble == ""
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        line.clean()

    asyncio.run(main())
