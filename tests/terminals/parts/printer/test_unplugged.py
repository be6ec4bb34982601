"""The cable is pulled: before a slip, in the middle of one, and put back."""

import asyncio

import pytest

from menpiao.simulation.printer import SimulatedPrinter
from menpiao.terminals.parts.printer.base import PRINTED, Cut, PrintStatus, Slip, Text
from menpiao.terminals.parts.printer.driver import EscPosPrinter, Limits
from menpiao.terminals.parts.printer.transport_network import NetworkTransport

SLIP = Slip((*(Text(f"第{n}行") for n in range(200)), Cut()))
QUESTIONS = 9
"""Bytes of the questions before a slip."""


@pytest.mark.parametrize("at", [1, QUESTIONS + 1, QUESTIONS + 800])
def test_pulled_and_put_back(at: int) -> None:
    async def main() -> None:
        async with SimulatedPrinter() as sim:
            limits = Limits(slip_s=2.0, answer_s=0.2)
            printer = EscPosPrinter(NetworkTransport(*sim.address), sim.profile, limits=limits)
            sim.lost_after, sim.pace = at, (256, 0.0)
            outcome = await printer.print_slip(SLIP)
            # What was handed over may be on paper: then it is unknown, and never printed.
            assert outcome.status in {PrintStatus.FAILED, PrintStatus.UNKNOWN}
            assert outcome.status is PrintStatus.FAILED or at > QUESTIONS
            assert sim.count == 0
            sim.lost_after = None
            assert await printer.print_slip(SLIP) == PRINTED
            assert (await sim.wait_for_job(2)).lines[-1] == "第199行"
            assert printer.problems == ()

    asyncio.run(main())
