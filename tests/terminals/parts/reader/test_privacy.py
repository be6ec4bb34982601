"""No document number and no name in any log line."""

import asyncio
import io

import structlog
from tests.terminals.parts.reader.lane import a_lane, card_of

from menpiao.simulation.cards import SAMPLES
from menpiao.simulation.mishaps import Mishap
from menpiao.simulation.safe_module import Op


def test_logs_hold_no_card_data() -> None:
    lines = io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(lines))
    try:
        asyncio.run(_every_trouble())
    finally:
        structlog.reset_defaults()
    logged = lines.getvalue()
    assert "reader_refused" in logged
    for card in map(card_of, SAMPLES.values()):
        assert card.number not in logged
        assert card.name not in logged


async def _every_trouble() -> None:
    async with a_lane() as (sim, lane):
        for count, card in enumerate(SAMPLES.values(), start=1):
            sim.spoil(Mishap(status=0x41), on=Op.READ)
            sim.spoil(Mishap(flip_at=20), on=Op.READ)
            sim.lay(card)
            await lane.until_cards(count)
