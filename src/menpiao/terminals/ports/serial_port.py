"""A device on a serial port (UART, USB-serial or pseudo-terminal), without a thread."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import termios
from dataclasses import dataclass
from typing import Final

import serial

from menpiao.terminals.ports.base import PortError, PortTrouble

_READ_BYTES: Final = 4096
_OPEN_ERRORS: Final = {
    errno.ENOENT: PortTrouble.ABSENT,
    errno.ENODEV: PortTrouble.ABSENT,
    errno.ENXIO: PortTrouble.ABSENT,
    errno.EIO: PortTrouble.ABSENT,
    errno.EACCES: PortTrouble.DENIED,
    errno.EPERM: PortTrouble.DENIED,
    errno.EBUSY: PortTrouble.BUSY,
    errno.EAGAIN: PortTrouble.BUSY,
}


@dataclass(frozen=True, slots=True)
class SerialTransport:
    """8 data bits, no parity, 1 stop bit, no flow control, opened exclusively.

    One process per device.
    """

    port: str
    baud: int = 115_200

    async def connect(self) -> SerialConnection:
        """Open the port; raise PortError with ABSENT, BUSY or DENIED."""
        try:
            # The port is opened non-blocking by pyserial, so this returns at once.
            device = serial.Serial(self.port, self.baud, timeout=0, exclusive=True)
        except (OSError, ValueError, termios.error) as error:
            raise PortError(_open_fault(error)) from error
        return SerialConnection(device)


class SerialConnection:
    """An open port whose bytes are collected by the event loop as they come."""

    def __init__(self, device: serial.Serial) -> None:
        """Take over an open port; must be called inside the event loop."""
        self._device = device
        self._fd: int = device.fileno()
        self._buffer = bytearray()
        self._changed = asyncio.Event()
        self._lost = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._on_readable)

    def write(self, data: bytes) -> None:
        """Send a request.

        It is far smaller than any port's buffer, so a port that does not take it whole is stuck.
        """
        if self._lost:
            raise PortError(PortTrouble.LOST)
        try:
            written = os.write(self._fd, data)
        except BlockingIOError as error:
            raise PortError(PortTrouble.SILENT) from error
        except OSError as error:
            raise PortError(PortTrouble.LOST) from error
        if written != len(data):
            raise PortError(PortTrouble.SILENT)

    async def read(self) -> bytes:
        """Wait for bytes; raise PortError(LOST) when the device is gone."""
        while not self._buffer:
            if self._lost:
                raise PortError(PortTrouble.LOST)
            self._changed.clear()
            await self._changed.wait()
        return self.pending()

    def pending(self) -> bytes:
        """Return what has arrived."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def close(self) -> None:
        """Give the port and its lock free."""
        self._loop.remove_reader(self._fd)
        self._lost = True
        # A device that was pulled out may refuse even to be closed.
        with contextlib.suppress(OSError, termios.error):
            self._device.close()

    def _on_readable(self) -> None:
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._buffer += data
        else:
            # Readable and yet empty is how a port reports that its device went away.
            self._lost = True
            self._loop.remove_reader(self._fd)
        self._changed.set()


def _open_fault(error: Exception) -> PortTrouble:
    number = getattr(error, "errno", None)
    if number is None and error.args and isinstance(error.args[0], int):
        number = error.args[0]
    return _OPEN_ERRORS.get(number or 0, PortTrouble.ABSENT)
