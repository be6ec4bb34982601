"""The RS485 board by its profile: bytes of its documents, passages, restarts, mishaps."""

import asyncio
from pathlib import Path

import pytest
from tests.terminals.parts.barrier.boards import a_board, seen
from tests.terminals.parts.barrier.lane import FAST, running, walks

from menpiao.simulation.barrier import Rs485Turnstile, SimulatedRs485, SimulatedRs485Converter
from menpiao.terminals.parts.barrier.base import (
    Acknowledged,
    BarrierReady,
    Direction,
    Opened,
    Opening,
    OpeningEnded,
    Passed,
    Totals,
)
from menpiao.terminals.parts.barrier.driver import Options
from menpiao.terminals.parts.barrier.frame_board import FrameBoard
from menpiao.terminals.parts.barrier.templates import (
    PROFILES,
    FrameParser,
    ProfileError,
    Template,
    built_in,
    load_profile,
)
from menpiao.terminals.ports.tcp import TcpConnectTransport

PROFILE = built_in("rs485_turnstile")
FRAMES = {
    "open_in": "AA 00 01 02 00 00 08 00 00 00 00 00 00 00 00 0B",
    "hold_in": "AA 00 01 02 00 00 08 00 01 00 00 00 00 00 00 0C",
    "close": "AA 00 01 02 00 00 08 00 02 00 00 00 00 00 00 0D",
    "open_out": "AA 00 01 02 00 00 08 00 03 01 00 00 00 00 00 0F",
    "query": "AA 00 01 02 00 0B 08 FF 00 00 00 00 00 00 00 15",
}
STATUS = bytes.fromhex("AA000B12000108000000" + "03E80003E6FA")


@pytest.mark.parametrize("name", FRAMES)
def test_the_frames_of_the_documents(name: str) -> None:
    fields = dict(PROFILE.fields) | {"n": 1}
    assert PROFILE.send[name].build(fields) == bytes.fromhex(FRAMES[name])


def test_the_status_of_the_documents() -> None:
    frames = FrameParser(PROFILE.receive).feed(STATUS)
    assert frames == [("counters", {"in": 1000, "out": 998})]


def test_the_simulated_board_says_the_same() -> None:
    board = Rs485Turnstile()
    board.turnstile.counted = {"in": 1000, "out": 998}
    assert board.receive(bytes.fromhex(FRAMES["query"])) == STATUS


@pytest.mark.parametrize("cut", range(1, 16))
def test_frames_in_pieces_and_in_rubbish(cut: int) -> None:
    parser = FrameParser(PROFILE.receive)
    stream = b"AAAA" + STATUS[:9] + STATUS + b"\xaa" + STATUS
    found = parser.feed(stream[:cut])
    for at in range(cut, len(stream), cut):
        found += parser.feed(stream[at : at + cut])
    assert [values["in"] for _, values in found] == [1000, 1000]


@pytest.mark.parametrize("people", [1, 2, 3, 5])
def test_the_number_of_people_is_never_a_verb(people: int) -> None:
    # A program in the field sent the number where the verb stands: two people closed the gate.
    async def main() -> None:
        async with SimulatedRs485() as sim, running(a_board(sim.port)) as lane:
            await lane.first(BarrierReady)
            lane.barrier.open(Opening("group", people=people))
            for number in range(1, people + 1):
                await walks(sim.turnstile)
                await seen(lane, number)
            await lane.first(OpeningEnded)
            assert lane.ends == [("group", people, "done")]
            orders = [f for f in sim.board.frames if f[7] != 0xFF]
            opens = [f for f in orders if f == bytes.fromhex(FRAMES["open_in"])]
            assert len(opens) == people
            assert {f.hex(" ").upper() for f in orders} <= {FRAMES["open_in"], FRAMES["close"]}
            assert [p.number for p in lane.of(Passed)] == list(range(1, people + 1))
            assert lane.of(Passed)[-1].totals == Totals(people, 0)

    asyncio.run(main())


def test_the_exit_has_a_place_for_the_number() -> None:
    async def main() -> None:
        async with SimulatedRs485() as sim, running(a_board(sim.port)) as lane:
            await lane.first(BarrierReady)
            lane.barrier.open(Opening("out", direction=Direction.OUT))
            opened = await lane.first(Opened)
            assert opened.acknowledged is Acknowledged.UNKNOWN
            await walks(sim.turnstile, "out")
            await lane.first(OpeningEnded)
            assert lane.passages == [("out", "opened", "out", 1)]

    asyncio.run(main())


def test_passages_that_nobody_was_let_in_for() -> None:
    async def main() -> None:
        async with SimulatedRs485() as sim, running(a_board(sim.port)) as lane:
            await lane.first(BarrierReady)
            sim.turnstile.force("in")
            sim.turnstile.force("out")
            await seen(lane, 2)
            kinds = {(p.direction.value, p.kind.value) for p in lane.of(Passed)}
            assert kinds == {("in", "unexpected"), ("out", "reverse")}

    asyncio.run(main())


def test_tail_gating_in_a_group_is_counted_as_the_group() -> None:
    async def main() -> None:
        async with SimulatedRs485() as sim, running(a_board(sim.port)) as lane:
            await lane.first(BarrierReady)
            lane.barrier.open(Opening("a", people=2))
            await lane.first(Opened)
            for _ in range(3):
                sim.turnstile.force()
            await seen(lane, 3)
            await lane.first(OpeningEnded)
            assert lane.ends == [("a", 2, "done")]
            assert [p.kind.value for p in lane.of(Passed)] == ["opened", "opened", "unexpected"]

    asyncio.run(main())


def test_behind_a_converter_with_heart_beats() -> None:
    async def main() -> None:
        async with SimulatedRs485Converter() as sim:
            board = FrameBoard(TcpConnectTransport(*sim.address), PROFILE, query_every_s=0.01)
            async with running(board) as lane:
                await lane.first(BarrierReady)
                lane.barrier.open(Opening("a"))
                await walks(sim.turnstile)
                await lane.first(OpeningEnded)
                sim.hang_up()
                await lane.first(BarrierReady, 2)
                lane.barrier.open(Opening("b"))
                await walks(sim.turnstile)
                await lane.first(OpeningEnded, 2)
                assert lane.ends == [("a", 1, "done"), ("b", 1, "done")]

    asyncio.run(main())


def test_events_of_the_listening_profile() -> None:
    parser = FrameParser(built_in("xor5_events").receive)
    found = parser.feed(bytes.fromhex("EB01C6002C 00 EB01C1002B EB01C10000"))
    assert [name for name, _ in found] == ["passed_out", "passed_in"]


def test_crc16_of_modbus() -> None:
    template = Template.parse("01 05 00 00 FF 00 crc16")
    assert template.build({}) == bytes.fromhex("01050000FF008C3A")
    assert template.match(bytes.fromhex("01050000FF008C3A")) == {}
    assert template.match(bytes.fromhex("01050000FF008C3B")) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("sum8", "sum9x!"), "sum9x!"),
        (("08 00 00 00", "08 00 who 00"), "who"),
        (("query", "ask"), "unknown frames"),
        (("baud = 9600", 'baud = "fast"'), "fast"),
    ],
)
def test_a_profile_that_cannot_be_used(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    text = (PROFILES / "rs485_turnstile.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(*change))
    with pytest.raises(ProfileError, match=f"(?s)mine.*{told}"):
        load_profile(path)


def test_the_default_options_are_for_people() -> None:
    assert FAST.late_s < Options().late_s <= 1
