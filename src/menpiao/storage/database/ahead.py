"""Work that is done ahead of being needed, so that nobody who asks waits for it."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any


class Ahead:
    """One such piece of work, at most once at a time."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._task: asyncio.Task[None] | None = None

    def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin, unless it is under way.

        What goes wrong is not told here: it is met again by who needs what was not done.
        """
        if self._task is not None and not self._task.done():
            return
        # Who happens to ask is not who it is done for: a context of its own.
        task = asyncio.get_running_loop().create_task(work(), context=contextvars.Context())
        task.add_done_callback(_retrieved)
        self._task = task


def _retrieved(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()
