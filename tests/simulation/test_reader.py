"""The simulated reader answers as the protocol's worked exchanges do (T1, T21)."""

import asyncio

import pytest
import serial

from menpiao.simulation.cards import RESIDENT, SimulatedCard
from menpiao.simulation.reader import SimulatedReader
from menpiao.simulation.safe_module import Op, SafeModule, Unlifted

ADDRESS = SimulatedCard(RESIDENT.text, addresses=("北京市海淀区示例路9号",))
PREAMBLE = bytes.fromhex("AAAAAA9669")


def exchange(module: SafeModule, request: str) -> bytes:
    answers = list(module.receive(PREAMBLE + bytes.fromhex(request)))
    assert len(answers) == 1
    frame = answers[0][1]
    assert frame.startswith(PREAMBLE)
    return frame[5:]


@pytest.mark.parametrize(
    ("card", "request_", "answer"),
    [
        (None, "0003 11FF ED", "0004 0000 90 94"),
        (None, "0003 10FF EC", "0004 0000 90 94"),
        (None, "0004 61FF 50 CA", "0004 0000 90 94"),
        (None, "0003 6004 67", "0004 0000 90 94"),
        (None, "0003 12FF EE", "0014 0000 90 05000300A53A34013930000015CD5B07 A5"),
        (None, "0003 2001 22", "0004 0000 80 84"),
        (None, "0003 2002 21", "0004 0000 81 85"),
        (None, "0003 3001 32", "0004 0000 41 45"),
        (RESIDENT, "0003 2001 22", "0008 0000 9F 00000000 97"),
        (RESIDENT, "0003 2002 21", "000C 0000 90 0000000000000000 9C"),
        (RESIDENT, "0003 3003 30", "0004 0000 91 95"),
        (RESIDENT, "0003 3002 31", "0004 0000 21 25"),
        (RESIDENT, "0003 3004 37", "0004 0000 21 25"),
        (None, "0003 2001 21", "0004 0000 10 14"),
        (None, "0001 2001 21", "0004 0000 11 15"),
    ],
)
def test_exchanges(card: SimulatedCard | None, request_: str, answer: str) -> None:
    module = SafeModule()
    if card:
        module.lay(card)
    assert exchange(module, request_) == bytes.fromhex(answer)


def test_an_additional_address() -> None:
    module = SafeModule()
    module.lay(ADDRESS)
    answer = exchange(module, "0003 3003 30")
    assert (answer[:2].hex(), len(answer), answer[-1]) == ("004a", 76, 0x86)
    assert answer[5:-1].decode("utf-16-le").rstrip() == "北京市海淀区示例路9号"
    module.lay(SimulatedCard(RESIDENT.text, addresses=("甲",) * 4))
    assert len(exchange(module, "0003 3003 30")) == 280 + 6


def test_management_number() -> None:
    module = SafeModule()
    module.lay(RESIDENT)
    assert exchange(module, "0003 3005 36")[:5].hex() == "0020000090"


def test_the_card_answer_has_the_written_head() -> None:
    module = SafeModule()
    module.lay(RESIDENT)
    answer = exchange(module, "0003 3001 32")
    assert answer[:9].hex() == "050800009001000400"
    assert len(answer) == 1290
    assert answer[-1] == 0xDB


def test_both_ways_of_an_unlifted_card() -> None:
    for unlifted, again in ((Unlifted.FOUND_AGAIN, 0x9F), (Unlifted.NONE_UNTIL_LIFTED, 0x80)):
        module = SafeModule(unlifted=unlifted)
        module.lay(RESIDENT)
        module.answer(Op.READ)
        assert module.answer(Op.FIND)[9] == again
        module.lift()
        module.lay(RESIDENT)
        assert module.answer(Op.FIND)[9] == 0x9F


def test_an_ordinary_program_reads_the_port_of_a_threaded_reader() -> None:
    sim = SimulatedReader()
    with sim.threaded() as in_its_loop:
        sim.lay(RESIDENT)
        with serial.Serial(sim.port, 115_200, timeout=2, exclusive=True) as port:
            port.write(PREAMBLE + bytes.fromhex("0003300132"))
            assert port.read(1295)[-1] == 0xDB
            in_its_loop(sim.unplug)
            with pytest.raises(serial.SerialException):
                port.read(1)
        in_its_loop(sim.plug)
        with serial.Serial(sim.port, 115_200, timeout=2, exclusive=True) as port:
            port.write(PREAMBLE + bytes.fromhex("000311FFED"))
            assert port.read(11).hex() == "aaaaaa96690004000090" + "94"


def test_the_port_vanishes_at_the_end() -> None:
    async def main() -> None:
        async with SimulatedReader() as sim:
            assert sim.path.exists()
        assert not sim.path.exists()
        assert not sim.path.parent.exists()

    asyncio.run(main())
