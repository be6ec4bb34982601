"""Laying out slots before they go on sale, so that nobody has to think of it."""

from collections.abc import Callable
from datetime import datetime

import asyncpg

from menpiao.storage.database import slots

DAYS_MORE = 2
"""Today, and the day that comes on sale at the next midnight."""


class SlotLayer:
    """Keeps the slots of all sites laid out as far ahead as anything is sold."""

    def __init__(self, pool: asyncpg.Pool, clock: Callable[[], datetime]) -> None:
        """Stand on the data store."""
        self._pool = pool
        self._clock = clock

    async def lay_ahead(self) -> int:
        """Lay out what is missing; how many slots are new.

        What exists is left as it is, so several workers may do this, as often as they like.
        """
        made = 0
        for site in await slots.ahead(self._pool, self._clock()):
            days = site.sale_days + DAYS_MORE
            made += await slots.lay(self._pool, site.site_id, site.today, days)
        return made
