"""What is asked in a set-up stands whatever is answered, and believes only what proves itself."""

import asyncio

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from menpiao.simulation.modbus import SimulatedModbusRtu, SimulatedModbusTcp
from menpiao.terminals.parts.barrier import probe as boards
from menpiao.terminals.parts.barrier.templates import crc16
from menpiao.terminals.parts.printer import probe as printers
from menpiao.terminals.parts.printer import status
from menpiao.terminals.parts.reader import probe as readers
from menpiao.terminals.parts.reader.frame import encode_response
from menpiao.terminals.parts.reader.protocol import NOT_AUTHORISED, SUCCESS
from menpiao.terminals.ports.base import PortError, PortTrouble
from menpiao.terminals.ports.hearing import answer_to
from menpiao.terminals.ports.serial_port import SerialTransport
from menpiao.terminals.ports.tcp import TcpConnectTransport

QUICK_S = 0.005


class Scripted:
    """A device that answers each question with the next of its answers, and then with nothing."""

    def __init__(self, *answers: bytes, breaks: bool = False) -> None:
        self._answers = list(answers)
        self._breaks = breaks
        self._said = bytearray()
        self._changed = asyncio.Event()
        self.asked: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.asked.append(data)
        if self._answers:
            self._said += self._answers.pop(0)
        elif self._breaks:
            raise PortError(PortTrouble.LOST)
        self._changed.set()

    async def read(self) -> bytes:
        while not self._said:
            self._changed.clear()
            await self._changed.wait()
        return self.pending()

    def pending(self) -> bytes:
        data = bytes(self._said)
        self._said.clear()
        return data

    def close(self) -> None:
        pass


async def recognised_as(*answers: bytes) -> set[str]:
    (profile,) = boards.frame_profiles()
    found = {
        "printer": await printers.recognise(Scripted(*answers), QUICK_S),
        "reader": await readers.recognise(Scripted(*answers), QUICK_S),
        "frames": await boards.is_frame_board(Scripted(*answers), profile, QUICK_S),
        "rtu": await boards.is_modbus_rtu(Scripted(*answers), QUICK_S),
        "tcp": await boards.is_modbus_tcp(Scripted(*answers), QUICK_S),
    }
    return {name for name, what in found.items() if what}


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=40), max_size=4))
@example([b"\x12", b"\x12", b"\x12", b"\x12"])
@example([b"\x01\x02\x01\x00\x00\x00"])
@example([b"\xaa\xaa\xaa\x96\x69\x0a\x00\x00"])
@example([b"\x6d\x70\x00\x00\x00\x04\x01\x02\x01"])
def test_garbage_is_nothing(answers: list[bytes]) -> None:
    like_a_printer = [len(one) == 1 and status.is_answer(one[0]) for one in answers[:3]]
    assume((len(answers) == 4 and answers[3]) or not all(like_a_printer) or len(answers) < 3)
    assert asyncio.run(recognised_as(*answers)) == set()


def test_each_is_recognised_by_its_own_answer() -> None:
    inputs = b"\x01\x02\x01\x00"
    well = status.answer()
    for answers, what in (
        ((well, well, well), "printer"),
        ((encode_response(SUCCESS),), "reader"),
        ((encode_response(NOT_AUTHORISED),), "reader"),
        ((inputs + crc16(inputs).to_bytes(2, "little"),), "rtu"),
        ((b"\x6d\x70\x00\x00\x00\x04\x01\x02\x01\x00",), "tcp"),
        ((b"\x6d\x70\x00\x00\x00\x03\x01\x82\x02",), "tcp"),
    ):
        assert asyncio.run(recognised_as(*answers)) == {what}, answers


def test_a_reader_that_is_not_authorised_is_named_so() -> None:
    async def main() -> readers.ModuleSeen | None:
        answers = (encode_response(NOT_AUTHORISED), encode_response(NOT_AUTHORISED))
        return await readers.recognise(Scripted(*answers), QUICK_S)

    assert asyncio.run(main()) == readers.ModuleSeen("", "not_authorised")


def test_a_board_that_refuses_is_a_board() -> None:
    async def main() -> None:
        async with SimulatedModbusTcp() as tcp, SimulatedModbusRtu() as rtu:
            tcp.board.refusing = rtu.board.refusing = True
            way = await TcpConnectTransport(*tcp.address).connect()
            assert await boards.is_modbus_tcp(way, 5.0)
            way.close()
            line = await SerialTransport(rtu.port, 9600).connect()
            assert await boards.is_modbus_rtu(line, 5.0)
            line.close()

    asyncio.run(main())


def test_a_way_that_breaks_is_said() -> None:
    async def main() -> None:
        for ask in (printers.recognise, readers.recognise, boards.is_modbus_rtu):
            with pytest.raises(PortError):
                await ask(Scripted(breaks=True), QUICK_S)

    asyncio.run(main())


def test_what_never_stops_talking_is_heard_only_so_long() -> None:
    class Endless(Scripted):
        async def read(self) -> bytes:
            await asyncio.sleep(0)
            return b"x" * 1000

    async def main() -> int:
        return len(await answer_to(Endless(), b"?", 1.0))

    assert asyncio.run(main()) == 4096
