"""The RS485 board on a simulated port, fast."""

from tests.terminals.parts.barrier.lane import Lane

from menpiao.terminals.parts.barrier.base import (
    Passed,
)
from menpiao.terminals.parts.barrier.frame_board import FrameBoard
from menpiao.terminals.parts.barrier.templates import (
    built_in,
)
from menpiao.terminals.ports.serial_port import SerialTransport

PROFILE = built_in("rs485_turnstile")


def a_board(port: str) -> FrameBoard:
    return FrameBoard(SerialTransport(port, 9600), PROFILE, answer_s=0.1, query_every_s=0.01)


async def seen(lane: Lane, count: int) -> None:
    await lane.until(lambda: len(lane.of(Passed)) >= count)
