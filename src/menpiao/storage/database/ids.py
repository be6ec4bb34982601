"""Identifiers made in the application, from blocks that the database hands out.

A block is 1024 numbers, so that numbers stay short enough to be read aloud, and no two processes
can ever make the same one. Numbers of a block that its process did not use are lost.
"""

import asyncio
from collections.abc import Iterator

import asyncpg

from menpiao.storage.database.ahead import Ahead

_BLOCK = 1024


class IdBlocks:
    """Hands out identifiers; ``reserve`` first, then ``take`` without waiting."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Take blocks from this database when needed."""
        self._pool = pool
        self._ranges: list[range] = []
        self._left = 0
        self._lock = asyncio.Lock()
        self._ahead = Ahead()

    def at_hand(self, count: int) -> bool:
        """Whether so many can be taken without asking for more.

        Where they are about to run out more are asked for meanwhile, so that they seldom do.
        """
        if self._left < count + _BLOCK:
            self._ahead.run(lambda: self.reserve(count + 3 * _BLOCK))
        return self._left >= count

    async def reserve(self, count: int) -> None:
        """Make sure that ``count`` identifiers can be taken."""
        if self._left >= count:
            return
        async with self._lock:
            missing = -((self._left - count) // _BLOCK)
            if missing <= 0:
                return
            rows = await self._pool.fetch(
                "SELECT nextval('id_block') AS block FROM generate_series(1, $1)", missing
            )
            self._ranges += [range(r["block"] * _BLOCK, (r["block"] + 1) * _BLOCK) for r in rows]
            self._left += missing * _BLOCK

    def take(self, count: int) -> list[int]:
        """So many new identifiers.

        Raises:
            RuntimeError: they were not reserved before.
        """
        if self._left < count:
            msg = "identifiers were taken without being reserved"
            raise RuntimeError(msg)
        self._left -= count
        return list(self._draw(count))

    def _draw(self, count: int) -> Iterator[int]:
        while count:
            block = self._ranges[0]
            part = block[:count]
            rest = block[count:]
            if rest:
                self._ranges[0] = rest
            else:
                self._ranges.pop(0)
            yield from part
            count -= len(part)
