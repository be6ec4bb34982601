"""The selling core's work behind the scenes: slots are laid out before they go on sale."""

import asyncio

import structlog

from menpiao.centre.selling.service import SlotLayer

log = structlog.get_logger(__name__)

LAY_EVERY_S = 900.0
"""Often, not once a night: a plan that was just written has its slots within minutes, and a worker
that slept through midnight makes up for it."""
_AFTER_TROUBLE_S = 30.0


async def lay_slots(layer: SlotLayer) -> None:
    """Lay out slots until cancelled."""
    while True:
        pause_s = LAY_EVERY_S
        try:
            made = await layer.lay_ahead()
        except Exception:  # a bad turn (a lost connection, a fault) must not end the work
            log.exception("laying_failed")
            pause_s = _AFTER_TROUBLE_S
        else:
            if made:
                log.info("slots_laid", slots=made)
        await asyncio.sleep(pause_s)
