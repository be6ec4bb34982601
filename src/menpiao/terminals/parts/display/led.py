"""One line of LEDs over the lane, on a serial line or behind a converter."""

from __future__ import annotations

import asyncio

import structlog

from menpiao.terminals.parts.display.base import Data, View
from menpiao.terminals.parts.display.led_profile import LedProfile
from menpiao.terminals.ports.base import Connection, PortError, Transport

log = structlog.get_logger(__name__)

_REOPEN_S = 1.0


class LedDisplay:
    """A `Display`. What is shown is sent again now and then: a display says nothing back."""

    def __init__(
        self, transport: Transport, profile: LedProfile, *, reopen_s: float = _REOPEN_S
    ) -> None:
        self._transport = transport
        self._profile = profile
        self._reopen_s = reopen_s
        self._view: View | None = None
        self._changed = asyncio.Event()
        self.trouble = ""
        """Why the display cannot be reached; "" while it can."""

    async def run(self) -> None:
        """Send until cancelled; a display that is pulled out is found again."""
        while True:
            try:
                connection = await self._transport.connect()
                try:
                    self.trouble = ""
                    await self._serve(connection)
                finally:
                    connection.close()
            except PortError as error:
                if error.code.value != self.trouble:
                    self.trouble = error.code.value
                    log.warning("led_fault", code=self.trouble)
            await asyncio.sleep(self._reopen_s)

    def show(self, view: View) -> None:
        """Show a view from now on; the newest wins."""
        self._view = view
        self._changed.set()

    def data(self, data: Data) -> None:
        """A line of LEDs has no room for it."""

    async def _serve(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            if self._changed.is_set() or loop.time() >= due_s:
                self._changed.clear()
                if self._view is not None:
                    connection.write(self._profile.frame(self._view))
                due_s = loop.time() + self._profile.repeat_s
            changed = asyncio.create_task(self._changed.wait())
            heard = asyncio.create_task(connection.read())
            try:
                # Whatever it says is no news (an echo of ours least of all); that it is gone shows
                # in reading.
                await asyncio.wait(
                    (changed, heard),
                    timeout=max(0.0, due_s - loop.time()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if heard.done():
                    heard.result()
            finally:
                for task in (changed, heard):
                    task.cancel()
                # Not awaited one by one: that would swallow our own cancellation.
                await asyncio.wait((changed, heard))
                if not heard.cancelled():
                    heard.exception()
