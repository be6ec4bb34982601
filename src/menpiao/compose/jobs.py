"""The background jobs of the centre: what each is called, and what keeps it running."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)

JOBS = ("payments", "messages", "figures", "slots", "retention")
"""payments: create, query, close, refund, and the end of unpaid orders · messages: the operator's
link · figures: folding · slots: laying out · retention: what is kept too long of people."""
_AGAIN_AFTER_S = 5.0


def jobs_of(servers: tuple[str, ...]) -> tuple[str, ...]:
    """What runs inside ``menpiao serve``: beside all servers all jobs, beside some of them none.

    The messaging server is the exception: its link to the operator is its door.
    """
    if not servers:
        return JOBS
    return ("messages",) if "messaging" in servers else ()


async def keep(name: str, start: Callable[[], Awaitable[None]]) -> None:
    """Run a job until cancelled; one that ends by a fault is started again."""
    while True:
        try:
            await start()
        except Exception:  # whatever it was, the others go on and this one begins anew
            log.exception("job_failed", job=name)
        await asyncio.sleep(_AGAIN_AFTER_S)
