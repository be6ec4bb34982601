"""A bad line to the board: nobody is counted who did not pass, everybody is who did."""

import asyncio
import random

import pytest
from tests.terminals.parts.barrier.boards import a_board
from tests.terminals.parts.barrier.lane import running, walks

from menpiao.simulation.barrier import SimulatedRs485
from menpiao.terminals.parts.barrier.base import BarrierReady, Opening, OpeningEnded, Passed
from menpiao.terminals.parts.barrier.driver import BoardBarrier
from menpiao.terminals.parts.barrier.modbus import ModbusBoard, TcpWay

STATUS = bytes.fromhex("AA 00 0B 12 00 01 08 00 00 00 00 63 00 00 00")
NOISE = [
    pytest.param(random.Random(4).randbytes(40), id="anything"),
    pytest.param(b"\xaa\x00", id="a beginning"),
    pytest.param(STATUS + b"\x00", id="a wrong sum"),
    pytest.param(b"\xff" * 300, id="a line that floats"),
]


@pytest.mark.parametrize("noise", NOISE)
def test_a_noisy_line_counts_whoever_passed(noise: bytes) -> None:
    async def main() -> None:
        async with SimulatedRs485() as sim, running(a_board(sim.port)) as lane:
            sim.noise = noise
            await lane.first(BarrierReady)
            lane.barrier.open(Opening("a", people=2, within_s=5))
            for _ in range(2):
                await walks(sim.turnstile)
            await lane.first(OpeningEnded)
            assert lane.ends == [("a", 2, "done")]
            assert sum(passed.people for passed in lane.of(Passed)) == 2

    asyncio.run(main())


def test_what_answers_on_the_port_of_a_board_is_none() -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        chance = random.Random(7)
        while await reader.read(256):
            writer.write(b"HTTP/1.1 400 Bad Request\r\n" + chance.randbytes(40))
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with running(ModbusBoard(TcpWay("127.0.0.1", port, answer_s=0.05))) as lane:
            assert isinstance(lane.barrier, BoardBarrier)
            lane.barrier.open(Opening("a", within_s=0.5))
            await lane.first(OpeningEnded)
            assert lane.ends == [("a", 0, "failed")]
            assert not lane.of(BarrierReady)
        server.close()
        await server.wait_closed()

    asyncio.run(main())
