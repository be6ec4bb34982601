"""Slips through real connections: what is reported, and that nothing ever blocks or raises."""

import asyncio
import os
import pty
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from menpiao.simulation.printer import Fault, SimulatedPrinter
from menpiao.terminals.parts.printer import status
from menpiao.terminals.parts.printer.base import (
    PRINTED,
    UNKNOWN,
    Cut,
    PrintOutcome,
    QrCode,
    Slip,
    Text,
    failed,
)
from menpiao.terminals.parts.printer.driver import EscPosPrinter, Limits
from menpiao.terminals.parts.printer.fonts import Fonts
from menpiao.terminals.parts.printer.profiles import PROFILES
from menpiao.terminals.parts.printer.render import interpret, text_lines
from menpiao.terminals.parts.printer.transport import Transport
from menpiao.terminals.parts.printer.transport_device import SerialTransport, UsbTransport
from menpiao.terminals.parts.printer.transport_file import FileTransport
from menpiao.terminals.parts.printer.transport_network import NetworkTransport

PROFILE = PROFILES["generic-80"]
LIMITS = Limits(slip_s=1.0, answer_s=0.1, unasked_slips=3)
SLIP = Slip((Text("请通行"), Cut()))


def a_printer(transport: Transport, limits: Limits = LIMITS) -> EscPosPrinter:
    return EscPosPrinter(transport, PROFILE, limits=limits)


async def print_with(fault: Fault, slip: Slip = SLIP) -> tuple[PrintOutcome, SimulatedPrinter]:
    async with SimulatedPrinter() as sim:
        sim.fault = fault
        outcome = await a_printer(NetworkTransport(*sim.address)).print_slip(slip)
        if outcome.status is not failed("").status and fault is not Fault.STALL:
            await sim.wait_for_job(2)
    return outcome, sim


@pytest.mark.parametrize(
    ("fault", "outcome", "slips"),
    [
        (Fault.NONE, PRINTED, 1),
        (Fault.SILENT, UNKNOWN, 1),
        (Fault.STALL, UNKNOWN, 0),
        (Fault.PAPER_OUT, failed("paper_out"), 0),
        (Fault.REFUSE, failed("connection_lost"), 0),
    ],
)
def test_each_state_of_the_printer(fault: Fault, outcome: PrintOutcome, slips: int) -> None:
    async def main() -> None:
        result, sim = await print_with(fault)
        assert len(sim.slips) == slips
        assert result == outcome

    asyncio.run(main())


def test_nobody_listens() -> None:
    async def main() -> None:
        async with SimulatedPrinter() as sim:
            address = sim.address
        printer = a_printer(NetworkTransport(*address))
        assert await printer.print_slip(SLIP) == failed("unreachable")
        assert "unreachable" in printer.problems

    asyncio.run(main())


def test_a_printer_that_takes_nothing_ends_at_the_limit() -> None:
    async def main() -> None:
        async with SimulatedPrinter() as sim:
            sim.fault = Fault.STALL
            slip = Slip(tuple(Text("𬭎" * 20, size=2) for _ in range(3000)))
            started = time.monotonic()
            printer = a_printer(NetworkTransport(*sim.address), Limits(slip_s=2.0, answer_s=0.1))
            assert await printer.print_slip(slip) == failed("time_out")
            assert time.monotonic() - started < 3.5

    asyncio.run(main())


def test_a_silent_printer_is_spared_the_question_for_a_while() -> None:
    async def main() -> None:
        async with SimulatedPrinter() as sim:
            sim.fault = Fault.SILENT
            printer = a_printer(NetworkTransport(*sim.address))
            waits = []
            for _ in range(5):
                started = time.monotonic()
                assert await printer.print_slip(SLIP) == UNKNOWN
                waits.append(time.monotonic() - started > 0.09)
            assert waits == [True, False, False, False, True]
            assert (await sim.wait_for_job(2, after=4)).number == 5

    asyncio.run(main())


def test_recovery_after_paper_was_put_in() -> None:
    async def main() -> None:
        async with SimulatedPrinter() as sim:
            printer = a_printer(NetworkTransport(*sim.address))
            sim.fault = Fault.PAPER_OUT
            assert await printer.print_slip(SLIP) == failed("paper_out")
            assert printer.problems[:1] == ("paper_out",)
            sim.fault = Fault.NONE
            assert await printer.print_slip(SLIP) == PRINTED
            assert "paper_out" not in printer.problems

    asyncio.run(main())


def test_slips_printed_at_the_same_time_come_out_one_by_one() -> None:
    async def main() -> None:
        async with SimulatedPrinter() as sim:
            printer = a_printer(NetworkTransport(*sim.address), Limits())
            slips = [Slip((Text(f"第{n}张"), Text("门票"), Cut())) for n in range(10)]
            outcomes = await asyncio.gather(*map(printer.print_slip, slips))
            assert outcomes == [PRINTED] * 10
            await sim.wait_for_job(2, after=9)
            assert [slip.lines for slip in sim.slips] == [[f"第{n}张", "门票"] for n in range(10)]

    asyncio.run(main())


def test_a_code_that_does_not_fit_is_a_value() -> None:
    async def main() -> None:
        outcome, sim = await print_with(Fault.NONE, Slip((QrCode("x" * 5000),)))
        assert outcome == failed("code_too_large")
        assert not sim.slips

    asyncio.run(main())


def test_a_missing_font_is_a_problem_to_show() -> None:
    printer = EscPosPrinter(NetworkTransport("127.0.0.1", 1), PROFILE, fonts=Fonts([]))
    assert printer.problems == ("no_chinese_font",)


def test_into_a_file(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "slips.bin"
        printer = a_printer(FileTransport(file))
        assert await printer.print_slip(SLIP) == UNKNOWN
        assert await printer.print_slip(SLIP) == UNKNOWN
        items, unknown = interpret(file.read_bytes(), PROFILE)
        assert (text_lines(items), unknown) == (["请通行"] * 2, [])
        assert b"\x10\x04" not in file.read_bytes()
        nowhere = a_printer(FileTransport(tmp_path / "no" / "such"))
        assert await nowhere.print_slip(SLIP) == failed("file_unwritable")

    asyncio.run(main())


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("transport", [SerialTransport, UsbTransport])
@pytest.mark.parametrize("answering", [True, False])
def test_behind_a_device_file(
    line: tuple[int, str], transport: type[SerialTransport], answering: bool
) -> None:
    async def main() -> None:
        ours, path = line
        received = bytearray()

        def collect() -> None:
            data = os.read(ours, 4096)
            received.extend(data)
            if answering:
                os.write(ours, status.answer() * data.count(b"\x10\x04"))

        asyncio.get_running_loop().add_reader(ours, collect)
        printer = a_printer(transport(path), Limits(slip_s=5, answer_s=0.1))
        slip = Slip((Text("请通行"), Text("𬭎"), Cut()))
        assert await printer.print_slip(slip) == (PRINTED if answering else UNKNOWN)
        await asyncio.sleep(0.05)
        items, unknown = interpret(bytes(received), PROFILE)
        assert (text_lines(items), unknown) == (["请通行"], [])
        asyncio.get_running_loop().remove_reader(ours)

    asyncio.run(main())


@pytest.mark.parametrize("transport", [SerialTransport, UsbTransport])
def test_a_device_that_is_not_there(tmp_path: Path, transport: type[SerialTransport]) -> None:
    printer = a_printer(transport(str(tmp_path / "none")))
    assert asyncio.run(printer.print_slip(SLIP)) == failed("port_unavailable")


def test_a_device_that_takes_nothing(line: tuple[int, str]) -> None:
    slip = Slip(tuple(Text("𬭎" * 20) for _ in range(50)))
    printer = a_printer(SerialTransport(line[1]))
    assert asyncio.run(printer.print_slip(slip)) == failed("time_out")


@pytest.mark.parametrize(
    ("number", "byte", "reason"),
    [
        (status.PAPER, 0x12, None),
        (status.PAPER, 0x1E, None),
        (status.PAPER, 0x72, "paper_out"),
        (status.OFFLINE_CAUSE, 0x16, "cover_open"),
        (status.OFFLINE_CAUSE, 0x32, "paper_out"),
        (status.ERROR_CAUSE, 0x1A, "cutter_error"),
    ],
)
def test_answers(number: int, byte: int, reason: str | None) -> None:
    assert status.is_answer(byte)
    assert status.trouble(number, byte) == reason
