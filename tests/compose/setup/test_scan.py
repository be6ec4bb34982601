"""What a scan sees, and what it leaves behind: nothing."""

import asyncio
import os
import pty
from pathlib import Path

import pytest

from menpiao.compose.setup.address import Address, AddressError, Way, read_address
from menpiao.compose.setup.findings import Finding, Found, Part, Sure
from menpiao.compose.setup.scan import (
    look_at_network,
    look_at_serial,
    of_keyboard,
    of_usb,
    scan,
)
from menpiao.simulation.barrier import SimulatedLcus, SimulatedRs485, SimulatedRs485Converter
from menpiao.simulation.line import SimulatedLine
from menpiao.simulation.modbus import SimulatedModbusRtu
from menpiao.simulation.printer import Fault, SimulatedPrinter
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.devices import Printer, Reader, Scanner
from menpiao.terminals.gate.config import Barrier
from menpiao.terminals.parts.printer import status
from menpiao.terminals.parts.printer.profiles import PROFILES
from menpiao.terminals.parts.printer.render import Interpreter
from menpiao.terminals.ports.finding import (
    KeyboardFound,
    SerialFound,
    UsbFound,
    keyboards,
    usb_devices,
    usb_printers,
)
from menpiao.terminals.ports.serial_port import SerialTransport


class SerialPrinter:
    """A printer on a line that understands one rate; `paper` is what came out."""

    def __init__(self, rate: int) -> None:
        self.line = SimulatedLine(self._receive)
        self.paper: list[object] = []
        self._rate = rate
        self._interpreter = Interpreter(PROFILES["generic-80"])

    def _receive(self, data: bytes) -> None:
        if self.line.host_baud != self._rate:
            data = b"?" * len(data)  # what a wrong rate leaves in its buffer
        self.paper += self._interpreter.feed(data)
        for number in self._interpreter.status_requests:
            self.line.write(status.answer(status.PAPER_OUT_BITS if number == status.PAPER else 0))
        self._interpreter.status_requests.clear()

    def rest(self) -> list[object]:
        """What a line end would bring to paper now."""
        return [*self.paper, *self._interpreter.end()]


def test_a_serial_printer_is_found_at_its_rate_and_has_nothing_to_print_afterwards() -> None:
    async def main() -> None:
        printer = SerialPrinter(38_400)
        printer.line.plug()
        try:
            found = await look_at_serial(SerialFound(str(printer.line.path)))
        finally:
            printer.line.clean()
        (device,) = found.devices
        assert device.table == Printer(kind="serial", device=str(printer.line.path), baud=38_400)
        assert (device.sure, device.trouble) == (Sure.CERTAIN, "paper_out")
        assert printer.rest() == []

    asyncio.run(main())


@pytest.mark.parametrize("rate", [115_200, 57_600, 38_400, 19_200, 9_600])
def test_a_reader_is_found_at_every_rate_and_no_card_is_looked_for(rate: int) -> None:
    async def main() -> Found:
        async with SimulatedReader(only_at=rate) as reader:
            return await look_at_serial(SerialFound(reader.port))

    (device,) = asyncio.run(main()).devices
    assert (device.part, device.sure) == (Part.READER, Sure.CERTAIN)
    assert device.values["sam_id"] == "05.03-20200101-0000012345-0123456789"
    assert device.where.endswith(f" · {rate}")


def test_boards_are_asked_for_counters_and_inputs_alone() -> None:
    async def main() -> None:
        async with (
            SimulatedRs485() as line,
            SimulatedRs485Converter() as converter,
            SimulatedModbusRtu() as modbus,
            SimulatedLcus() as relay,
        ):
            founds = await asyncio.gather(
                look_at_serial(SerialFound(line.port)),
                look_at_network(*converter.address),
                look_at_serial(SerialFound(modbus.port)),
                look_at_serial(SerialFound(relay.port, "USB Serial", 0x1A86, 0x7523)),
                look_at_serial(SerialFound(relay.port.replace("port", "none"))),
            )
            tables = [[one.table for one in found.devices] for found in founds]
            host, port = converter.address
            profile = "rs485_turnstile"
            assert tables == [
                [Barrier(kind="frames", port=line.port, profile=profile)],
                [Barrier(kind="frames", host=host, tcp_port=port, profile=profile)],
                [Barrier(kind="modbus_rtu", port=modbus.port)],
                [Barrier(kind="lcus", port=relay.port)],
                [],
            ]
            assert founds[3].devices[0].sure is Sure.POSSIBLE
            assert {frame[7] for frame in line.board.frames + converter.board.frames} == {0xFF}
            assert not modbus.board.writes
            assert not relay.frames

    asyncio.run(main())


def test_a_port_that_others_use_is_left_alone() -> None:
    async def main() -> None:
        async with SimulatedReader() as reader:
            held = await SerialTransport(reader.port).connect()
            try:
                found = await look_at_serial(SerialFound(reader.port))
            finally:
                held.close()
            assert [one.why for one in found.closed] == ["closed_busy"]
            assert not found.devices

    asyncio.run(main())


def test_one_port_is_open_to_one_question_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """All ports beside each other; no port twice."""
    opened: list[str] = []
    most = 0
    connect = SerialTransport.connect

    async def counted(self: SerialTransport):
        nonlocal most
        assert self.port not in opened
        opened.append(self.port)
        most = max(most, len(opened))
        connection = await connect(self)
        close = connection.close

        def closing() -> None:
            opened.remove(self.port)
            close()

        monkeypatch.setattr(connection, "close", closing)
        return connection

    monkeypatch.setattr(SerialTransport, "connect", counted)

    async def main() -> None:
        lines = [SimulatedLine(lambda _: None) for _ in range(3)]
        for line in lines:
            line.plug()
        places = tuple(Address(Way.SERIAL, path=str(line.path)) for line in lines)
        found = await scan(places, lambda *_: None, usb=False)
        for line in lines:
            line.clean()
        assert len(found.free) == 3
        assert most == 3
        assert not opened

    asyncio.run(main())


def test_printers_on_the_network() -> None:
    async def main() -> None:
        async with SimulatedPrinter() as printer:
            printer.fault = Fault.COVER_OPEN
            (open_one,) = (await look_at_network(*printer.address)).devices
            printer.fault = Fault.SILENT
            silent = await look_at_network(*printer.address)
        assert (open_one.sure, open_one.trouble) == (Sure.CERTAIN, "cover_open")
        assert [one.why for one in silent.closed] == ["closed_unknown"]
        gone = await look_at_network(*printer.address)
        assert [one.why for one in gone.closed] == ["closed_absent"]

    asyncio.run(main())


def planted_usb(folder: Path, **devices: tuple[str, str, str]) -> Path:
    for name, (vendor, product, kind) in devices.items():
        place = folder / name
        (place / f"{name}:1.0").mkdir(parents=True)
        (place / "idVendor").write_text(f"{vendor}\n")
        (place / "idProduct").write_text(f"{product}\n")
        (place / "product").write_text(f"Thing {name}\n")
        (place / f"{name}:1.0" / "bInterfaceClass").write_text(f"{kind}\n")
    return folder


def test_usb_devices_are_known_by_their_descriptors(tmp_path: Path) -> None:
    reader, paper = ("0400", "c35a", "ff"), ("0416", "5011", "07")
    folder = planted_usb(tmp_path / "bus", a=reader, b=paper, c=("1d6b", "0002", "09"))
    (folder / "usb1").mkdir()
    devices = usb_devices(folder)
    assert devices[0] == UsbFound(0x0400, 0xC35A, frozenset({0xFF}), "Thing a")
    assert [one.table for one in of_usb(devices, ()).devices] == [
        Reader(kind="usb"),
        Printer(kind="usb"),
    ]
    (tmp_path / "usb").mkdir()
    (tmp_path / "usb" / "lp0").touch()
    with_file = of_usb(devices, usb_printers(tmp_path / "usb")).of(Part.PRINTER)
    assert [one.table for one in with_file] == [
        Printer(kind="usb", device=str(tmp_path / "usb/lp0"))
    ]
    assert usb_devices(tmp_path / "none") == ()


def test_keyboards_are_named_and_not_opened(tmp_path: Path) -> None:
    names, titles = tmp_path / "by-id", tmp_path / "input"
    names.mkdir()
    for number, (link, title) in enumerate(
        (("usb-A-event-kbd", "NT USB BarCode Scanner"), ("usb-B-event-kbd", "Keyboard"))
    ):
        (tmp_path / f"event{number}").touch()
        (names / link).symlink_to(tmp_path / f"event{number}")
        (titles / f"event{number}" / "device").mkdir(parents=True)
        (titles / f"event{number}" / "device" / "name").write_text(title)
    (names / "usb-B-event-mouse").touch()
    found = keyboards(names, titles)
    assert found[0] == KeyboardFound(str(names / "usb-A-event-kbd"), "NT USB BarCode Scanner")
    sure = [of_keyboard(one).devices[0].sure for one in found]
    assert sure == [Sure.LIKELY, Sure.POSSIBLE]


def test_the_surest_comes_first() -> None:
    one, two = (
        Finding(Part.SCANNER, Scanner(port=f"/{sure}"), sure, "", "how_typed")
        for sure in (Sure.POSSIBLE, Sure.LIKELY)
    )
    assert Found([one, two]).of(Part.SCANNER) == [two, one]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/dev/ttyUSB0", Address(Way.SERIAL, path="/dev/ttyUSB0")),
        (
            "/dev/input/by-id/usb-x-event-kbd",
            Address(Way.KEYBOARD, path="/dev/input/by-id/usb-x-event-kbd"),
        ),
        ("/dev/usb/lp1", Address(Way.USB, path="/dev/usb/lp1")),
        ("usb", Address(Way.USB)),
        ("/opt/vendor/libsdtapi.so", Address(Way.VENDOR, path="/opt/vendor/libsdtapi.so")),
        ("file:/tmp/slips", Address(Way.FILE, path="/tmp/slips")),
        ("/tmp/menpiao-none", Address(Way.FILE, path="/tmp/menpiao-none")),
        ("keyboard:/tmp/x", Address(Way.KEYBOARD, path="/tmp/x")),
        ("192.168.1.50", Address(Way.TCP, host="192.168.1.50", tcp_port=9100)),
        (" reader.lan:4001 ", Address(Way.TCP, host="reader.lan", tcp_port=4001)),
        ("tcp:usb:4001", Address(Way.TCP, host="usb", tcp_port=4001)),
        ("[::1]:4001", Address(Way.TCP, host="::1", tcp_port=4001)),
        ("listen:4001", Address(Way.LISTEN, tcp_port=4001)),
    ],
)
def test_an_address_is_understood(text: str, address: Address) -> None:
    assert read_address(text, 9100) == address


@pytest.mark.parametrize(
    "text", ["", "a b:1", "host:", "host:0", "host:65536", "host:x", "listen:", "serial:ttyUSB0"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        read_address(text)


def test_a_terminal_is_a_serial_port_by_what_it_is() -> None:
    ours, theirs = pty.openpty()
    try:
        assert read_address(os.ttyname(theirs)).way is Way.SERIAL
    finally:
        os.close(ours)
        os.close(theirs)
