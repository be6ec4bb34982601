"""The messaging worker: keeps the link to the operator and sends what is due."""

import asyncio

import structlog

from menpiao.centre.messaging.service import STORE_ERRORS, MessagingService

log = structlog.get_logger(__name__)


async def work(
    service: MessagingService, *, poll_s: float = 0.5, tidy_s: float = 5.0, patience_s: float = 8.0
) -> None:
    """Work until cancelled; then wait ``patience_s`` for messages that are on their way."""
    async with asyncio.TaskGroup() as group:
        group.create_task(service.keep_link())
        group.create_task(_send(service, poll_s, tidy_s, patience_s))


async def _send(service: MessagingService, poll_s: float, tidy_s: float, patience_s: float) -> None:
    loop = asyncio.get_running_loop()
    tidied_at = float("-inf")
    try:
        while True:
            started = 0
            try:
                if loop.time() - tidied_at >= tidy_s:
                    await service.tidy()
                    tidied_at = loop.time()
                started = await service.send_due()
            except STORE_ERRORS as error:
                log.warning("data_store_away", error=type(error).__name__)
            await asyncio.sleep(0.0 if started else poll_s)
    finally:
        await service.finish(patience_s)
