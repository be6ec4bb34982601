"""Telling the service manager that a terminal stands and its event loop turns: sd_notify(3)."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Coroutine
from typing import Any


async def watched(work: Coroutine[Any, Any, None], ready: asyncio.Event) -> None:
    """Do the work; say READY=1 once ``ready`` is set, and WATCHDOG=1 as often as asked.

    Without a service manager (no NOTIFY_SOCKET) it only does the work.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        await work
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
        way.setblocking(False)
        # A name that begins with @ is one of Linux's abstract names.
        way.connect("\0" + address[1:] if address.startswith("@") else address)
        telling = asyncio.create_task(_tell(way, ready))
        try:
            await work
        finally:
            telling.cancel()
            _send(way, b"STOPPING=1")


async def _tell(way: socket.socket, ready: asyncio.Event) -> None:
    await ready.wait()
    _send(way, b"READY=1")
    within_us = os.environ.get("WATCHDOG_USEC", "")
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return
    while within_us.isdecimal() and int(within_us):
        _send(way, b"WATCHDOG=1")
        await asyncio.sleep(int(within_us) / 1_000_000 / 3)


def _send(way: socket.socket, text: bytes) -> None:
    # The manager is away or busy: the next beat says it again.
    with contextlib.suppress(OSError):
        way.send(text)
