"""Text before the photo: told early, confirmed or taken back; photos only where wanted."""

import asyncio

import pytest
from tests.terminals.parts.reader.lane import FAST, a_lane

from menpiao.simulation.cards import resident
from menpiao.simulation.mishaps import Mishap
from menpiao.simulation.reader import SimulatedReader
from menpiao.simulation.safe_module import Op
from menpiao.terminals.parts.reader.base import CardPresented, CardProvisional, CardWithdrawn
from menpiao.terminals.parts.reader.sam_v import Options
from menpiao.terminals.parts.reader.timings import Timings

CARD = resident("11010519491231002X", "李样例")
EARLY = Options(timings=FAST, early=True)


def told(lane) -> list[type]:
    kinds = (CardPresented, CardProvisional, CardWithdrawn)
    return [type(event) for event in lane.events if isinstance(event, kinds)]


def test_the_number_is_there_long_before_the_photo() -> None:
    async def main() -> None:
        at = []
        slow = SimulatedReader(baud=9600)
        async with a_lane(slow, Options(timings=Timings(), early=True)) as (sim, lane):
            loop = asyncio.get_running_loop()
            sim.lay(CARD)
            for kind in (CardProvisional, CardPresented):
                await lane.until(lambda kind=kind: kind in told(lane), 10)
                at.append(loop.time())
            assert told(lane) == [CardProvisional, CardPresented]
            # 1025 more bytes at 9600 baud take 1.07 s on the wire.
            assert at[1] - at[0] > 0.9

    asyncio.run(main())


@pytest.mark.parametrize("flip_at", [300, 1200, -1])
def test_a_damaged_photo_takes_the_number_back(flip_at: int) -> None:
    async def main() -> None:
        async with a_lane(options=EARLY) as (sim, lane):
            sim.spoil(Mishap(flip_at=flip_at, split_at=290, pause_s=0.02), on=Op.READ, times=2)
            sim.lay(CARD)
            await lane.until(lambda: CardWithdrawn in told(lane))
            assert told(lane)[:2] == [CardProvisional, CardWithdrawn]
            await lane.until_cards(1)

    asyncio.run(main())


def test_nothing_is_told_early_unless_asked_for() -> None:
    async def main() -> None:
        async with a_lane() as (sim, lane):
            sim.spoil(Mishap(split_at=290, pause_s=0.02), on=Op.READ)
            sim.lay(CARD)
            await lane.until_cards(1)
            assert told(lane) == [CardPresented]

    asyncio.run(main())


@pytest.mark.parametrize("wanted", [False, True])
def test_a_photo_leaves_the_driver_only_where_wanted(wanted: bool) -> None:
    async def main() -> None:
        photo = bytes(range(256)) * 4
        card = resident("11010519491231002X", "李样例")
        with_photo = type(card)(card.text, photo)
        async with a_lane(options=Options(timings=FAST, keep_photo=wanted)) as (sim, lane):
            sim.lay(with_photo)
            await lane.until_cards(1)
            assert lane.cards[0].photo == (photo if wanted else b"")
            assert "photo" not in repr(lane.cards[0])

    asyncio.run(main())
