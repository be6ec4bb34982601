"""A lane with a barrier: allowed, opened, passed; commands; a barrier that fails."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.terminals.gate.lane import a_lane
from tests.terminals.parts.barrier.lane import FAST, walks
from tests.terminals.parts.link.centre import Centre, answer, send, until

from menpiao.compose.lane import barrier_of
from menpiao.domain.reasons import Reason
from menpiao.simulation.barrier import SimulatedLcus, SimulatedRs485
from menpiao.simulation.cards import RESIDENT
from menpiao.terminals.gate.config import Barrier, ConfigError
from menpiao.terminals.parts.barrier.base import Direction
from menpiao.terminals.parts.barrier.driver import BoardBarrier
from menpiao.terminals.parts.barrier.frame_board import FrameBoard
from menpiao.terminals.parts.barrier.lcus import LcusBoard
from menpiao.terminals.parts.barrier.templates import built_in
from menpiao.terminals.ports.serial_port import SerialTransport
from menpiao.wire.check import Command


def rs485(board):
    profile = built_in("rs485_turnstile")
    line = FrameBoard(SerialTransport(board.port, profile.baud), profile, query_every_s=0.01)
    return BoardBarrier(line, replace(FAST, one_way=Direction.IN))


def test_a_family_walks_through_one_by_one(tmp_path: Path) -> None:
    async def main() -> None:
        three = Centre(lambda ask: answer(ask, people=3, count=3))
        async with SimulatedRs485() as board, a_lane(tmp_path, three, barrier=rs485(board)) as lane:
            await lane.idle()
            lane.sim.lay(RESIDENT)
            await lane.shows("请通行")
            assert lane.last.people == 3
            await walks(board.turnstile)
            await until(lambda: lane.last.people == 2)
            await walks(board.turnstile)
            await walks(board.turnstile)
            await until(lambda: [p[0] for p in lane.passages()].count("passed") == 3)
            kinds = [kind for kind, _, _ in lane.passages()]
            assert kinds == ["back", *["open_unknown", "passed"] * 3]  # the board says nothing
            nonce = lane.centre.asks[0].nonce
            assert lane.rows()[0]["nonce"] == nonce

    asyncio.run(main())


def test_a_refusal_opens_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        no = Centre(lambda ask: answer(ask, Reason.ALREADY_USED))
        async with SimulatedRs485() as board, a_lane(tmp_path, no, barrier=rs485(board)) as lane:
            await lane.idle()
            lane.sim.lay(RESIDENT)
            await until(lambda: "refuse" in lane.signals)
            lane.sim.lift()
            await lane.idle()
            assert not board.turnstile.walk()
            assert [kind for kind, _, _ in lane.passages()] == ["back"]

    asyncio.run(main())


def test_who_goes_back_is_noted_and_changes_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with SimulatedRs485() as board, a_lane(tmp_path, barrier=rs485(board)) as lane:
            await lane.idle()
            board.turnstile.force("out")
            board.turnstile.force("in")
            await until(lambda: len(lane.passages()) >= 3)
            assert set(lane.passages()[1:]) == {("reverse", 1, "out"), ("tailgating", 1, "in")}
            assert lane.rows() == []

    asyncio.run(main())


def test_a_lane_whose_barrier_fails_admits_nobody_until_it_is_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with SimulatedRs485() as board, a_lane(tmp_path, barrier=rs485(board)) as lane:
            await lane.idle()
            board.line.unplug()
            await until(lambda: lane.last.state == "fault")
            assert lane.last.signal.value == "caution"
            board.line.plug()
            await lane.idle()
            kinds = ["back", "lost", "back"]
            await until(lambda: [kind for kind, _, _ in lane.passages()] == kinds)

    asyncio.run(main())


def test_held_open_everybody_walks_and_no_ticket_is_used(tmp_path: Path) -> None:
    async def main() -> None:
        async with SimulatedRs485() as board, a_lane(tmp_path, barrier=rs485(board)) as lane:
            await lane.idle()
            await send(lane.centre.links[-1], Command(id="c1", action="hold_open"))
            await lane.shows("请直接通行")
            lane.sim.lay(RESIDENT)
            await walks(board.turnstile)
            await until(lambda: ("free", 1, "in") in lane.passages())
            assert lane.centre.asks == []
            lane.sim.lift()
            await send(lane.centre.links[-1], Command(id="c2", action="release"))
            await lane.idle()
            await send(lane.centre.links[-1], Command(id="c3", action="open_once"))
            await walks(board.turnstile)
            await until(lambda: [p[0] for p in lane.passages()].count("passed") == 1)
            assert lane.centre.asks == []

    asyncio.run(main())


def test_a_relay_pulses_for_an_admission(tmp_path: Path) -> None:
    async def main() -> None:
        async with SimulatedLcus() as board:
            relay = BoardBarrier(LcusBoard(SerialTransport(board.port, 9600), pulse_s=0.05), FAST)
            async with a_lane(tmp_path, barrier=relay) as lane:
                await lane.idle()
                board.frames.clear()
                lane.sim.lay(RESIDENT)
                await lane.shows("请通行")
                await until(lambda: bytes.fromhex("A00101A2") in board.frames)
                await until(lambda: board.on.get(1) is False)
                await until(lambda: "open_unknown" in [kind for kind, _, _ in lane.passages()])
                kinds = [kind for kind, _, _ in lane.passages()]
                assert "opened" not in kinds
                assert "passed" not in kinds

    asyncio.run(main())


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (Barrier(), type(None)),
        (Barrier(kind="lcus", port="/dev/x"), LcusBoard),
        (Barrier(kind="frames", port="/dev/x"), FrameBoard),
        (Barrier(kind="frames", host="127.0.0.1"), FrameBoard),
    ],
)
def test_the_configuration_names_the_board(tmp_path: Path, config, kind) -> None:
    made = barrier_of(config, tmp_path / "counters.json")
    assert isinstance(made._board if made else None, kind)


@pytest.mark.parametrize(
    "config",
    [
        Barrier(kind="lcus"),
        Barrier(kind="modbus_tcp"),
        Barrier(kind="frames", port="/dev/x", profile="no-such"),
    ],
)
def test_a_barrier_that_cannot_be_is_a_clear_error(tmp_path: Path, config) -> None:
    with pytest.raises(ConfigError, match="barrier"):
        barrier_of(config, tmp_path / "counters.json")
