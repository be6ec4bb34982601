"""A safe module on USB: split and whole frames by descriptor, over pyusb with a simulated bus."""

import asyncio

import pytest
from tests.terminals.parts.reader.lane import running

from menpiao.simulation.cards import resident
from menpiao.simulation.safe_module import SafeModule
from menpiao.simulation.usb import SimulatedUsb
from menpiao.terminals.parts.reader.base import ReaderState
from menpiao.terminals.parts.reader.transport_usb import UsbTransport

SPLIT = (0x02, 0x06, 0x81, 0x85)
WHOLE = (0x01, 0x82)


class UsbModule:
    def __init__(self, endpoints: tuple[int, ...]) -> None:
        self.module = SafeModule()
        self.endpoints = endpoints
        self.written: list[tuple[int, bytes]] = []
        self.bus = SimulatedUsb(endpoints, self.take)

    def take(self, endpoint: int, data: bytes) -> None:
        self.written.append((endpoint, data))
        for _, frame in self.module.receive(data):
            ins = [one for one in self.endpoints if one & 0x80]
            if len(ins) == 2:
                self.bus.give(ins[0], frame[:7])
                self.bus.give(ins[1], frame[7:])
            else:
                for at in range(0, len(frame), 64):
                    self.bus.give(ins[0], frame[at : at + 64])


@pytest.mark.parametrize("endpoints", [SPLIT, WHOLE])
def test_a_card_is_read(endpoints: tuple[int, ...]) -> None:
    async def main() -> None:
        usb = UsbModule(endpoints)
        async with running(UsbTransport(backend=usb.bus)) as lane:
            await lane.until(lambda: lane.ready == 1)
            usb.module.lay(resident("11010519491231002X", "李样例"))
            await lane.until_cards(1)
            assert lane.cards[0].number == "11010519491231002X"
            assert usb.bus.claims == 1
        lengths = {endpoint: len(data) for endpoint, data in usb.written if data}
        if endpoints == SPLIT:
            assert lengths == {0x02: 7, 0x06: 3}
        else:
            assert lengths == {0x01: 10}

    asyncio.run(main())


def test_pulled_out_and_put_back() -> None:
    async def main() -> None:
        usb = UsbModule(SPLIT)
        usb.bus.kernel_driver = True
        async with running(UsbTransport(backend=usb.bus)) as lane:
            await lane.until(lambda: lane.ready == 1)
            assert not usb.bus.kernel_driver
            usb.bus.plugged = False
            await lane.until(lambda: "port_absent" in lane.faults)
            assert lane.reader.state is ReaderState.OFFLINE
            usb.bus.plugged = True
            await lane.until(lambda: lane.ready == 2)

    asyncio.run(main())


def test_another_program_has_it() -> None:
    async def main() -> None:
        usb = UsbModule(WHOLE)
        usb.bus.busy = True
        async with running(UsbTransport(backend=usb.bus)) as lane:
            await lane.until(lambda: lane.faults == ["port_busy"])
            usb.bus.busy = False
            await lane.until(lambda: lane.ready == 1)

    asyncio.run(main())
