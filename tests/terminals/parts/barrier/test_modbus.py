"""Modbus boards, RTU and TCP: our driver against pymodbus' server, and the bytes on the line."""

import asyncio

from tests.terminals.parts.barrier.lane import running, walks

from menpiao.simulation.modbus import SimulatedModbusRtu, SimulatedModbusTcp
from menpiao.terminals.parts.barrier.base import (
    Acknowledged,
    AlarmChanged,
    BarrierFault,
    BarrierReady,
    BarrierState,
    Hold,
    HoldChanged,
    Opened,
    Opening,
    OpeningEnded,
)
from menpiao.terminals.parts.barrier.modbus import ModbusBoard, RtuWay, TcpWay, Wiring

WIRING = Wiring(pulse_s=0.05)


def test_the_bytes_of_rtu_are_those_of_the_manuals() -> None:
    async def main() -> None:
        async with SimulatedModbusRtu() as sim:
            async with running(ModbusBoard(RtuWay(sim.port), WIRING)) as lane:
                await lane.first(BarrierReady)
                lane.barrier.open(Opening("a"))
                opened = await lane.first(Opened)
                assert opened == Opened("a", 1, 1, Acknowledged.OPENED)
                await walks(sim.turnstile)
                assert (await lane.first(OpeningEnded)).passed == 1
                sim.turnstile.alarm = True
                assert (await lane.first(AlarmChanged)).on
            sent, answered = b"".join(sim.sent), b"".join(sim.answered)
            on, off = bytes.fromhex("01050000FF008C3A"), bytes.fromhex("010500000000CDCA")
            inputs = bytes.fromhex("010200000002F9CB")
            assert sent.startswith(off)
            assert sent.index(inputs) < sent.index(on)
            rest = sent.replace(on, b"").replace(off, b"").replace(inputs, b"")
            assert rest == b""
            assert bytes.fromhex("010201016048") in answered
            assert bytes.fromhex("01020100A188") in answered
            assert answered.count(on) == sent.count(on) == 1

    asyncio.run(main())


def test_a_group_passes_one_by_one_over_tcp() -> None:
    async def main() -> None:
        async with (
            SimulatedModbusTcp() as sim,
            running(ModbusBoard(TcpWay(*sim.address), WIRING)) as lane,
        ):
            await lane.first(BarrierReady)
            lane.barrier.open(Opening("a", people=3))
            for number in (1, 2, 3):
                await walks(sim.turnstile)
                await lane.until(lambda number=number: len(lane.passages) == number)
                assert not sim.turnstile.walk(), "one pulse lets one person through"
                await asyncio.sleep(0.16)  # the input opens again behind each person
            await lane.first(OpeningEnded)
            assert lane.ends == [("a", 3, "done")]
            assert [(o.first, o.last) for o in lane.of(Opened)] == [(1, 1), (2, 2), (3, 3)]
            assert sim.board.coils == {0: False}

    asyncio.run(main())


def test_nobody_comes() -> None:
    async def main() -> None:
        async with (
            SimulatedModbusTcp() as sim,
            running(ModbusBoard(TcpWay(*sim.address), WIRING)) as lane,
        ):
            await lane.first(BarrierReady)
            lane.barrier.open(Opening("a", people=2, within_s=0.2))
            await lane.first(OpeningEnded)
            assert lane.ends == [("a", 0, "timed_out")]
            assert lane.barrier.state is BarrierState.CLOSED

    asyncio.run(main())


def test_held_open_people_walk_through_and_are_counted() -> None:
    async def main() -> None:
        async with (
            SimulatedModbusTcp() as sim,
            running(ModbusBoard(TcpWay(*sim.address), WIRING)) as lane,
        ):
            await lane.first(BarrierReady)
            lane.barrier.hold(Hold.OPEN)
            assert (await lane.first(HoldChanged)).hold is Hold.OPEN
            assert lane.barrier.state is BarrierState.HELD_OPEN
            assert sim.board.coils[0]
            sim.turnstile.force()
            await lane.until(lambda: lane.passages == [("in", "free", "", 1)])
            lane.barrier.hold(Hold.NONE)
            await lane.first(HoldChanged, 2)
            assert not sim.board.coils[0]

    asyncio.run(main())


def test_a_board_that_refuses_is_the_wrong_one() -> None:
    async def main() -> None:
        async with SimulatedModbusTcp() as sim:
            sim.board.refusing = True
            async with running(ModbusBoard(TcpWay(*sim.address), WIRING)) as lane:
                assert (await lane.first(BarrierFault)).code.value == "refused"
                assert lane.barrier.state is BarrierState.FAULT
                lane.barrier.open(Opening("a"))
                await lane.first(OpeningEnded)
                assert lane.ends == [("a", 0, "failed")]
                sim.board.refusing = False
                await lane.first(BarrierReady)

    asyncio.run(main())


def test_a_board_that_vanishes_from_the_network_and_comes_back() -> None:
    async def main() -> None:
        async with (
            SimulatedModbusTcp() as sim,
            running(ModbusBoard(TcpWay(*sim.address), WIRING)) as lane,
        ):
            await lane.first(BarrierReady)
            await sim.unplug()
            fault = await lane.first(BarrierFault)
            assert fault.code.value in {"port_lost", "port_absent"}
            assert lane.barrier.state is BarrierState.OFFLINE
            await sim.plug()
            await lane.first(BarrierReady, 2)
            lane.barrier.open(Opening("b"))
            await walks(sim.turnstile)
            await lane.first(OpeningEnded)
            assert lane.ends == [("b", 1, "done")]

    asyncio.run(main())
