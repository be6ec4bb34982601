"""A pulled cable, a port that is not there, a port that somebody else holds (T14, T24)."""

import asyncio
from pathlib import Path

import pytest
import serial
from tests.terminals.parts.reader.lane import a_lane, card_of, running

from menpiao.simulation.cards import HMT, RESIDENT
from menpiao.simulation.mishaps import Mishap
from menpiao.simulation.reader import SimulatedReader
from menpiao.simulation.safe_module import Op
from menpiao.terminals.parts.reader.base import ReaderState
from menpiao.terminals.parts.reader.sam_v import Options
from menpiao.terminals.parts.reader.timings import Timings
from menpiao.terminals.ports.serial_port import SerialTransport


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_unplugged_and_replugged_within_five_seconds_at_ordinary_timings() -> None:
    async def main() -> None:
        async with a_lane(options=Options(timings=Timings())) as (sim, lane):
            sim.unplug()
            await lane.until(lambda: lane.faults == ["port_lost"], timeout_s=5)
            assert lane.reader.state is ReaderState.OFFLINE
            sim.plug()
            sim.lay(RESIDENT)
            await lane.until_cards(1, timeout_s=5)

    asyncio.run(main())


def test_pulled_again_and_again() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            handles = open_files()
            for turn in range(1, 11):
                sim.unplug()
                await lane.until(lambda turn=turn: lane.faults.count("port_lost") >= turn)
                sim.plug()
                await lane.until(lambda turn=turn: lane.ready == turn + 1)
            sim.lay(RESIDENT)
            await lane.until_cards(1)
            assert open_files() <= handles, "no port is left open"

    asyncio.run(main())


@pytest.mark.parametrize("position", [0, 1, 6, 7, 14, 600, 1294])
def test_pulled_in_the_middle_of_an_answer(position: int) -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(disconnect_at=position), on=Op.READ)
            sim.lay(RESIDENT)
            await lane.until(lambda: "port_lost" in lane.faults)
            assert lane.cards == []
            sim.lay(HMT)
            sim.plug()
            await lane.until_cards(1)
            assert lane.cards == [card_of(HMT)]

    asyncio.run(main())


def test_a_port_that_appears_later(tmp_path: Path) -> None:
    async def main() -> None:
        port = tmp_path / "reader"
        async with running(SerialTransport(str(port))) as lane:
            await lane.until(lambda: lane.faults == ["port_absent"])
            async with SimulatedReader(port) as sim:
                sim.lay(RESIDENT)
                await lane.until_cards(1)

    asyncio.run(main())


def test_a_port_held_by_another_process() -> None:
    async def main() -> None:
        async with SimulatedReader() as sim:
            with serial.Serial(sim.port, exclusive=True):
                async with running(SerialTransport(sim.port)) as lane:
                    await lane.until(lambda: lane.faults == ["port_busy"])
            async with running(SerialTransport(sim.port)) as lane:
                await lane.until(lambda: lane.ready == 1)
                with pytest.raises(serial.SerialException):
                    serial.Serial(sim.port, exclusive=True)

    asyncio.run(main())


def test_a_port_that_is_no_serial_port(tmp_path: Path) -> None:
    async def main() -> None:
        plain = tmp_path / "file"
        plain.write_bytes(b"")
        for path in (plain, tmp_path, Path("/dev/null")):
            async with running(SerialTransport(str(path))) as lane:
                await lane.until(lambda lane=lane: len(lane.faults) == 1)
                assert lane.reader.state is ReaderState.OFFLINE

    asyncio.run(main())
