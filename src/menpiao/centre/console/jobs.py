"""The console's work behind the scenes: what is no longer needed of people is forgotten."""

import asyncio

import structlog

from menpiao.centre.console.service import ConsoleService

log = structlog.get_logger(__name__)

FORGET_EVERY_S = 900.0
"""A last day ends at midnight at the site, which may lie in any zone."""


async def forget(service: ConsoleService) -> None:
    """Forget until cancelled; a fault ends it, and who keeps the jobs begins it anew."""
    while True:
        gone = await service.forget()
        if gone:
            log.info("barred_numbers_forgotten", entries=gone)
        await asyncio.sleep(FORGET_EVERY_S)
