"""The rate of a reader is found among the listed ones."""

import asyncio

import pytest
from tests.terminals.parts.reader.lane import running

from menpiao.simulation.cards import resident
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.parts.reader.baud import BAUDS, DetectingSerialTransport


@pytest.mark.parametrize("baud", BAUDS)
def test_every_listed_rate(baud: int) -> None:
    async def main() -> None:
        async with SimulatedReader(only_at=baud) as sim:
            transport = DetectingSerialTransport(sim.port, answer_s=0.1)
            async with running(transport) as lane:
                await lane.until(lambda: lane.ready == 1)
                assert transport.baud == baud
                sim.lay(resident("11010519491231002X", "李样例"))
                await lane.until_cards(1)
                sim.unplug()
                await lane.until(lambda: bool(lane.faults))
                sim.plug()
                await lane.until(lambda: lane.ready == 2)

    asyncio.run(main())


def test_no_listed_rate() -> None:
    async def main() -> None:
        async with SimulatedReader(only_at=38_400) as sim:
            transport = DetectingSerialTransport(sim.port, (115_200, 9600), answer_s=0.05)
            async with running(transport) as lane:
                await lane.until(lambda: lane.faults == ["silent"])

    asyncio.run(main())
