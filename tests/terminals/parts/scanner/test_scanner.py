"""Scanners on a serial line and as keyboards: framing, repeats, encodings, mishaps."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from menpiao.simulation.scanner import SimulatedScanner
from menpiao.terminals.parts.scanner.base import (
    CodeScanned,
    ScannerEvent,
    ScannerFault,
    ScannerReady,
    ScannerState,
)
from menpiao.terminals.parts.scanner.driver import LineScanner, Options
from menpiao.terminals.ports.base import Transport
from menpiao.terminals.ports.keyboard import KeyboardTransport
from menpiao.terminals.ports.serial_port import SerialTransport

FAST = {"silence_s": 0.03, "same_code_s": 0.2, "reopen_s": 0.03}
CODE = "MP7K2Q9XW4RT"


@dataclass
class Desk:
    scanner: LineScanner
    events: list[ScannerEvent] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def deliver(self, event: ScannerEvent) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not met():
                self._changed.clear()
                await self._changed.wait()

    @property
    def codes(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, CodeScanned)]

    def count(self, kind: type) -> int:
        return sum(isinstance(event, kind) for event in self.events)


@asynccontextmanager
async def a_desk(
    sim: SimulatedScanner | None = None, transport: type[Transport] = SerialTransport, **options
) -> AsyncIterator[tuple[SimulatedScanner, Desk]]:
    async with sim or SimulatedScanner() as plugged:
        desk = Desk(LineScanner(transport(plugged.port), Options(**(FAST | options))))
        task = asyncio.create_task(desk.scanner.run(desk.deliver))
        await desk.until(lambda: desk.count(ScannerReady) == 1)
        try:
            yield plugged, desk
        finally:
            assert not task.done()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("prefix", "suffix"),
    [(b"", b"\r"), (b"", b"\r\n"), (b"", b"\t"), (b"", b""), (b"qr", b"\r"), (b"\x02", b"#\x03")],
)
def test_prefix_and_suffix(prefix: bytes, suffix: bytes) -> None:
    async def main() -> None:
        sim = SimulatedScanner(prefix=prefix, suffix=suffix)
        tail = suffix.rstrip(b"\r\n\t\x03")
        async with a_desk(sim, prefix=prefix, suffix=tail) as (_, desk):
            sim.show(CODE)
            await desk.until(lambda: desk.codes == [CODE])

    asyncio.run(main())


def test_a_code_in_pieces_is_one_code() -> None:
    async def main() -> None:
        async with a_desk(silence_s=0.5) as (sim, desk):
            for char in CODE:
                sim.send(char.encode())
                await asyncio.sleep(0.002)
            sim.send(b"\r" + b"SECOND\rTHIRD\r")
            await desk.until(lambda: desk.codes == [CODE, "SECOND", "THIRD"])

    asyncio.run(main())


def test_held_before_the_window_is_one_code_and_shown_again_is_two() -> None:
    async def main() -> None:
        async with a_desk() as (sim, desk):
            for _ in range(10):
                sim.show(CODE)
                await asyncio.sleep(0.03)
            assert desk.codes == [CODE]
            sim.show("OTHER")
            await desk.until(lambda: desk.codes == [CODE, "OTHER"])
            await asyncio.sleep(0.25)
            sim.show(CODE)
            await desk.until(lambda: desk.codes == [CODE, "OTHER", CODE])

    asyncio.run(main())


@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_chinese_codes(codec: str) -> None:
    async def main() -> None:
        async with a_desk() as (sim, desk):
            sim.show("优惠券：东门，张䶮", codec)
            await desk.until(lambda: desk.codes == ["优惠券：东门，张䶮"])

    asyncio.run(main())


def test_garbage_overlong_and_idle_talk_are_no_codes() -> None:
    async def main() -> None:
        async with a_desk(longest=64) as (sim, desk):
            sim.send(b"\xff\xfe\x81\r\x00\x00\r\r\n\n  \r")
            for _ in range(50):
                sim.send(b"X" * 40)
            sim.send(b"\r")
            sim.send(b"www.vguang.cn\r")
            sim.show(CODE)
            await desk.until(lambda: bool(desk.codes))
            assert desk.codes == [CODE]

    asyncio.run(main())


def test_unplugged_in_the_middle_of_a_code_and_replugged() -> None:
    async def main() -> None:
        async with a_desk(silence_s=5) as (sim, desk):
            sim.send(b"HALF")
            await asyncio.sleep(0.02)
            sim.line.unplug()
            await desk.until(lambda: desk.count(ScannerFault) >= 1)
            assert desk.scanner.state is ScannerState.OFFLINE
            await asyncio.sleep(0.15)
            codes = [event.code for event in desk.events if isinstance(event, ScannerFault)]
            assert codes == ["port_lost", "port_absent"]
            sim.line.plug()
            await desk.until(lambda: desk.count(ScannerReady) == 2)
            sim.show(CODE)
            await desk.until(lambda: desk.codes == [CODE])

    asyncio.run(main())


def test_typed_as_a_keyboard_with_shift_and_in_halves() -> None:
    async def main() -> None:
        async with a_desk(transport=KeyboardTransport) as (sim, desk):
            sim.type("MP-7k_2Q:9?<\r")
            await desk.until(lambda: desk.codes == ["MP-7k_2Q:9?<"])
            sim.line.unplug()
            await desk.until(lambda: desk.count(ScannerFault) >= 1)
            sim.line.plug()
            await desk.until(lambda: desk.count(ScannerReady) == 2)
            sim.type(CODE)
            await desk.until(lambda: desk.codes[1:] == [CODE])

    asyncio.run(main())


def test_a_code_is_not_shown_in_events() -> None:
    assert CODE not in repr(CodeScanned(CODE))
