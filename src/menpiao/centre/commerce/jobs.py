"""The payment server's work behind the scenes: turns of the outbox and of the query schedule."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from menpiao.centre.commerce.service import CommerceService

log = structlog.get_logger(__name__)

SEND_EVERY_S = 0.25
"""A visitor waits for the code."""
QUERY_EVERY_S = 1.0
_AFTER_TROUBLE_S = 2.0


async def work(service: CommerceService) -> None:
    """Run all loops until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_loop("send", service.send_due, SEND_EVERY_S))
        tasks.create_task(_loop("query", service.query_due, QUERY_EVERY_S))


async def _loop(name: str, turn: Callable[[], Awaitable[int]], pause_s: float) -> None:
    while True:
        try:
            taken = await turn()
        except Exception:  # a bad turn (a lost connection, a fault) must not end the work
            log.exception("payment_turn_failed", turn=name)
            await asyncio.sleep(_AFTER_TROUBLE_S)
            continue
        # A full turn is followed by the next at once.
        await asyncio.sleep(0 if taken else pause_s)
