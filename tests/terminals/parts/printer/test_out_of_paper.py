"""Paper out and cover open: shown, survived, and well again without anybody restarting."""

import asyncio

import pytest

from menpiao.simulation.printer import Fault, SimulatedPrinter
from menpiao.terminals.parts.printer.base import PRINTED, UNKNOWN, Cut, Slip, Text, failed
from menpiao.terminals.parts.printer.driver import EscPosPrinter, Limits
from menpiao.terminals.parts.printer.transport_network import NetworkTransport

SLIP = Slip((Text("请通行"), Cut()))
LIMITS = Limits(slip_s=1.0, answer_s=0.1)


@pytest.mark.parametrize(
    ("fault", "reason"), [(Fault.PAPER_OUT, "paper_out"), (Fault.COVER_OPEN, "cover_open")]
)
def test_shown_survived_and_well_again(fault: Fault, reason: str) -> None:
    async def main() -> None:
        async with SimulatedPrinter() as sim:
            printer = EscPosPrinter(NetworkTransport(*sim.address), sim.profile, limits=LIMITS)
            assert await printer.check() == PRINTED
            sim.fault = fault
            assert await printer.check() == failed(reason), "known before the next visitor"
            assert printer.problems[0] == reason
            assert await printer.print_slip(SLIP) == failed(reason)
            sim.fault = Fault.NONE
            assert await printer.print_slip(SLIP) == PRINTED
            assert reason not in printer.problems
            assert (await sim.wait_for_job(2)).lines == ["请通行"]
            assert sim.count == 1

    asyncio.run(main())


def test_a_look_at_a_printer_that_says_nothing() -> None:
    async def main() -> None:
        async with SimulatedPrinter() as sim:
            printer = EscPosPrinter(NetworkTransport(*sim.address), sim.profile, limits=LIMITS)
            sim.fault = Fault.SILENT
            assert await printer.check() == UNKNOWN
            address = sim.address
        gone = EscPosPrinter(NetworkTransport(*address), sim.profile, limits=LIMITS)
        assert await gone.check() == failed("unreachable")

    asyncio.run(main())
