"""A lane from card to answer, and everything that must not let anybody in."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from tests.terminals.gate.lane import a_lane
from tests.terminals.parts.link.centre import Centre, Reply, answer, send, until

from menpiao.compose.lane import network_printer
from menpiao.domain.reasons import WORDINGS, Reason
from menpiao.simulation.cards import HMT, RESIDENT, SAMPLES
from menpiao.simulation.printer import Fault as PrinterFault
from menpiao.simulation.printer import SimulatedPrinter
from menpiao.terminals.parts.printer.base import PrintOutcome, Slip
from menpiao.wire.check import Ask, Command, Fault

NUMBER = "11010519491231002X"


def test_a_ticket_holder_walks_in_and_gets_a_slip(tmp_path: Path) -> None:
    async def main() -> None:
        async with SimulatedPrinter() as paper:
            printer = network_printer(*paper.address)
            async with a_lane(tmp_path, printer=printer) as lane:
                await lane.idle()
                lane.sim.lay(RESIDENT)
                await lane.shows("请通行")
                assert lane.last.holder == "李**"
                assert lane.last.people == 1
                assert (await lane.state_json())["view"]["signal"] == "admit"
                await until(lambda: paper.count == 1)
                assert any("T0000000001" in line for line in paper.slips[0].lines)
                assert any("10:00:00" in line for line in paper.slips[0].lines)
                lane.sim.lift()
                await lane.idle()
                await until(lambda: lane.rows()[0]["printed"])
                row = lane.rows()[0]
                assert (row["outcome"], row["people"], row["printed"]) == ("admitted", 1, "printed")
                assert lane.centre.asks[0].nonce == row["nonce"]
                assert lane.centre.asks[0].credential.number == NUMBER

    asyncio.run(main())


def test_the_journal_knows_the_ask_before_the_centre(tmp_path: Path) -> None:
    async def main() -> None:
        found: list[str] = []

        def reply(ask: Ask) -> Reply:
            with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as connection:
                query = "select outcome from asks where nonce = ?"
                found.extend(row[0] for row in connection.execute(query, (ask.nonce,)))
            return answer(ask)

        async with a_lane(tmp_path, Centre(reply)) as lane:
            await lane.idle()
            lane.sim.lay(RESIDENT)
            await lane.shows("请通行")
            assert found == ["asked"]

    asyncio.run(main())


def test_nothing_on_the_disk_tells_the_document(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_lane(tmp_path) as lane:
            await lane.idle()
            lane.sim.lay(RESIDENT)
            await lane.shows("请通行")
            for path in tmp_path.iterdir():  # noqa: ASYNC240
                data = path.read_bytes()
                assert NUMBER.encode() not in data
                assert "李".encode() not in data

    asyncio.run(main())


@pytest.mark.parametrize(
    "reason", [Reason.NO_TICKET, Reason.ALREADY_USED, Reason.SITE_CLOSED, Reason.DOCUMENT_INVALID]
)
def test_a_refusal_says_why_and_what_next(tmp_path: Path, reason: Reason) -> None:
    async def main() -> None:
        async with a_lane(tmp_path, Centre(lambda ask: answer(ask, reason))) as lane:
            await lane.idle()
            lane.sim.lay(RESIDENT)
            await lane.shows(WORDINGS[reason].zh)
            assert lane.last.zh_next == WORDINGS[reason].zh_next
            assert "admit" not in lane.signals

    asyncio.run(main())


def test_silence_sends_to_the_manual_lane_and_the_same_card_asks_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_lane(tmp_path, Centre(lambda _: None)) as lane:
            await lane.idle()
            lane.sim.lay(RESIDENT)
            await lane.shows("请走人工通道")
            assert "wait" in lane.signals
            assert "admit" not in lane.signals
            lane.sim.lift()
            await lane.idle()
            assert lane.rows()[0]["outcome"] == "no_answer"
            # The centre may have decided: the card is asked for under the nonce it had.
            lane.centre.reply = answer
            lane.sim.lay(RESIDENT)
            await lane.shows("请通行")
            assert len({ask.nonce for ask in lane.centre.asks}) == 1
            assert [row["times"] for row in lane.rows()] == [2]

    asyncio.run(main())


def test_a_cut_in_the_middle_is_not_seen_by_the_visitor(tmp_path: Path) -> None:
    async def main() -> None:
        replies: list[Reply] = ["cut"]

        def reply(ask: Ask) -> Reply:
            return replies.pop() if replies else answer(ask)

        async with a_lane(tmp_path, Centre(reply)) as lane:
            await lane.idle()
            lane.sim.lay(RESIDENT)
            await lane.shows("请通行")
            assert [ask.nonce for ask in lane.centre.asks] == [lane.rows()[0]["nonce"]] * 2
            assert "refuse" not in lane.signals

    asyncio.run(main())


def test_no_centre_no_entry(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_lane(tmp_path) as lane:
            await lane.idle()
            await lane.centre.stop()
            await lane.shows("请走人工通道")
            assert lane.last.signal.value == "caution"
            lane.sim.lay(RESIDENT)
            await until(lambda: lane.last.state == "showing_refuse")
            assert "admit" not in lane.signals
            await lane.centre.start()
            await lane.idle()

    asyncio.run(main())


def test_a_late_admission_opens_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_lane(tmp_path, Centre(lambda _: None)) as lane:
            await lane.idle()
            lane.sim.lay(RESIDENT)
            await lane.shows("请走人工通道")
            await send(lane.centre.links[-1], answer(lane.centre.asks[0]))
            await until(lambda: lane.rows()[0]["outcome"] == "late")
            assert "admit" not in lane.signals

    asyncio.run(main())


def strange_replies() -> list[object]:
    return [
        lambda ask: answer(ask, nonce="another-nonce"),
        lambda ask: answer(ask, people=0),
        lambda ask: Fault(code="not_permitted", text="", nonce=ask.nonce),
        lambda ask: Fault(code="token_reused", text="", nonce=ask.nonce),
        lambda ask: Fault(code="device_revoked", text="", nonce=ask.nonce),
    ]


@pytest.mark.parametrize("reply", strange_replies())
def test_no_other_message_admits(tmp_path: Path, reply: object) -> None:
    async def main() -> None:
        async with a_lane(tmp_path, Centre(reply)) as lane:
            await lane.idle()
            await send(lane.centre.links[0], Command(id="1", action="open_once"))
            lane.sim.lay(RESIDENT)
            await until(lambda: lane.last.state == "showing_refuse")
            await asyncio.sleep(0.6)
            assert "admit" not in lane.signals

    asyncio.run(main())


def test_a_revoked_lane_says_so_and_comes_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_lane(tmp_path) as lane:
            await lane.idle()
            lane.centre.refusal = Fault(code="device_revoked", text="")
            lane.centre.cut()
            await lane.shows("设备已停用")
            assert lane.last.state == "out_of_service"
            lane.centre.refusal = None
            await lane.idle()

    asyncio.run(main())


def test_a_card_left_lying_asks_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_lane(tmp_path) as lane:
            await lane.idle()
            lane.sim.lay(RESIDENT)
            await lane.shows("请通行")
            await asyncio.sleep(0.8)
            assert len(lane.centre.asks) == 1

    asyncio.run(main())


def test_the_next_visitor_need_not_wait(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_lane(tmp_path) as lane:
            await lane.idle()
            cards = list(SAMPLES.values())[:5]
            began = asyncio.get_running_loop().time()
            for count, card in enumerate(cards, start=1):
                lane.sim.lay(card)
                await until(lambda n=count: lane.signals.count("admit") == n)
            # Five answers, each of which would be held for 0.4 s if nobody followed.
            assert asyncio.get_running_loop().time() - began < 1.8
            await until(lambda: [row["outcome"] for row in lane.rows()] == ["admitted"] * 5)

    asyncio.run(main())


def test_a_card_that_cannot_be_read_is_asked_for_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_lane(tmp_path) as lane:
            await lane.idle()
            lane.sim.unplug()
            await lane.shows("暂停服务")
            assert lane.last.state == "fault"
            lane.sim.plug()
            await lane.idle()
            lane.sim.lay(HMT)
            await lane.shows("请通行")

    asyncio.run(main())


class Broken:
    """A printer that never ends, or breaks its promise not to raise."""

    def __init__(self, *, raises: bool) -> None:
        self.raises = raises
        self.ended = asyncio.Event()

    async def print_slip(self, slip: Slip) -> PrintOutcome:
        if self.raises:
            raise RuntimeError("jammed")
        await self.ended.wait()
        return PrintOutcome("failed", "time_out")


@pytest.mark.parametrize("raises", [True, False])
def test_a_broken_printer_holds_nobody_up(tmp_path: Path, raises: bool) -> None:
    async def main() -> None:
        printer = Broken(raises=raises)
        async with a_lane(tmp_path, printer=printer) as lane:
            await lane.idle()
            for count, card in enumerate((RESIDENT, HMT), start=1):
                lane.sim.lay(card)
                await until(lambda n=count: lane.signals.count("admit") == n)
            printer.ended.set()
            await until(lambda: all(row["printed"].startswith("failed") for row in lane.rows()))

    asyncio.run(main())


def test_a_printer_without_paper_is_noted(tmp_path: Path) -> None:
    async def main() -> None:
        async with SimulatedPrinter() as paper:
            paper.fault = PrinterFault.PAPER_OUT
            printer = network_printer(*paper.address)
            async with a_lane(tmp_path, printer=printer) as lane:
                await lane.idle()
                lane.sim.lay(RESIDENT)
                await lane.shows("请通行")
                await until(lambda: lane.rows()[0]["printed"].startswith("failed"))

    asyncio.run(main())


def test_a_broken_journal_closes_the_lane_until_it_works(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_lane(tmp_path) as lane:
            await lane.idle()
            lane.journal_path.mkdir()  # what cannot be opened as a file
            lane.sim.lay(RESIDENT)
            await until(lambda: lane.last.state == "out_of_service")
            assert lane.last.zh == WORDINGS[Reason.NEEDS_STAFF].zh
            assert lane.centre.asks == []
            lane.journal_path.rmdir()
            await lane.idle()
            lane.sim.lay(HMT)
            await lane.shows("请通行")

    asyncio.run(main())


def test_threads_and_files_are_given_back(tmp_path: Path) -> None:
    before = threading.active_count()
    fds = len(list(Path("/proc/self/fd").iterdir()))

    async def main() -> None:
        async with a_lane(tmp_path) as lane:
            await lane.idle()

    asyncio.run(main())
    assert threading.active_count() == before
    assert len(list(Path("/proc/self/fd").iterdir())) == fds


def test_the_centre_hears_how_the_paper_is(tmp_path: Path) -> None:
    async def main() -> None:
        centre = Centre()
        centre.heartbeat_s = 1
        async with SimulatedPrinter() as paper:
            printer = network_printer(*paper.address)
            async with a_lane(tmp_path, centre, printer=printer) as lane:
                await until(lambda: centre.said is not None)
                assert centre.said.paper == ""
                steps = (
                    (PrinterFault.PAPER_LOW, "low"),
                    (PrinterFault.PAPER_OUT, "out"),
                    (PrinterFault.COVER_OPEN, "out"),  # says nothing about paper
                    (PrinterFault.NONE, "ok"),
                )
                for n, (fault, said) in enumerate(steps):
                    await lane.idle()
                    paper.fault = fault
                    lane.sim.lay(HMT if n % 2 else RESIDENT)
                    await until(lambda n=n: lane.signals.count("admit") == n + 1)
                    await until(lambda n=n: lane.rows()[n]["printed"])
                    lane.sim.lift()
                    await until(lambda s=said: centre.said.paper == s)

    asyncio.run(main())
