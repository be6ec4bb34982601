"""An ask is noted while the card's photo is on the line, and asked once the card is whole."""

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

from tests.terminals.gate.lane import Lane, a_lane
from tests.terminals.parts.link.centre import Centre, Reply, answer, until
from tests.terminals.parts.reader.lane import FAST

from menpiao.domain.reasons import WORDINGS, Reason
from menpiao.simulation.cards import HMT, RESIDENT
from menpiao.simulation.mishaps import Mishap
from menpiao.simulation.safe_module import Op
from menpiao.wire.check import Ask

PATIENT = replace(FAST, stalled_s=3.0, read_first_s=3.0, read_whole_s=4.0)
PHOTO_LATE = Mishap(split_at=290, pause_s=0.3)
DAMAGED = Mishap(flip_at=1200, split_at=290, pause_s=0.02)


def outcomes(lane: Lane) -> list[str]:
    if not lane.journal_path.exists():
        return []
    try:
        return [row["outcome"] for row in lane.rows()]
    except sqlite3.OperationalError:
        return []  # the lane has not written anything yet


def test_the_ask_is_on_disk_before_the_photo_has_come_and_is_asked_after_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_lane(tmp_path, reader=PATIENT) as lane:
            await lane.idle()
            lane.sim.spoil(PHOTO_LATE, on=Op.READ)
            lane.sim.lay(RESIDENT)
            await until(lambda: outcomes(lane) == ["asked"])
            assert lane.centre.asks == [], "nothing is asked before the card is whole"
            await lane.shows("请通行")
            (ask,), (row,) = lane.centre.asks, lane.rows()
            assert (row["nonce"], row["times"]) == (ask.nonce, 1)

    asyncio.run(main())


def test_a_card_that_was_damaged_on_the_way_was_not_asked_for(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_lane(tmp_path) as lane:
            await lane.idle()
            lane.sim.spoil(DAMAGED, on=Op.READ, times=2)
            lane.sim.lay(RESIDENT)
            await lane.shows("请通行")
            await until(lambda: outcomes(lane)[-1] == "admitted")
            first, second = lane.rows()
            assert (first["outcome"], first["reason"]) == ("no_answer", "withdrawn")
            assert [ask.nonce for ask in lane.centre.asks] == [second["nonce"]]

    asyncio.run(main())


def test_another_card_than_the_one_that_was_noted_has_an_ask_of_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_lane(tmp_path) as lane:
            await lane.idle()
            # The line is cut in the photo, and the next card lies there when it is back.
            lane.sim.spoil(Mishap(disconnect_at=290), on=Op.READ)
            lane.sim.lay(RESIDENT)
            await until(lambda: outcomes(lane) == ["asked"])
            await until(lambda: lane.last.state == "fault")
            lane.sim.lay(HMT)
            lane.sim.plug()
            await lane.shows("请通行")
            await until(lambda: outcomes(lane)[-1] == "admitted")
            first, second = lane.rows()
            assert (first["kind"], first["outcome"]) == ("resident_card", "no_answer")
            assert second["kind"] == "hmt_residence_permit"
            assert [ask.nonce for ask in lane.centre.asks] == [second["nonce"]]

    asyncio.run(main())


def test_what_could_not_be_noted_ahead_is_not_asked(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_lane(tmp_path, reader=PATIENT) as lane:
            await lane.idle()
            lane.journal_path.mkdir()  # what cannot be opened as a file
            lane.sim.spoil(PHOTO_LATE, on=Op.READ)
            lane.sim.lay(RESIDENT)
            await lane.shows(WORDINGS[Reason.NEEDS_STAFF].zh)
            assert lane.centre.asks == []
            lane.journal_path.rmdir()
            await lane.idle()

    asyncio.run(main())


def test_a_card_without_an_answer_keeps_its_nonce_also_when_noted_ahead(tmp_path: Path) -> None:
    async def main() -> None:
        told: list[Ask] = []

        def reply(ask: Ask) -> Reply:
            told.append(ask)
            return None if len(told) == 1 else answer(ask)

        async with a_lane(tmp_path, Centre(reply), reader=PATIENT) as lane:
            await lane.idle()
            lane.sim.spoil(PHOTO_LATE, on=Op.READ)
            lane.sim.lay(RESIDENT)
            await until(lambda: outcomes(lane) == ["no_answer"])
            lane.sim.lift()
            await asyncio.sleep(1.0)  # until the reader takes it for a new presentation
            lane.sim.spoil(PHOTO_LATE, on=Op.READ)
            lane.sim.lay(RESIDENT)
            await lane.shows("请通行")
            await until(lambda: outcomes(lane) == ["admitted"])
            assert len({ask.nonce for ask in told}) == 1
            assert lane.rows()[0]["times"] == 2

    asyncio.run(main())
