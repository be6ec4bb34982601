"""Setting up a lane with the technician: find, try, enrol, write (安装向导)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from menpiao.compose.setup.address import AddressError
from menpiao.compose.setup.console import Console, InputEnded
from menpiao.compose.setup.enrolment import Asked
from menpiao.compose.setup.visit import Order, Visit
from menpiao.compose.setup.words import Language, language_of
from menpiao.compose.terminal import SETUP_ERRORS

STOPPED = 130
"""The status of a command that was ended by Ctrl-C, as shells have it."""


def set_up(order: Order, language: Language | None = None, *, assume: bool = False) -> int:
    """Set a lane up on this terminal; the status of the command. See `Visit.run`."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    console = Console(language or language_of(os.environ), sys.stdout, assume=assume)
    visit = Visit(console, order)
    try:
        return asyncio.run(_until_told(visit))
    except (KeyboardInterrupt, asyncio.CancelledError):
        status, key = STOPPED, "stopped"
    except InputEnded:
        status, key = 1, "input_ended"
    except AddressError as error:
        console.line()
        console.say("address_bad", text=error)
        return 2
    except SETUP_ERRORS as error:
        console.line()
        sys.stderr.write(f"menpiao: {error}\n")
        return 1
    console.line()
    if not visit.written:
        console.say(key)
        if visit.enrolled_now:
            console.say("stopped_enrolled")
    return status


async def _until_told(visit: Visit) -> int:
    """Also a closed terminal ends it in order: a relay that is on is switched off."""
    task = asyncio.ensure_future(visit.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    return await task


__all__ = ["Asked", "Order", "set_up"]
