"""The statistics server's work behind the scenes: folding, once a second."""

import asyncio

import structlog

from menpiao.centre.statistics.service import StatisticsService

log = structlog.get_logger(__name__)

FOLD_EVERY_S = 1.0
_AFTER_TROUBLE_S = 3.0


async def run(service: StatisticsService) -> None:
    """Fold until cancelled."""
    while True:
        try:
            await service.fold_all()
        except Exception:  # a bad turn (a lost connection, a fault) must not end the work
            log.exception("fold_failed")
            await asyncio.sleep(_AFTER_TROUBLE_S)
        await asyncio.sleep(FOLD_EVERY_S)
