"""The knife is stuck: said with its reason, and well again without anybody restarting."""

import asyncio

from menpiao.simulation.printer import Fault, SimulatedPrinter
from menpiao.terminals.parts.printer.base import PRINTED, Cut, Slip, Text, failed
from menpiao.terminals.parts.printer.driver import EscPosPrinter, Limits
from menpiao.terminals.parts.printer.transport_network import NetworkTransport

SLIP = Slip((Text("请通行"), Cut()))


def test_a_stuck_knife_is_named_and_the_next_slip_comes_out() -> None:
    async def main() -> None:
        async with SimulatedPrinter() as sim:
            limits = Limits(slip_s=1.0, answer_s=0.1)
            printer = EscPosPrinter(NetworkTransport(*sim.address), sim.profile, limits=limits)
            sim.fault = Fault.KNIFE_STUCK
            assert await printer.check() == failed("cutter_error")
            assert await printer.print_slip(SLIP) == failed("cutter_error")
            assert printer.problems[0] == "cutter_error"
            sim.fault = Fault.NONE
            assert await printer.print_slip(SLIP) == PRINTED
            assert "cutter_error" not in printer.problems
            assert sim.count == 1

    asyncio.run(main())
