"""A printer that takes its time: within the limit it prints, beyond it nobody waits."""

import asyncio
import time

from menpiao.simulation.printer import SimulatedPrinter
from menpiao.terminals.parts.printer.base import UNKNOWN, Cut, Slip, Text, failed
from menpiao.terminals.parts.printer.driver import EscPosPrinter, Limits
from menpiao.terminals.parts.printer.transport_network import NetworkTransport

SHORT = Slip((Text("请通行"), Cut()))
LONG = Slip((*(Text("龘" * 20, size=2) for _ in range(2000)), Cut()))


def test_a_slow_printer_prints_all_the_same() -> None:
    async def main() -> None:
        async with SimulatedPrinter() as sim:
            sim.pace = (8, 0.02)
            limits = Limits(slip_s=10.0, answer_s=0.01)
            printer = EscPosPrinter(NetworkTransport(*sim.address), sim.profile, limits=limits)
            assert await printer.print_slip(SHORT) == UNKNOWN, "its answer came too late to be one"
            assert (await sim.wait_for_job(5)).lines == ["请通行"]

    asyncio.run(main())


def test_nobody_waits_for_a_printer_beyond_the_limit() -> None:
    async def main() -> None:
        async with SimulatedPrinter() as sim:
            sim.pace = (64, 0.05)
            limits = Limits(slip_s=2.0, answer_s=0.01)
            printer = EscPosPrinter(NetworkTransport(*sim.address), sim.profile, limits=limits)
            began = time.monotonic()
            outcome = await printer.print_slip(LONG)
            assert outcome in {failed("time_out"), UNKNOWN}
            assert time.monotonic() - began < 10
            assert sim.count == 0

    asyncio.run(main())
