"""A printer on a bad line, or one that answers in another language."""

import asyncio

import pytest

from menpiao.simulation.printer import Fault, SimulatedPrinter
from menpiao.terminals.parts.printer import status
from menpiao.terminals.parts.printer.base import PRINTED, UNKNOWN, Cut, Slip, Text
from menpiao.terminals.parts.printer.driver import EscPosPrinter, Limits
from menpiao.terminals.parts.printer.transport_network import NetworkTransport

SLIP = Slip((Text("请通行"), Cut()))
RUBBISH = bytes(byte for byte in range(256) if not status.is_answer(byte))


@pytest.mark.parametrize(
    ("fault", "outcome"), [(Fault.NONE, PRINTED), (Fault.SILENT, UNKNOWN)], ids=["before", "alone"]
)
def test_rubbish_is_neither_a_trouble_nor_an_answer(fault: Fault, outcome: object) -> None:
    async def main() -> None:
        async with SimulatedPrinter() as sim:
            limits = Limits(slip_s=1.0, answer_s=0.1)
            printer = EscPosPrinter(NetworkTransport(*sim.address), sim.profile, limits=limits)
            sim.fault, sim.noise = fault, RUBBISH
            assert await printer.print_slip(SLIP) == outcome
            assert (await sim.wait_for_job(2)).lines == ["请通行"]
            assert printer.problems == ()

    asyncio.run(main())
