"""The console's work behind the scenes: what is no longer needed of people is forgotten."""

import asyncio

import structlog

from menpiao.centre.console.service import ConsoleService

log = structlog.get_logger(__name__)

FORGET_EVERY_S = 900.0
"""A last day ends at midnight at the site, which may lie in any zone."""
_AFTER_TROUBLE_S = 30.0


async def forget(service: ConsoleService) -> None:
    """Forget until cancelled."""
    while True:
        pause_s = FORGET_EVERY_S
        try:
            gone = await service.forget()
        except Exception:  # a bad turn (a lost connection, a fault) must not end the work
            log.exception("forgetting_failed")
            pause_s = _AFTER_TROUBLE_S
        else:
            if gone:
                log.info("barred_numbers_forgotten", entries=gone)
        await asyncio.sleep(pause_s)
