"""Several displays of one lane that show the same."""

from __future__ import annotations

import asyncio

from menpiao.terminals.parts.display.base import Data, Display, View


class SeveralDisplays:
    """A `Display` made of others."""

    def __init__(self, *displays: Display) -> None:
        self._displays = displays

    async def run(self) -> None:
        """Serve them all; see `base.Display.run`."""
        async with asyncio.TaskGroup() as tasks:
            for display in self._displays:
                tasks.create_task(display.run())

    def show(self, view: View) -> None:
        """Show a view on each."""
        for display in self._displays:
            display.show(view)

    def data(self, data: Data) -> None:
        """Show how fresh the data is on each that has room for it."""
        for display in self._displays:
            display.data(data)
