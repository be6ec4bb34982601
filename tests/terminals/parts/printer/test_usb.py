"""A printer on USB pipes, over pyusb with a simulated bus."""

import asyncio

from menpiao.simulation.usb import SimulatedUsb
from menpiao.terminals.parts.printer import status
from menpiao.terminals.parts.printer.base import PRINTED, Cut, Slip, Text, failed
from menpiao.terminals.parts.printer.driver import EscPosPrinter, Limits
from menpiao.terminals.parts.printer.profiles import PROFILES
from menpiao.terminals.parts.printer.render import interpret, text_lines
from menpiao.terminals.parts.printer.transport_usb import UsbPipesTransport

PROFILE = PROFILES["generic-58"]


def test_a_slip_and_its_status() -> None:
    received = bytearray()

    def take(endpoint: int, data: bytes) -> None:
        received.extend(data)
        for _ in range(data.count(b"\x10\x04")):
            bus.give(0x82, status.answer())

    bus = SimulatedUsb((0x01, 0x82), take, ids=(0x0483, 0x5743), interface_class=7)
    bus.kernel_driver = True
    limits = Limits(slip_s=3, answer_s=0.5)
    printer = EscPosPrinter(UsbPipesTransport(backend=bus), PROFILE, limits=limits)
    assert asyncio.run(printer.print_slip(Slip((Text("请通行"), Cut())))) == PRINTED
    items, unknown = interpret(bytes(received), PROFILE)
    assert (text_lines(items), unknown) == (["请通行"], [])
    assert bus.claims == 0, "another program may have it between two slips"
    bus.plugged = False
    assert asyncio.run(printer.print_slip(Slip((Cut(),)))) == failed("port_unavailable")
