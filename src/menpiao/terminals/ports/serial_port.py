"""A device on a serial port (UART, USB-serial or pseudo-terminal), without a thread."""

from __future__ import annotations

import contextlib
import errno
import os
import termios
from dataclasses import dataclass
from typing import Final

import serial

from menpiao.terminals.ports.arrivals import DescriptorArrivals
from menpiao.terminals.ports.base import PortError, PortTrouble

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


class SerialConnection(DescriptorArrivals):
    """An open port whose bytes are collected by the event loop as they come."""

    def __init__(self, device: serial.Serial) -> None:
        """Take over an open port; must be called inside the event loop."""
        super().__init__(device.fileno())
        self._device = device

    def write(self, data: bytes) -> None:
        """Send a request.

        It is far smaller than any port's buffer, so a port that does not take it whole is stuck.
        """
        if self.lost:
            raise PortError(PortTrouble.LOST)
        try:
            written = os.write(self._fd, data)
        except BlockingIOError as error:
            raise PortError(PortTrouble.SILENT) from error
        except OSError as error:
            raise PortError(PortTrouble.LOST) from error
        if written != len(data):
            raise PortError(PortTrouble.SILENT)

    def close(self) -> None:
        """Give the port and its lock free."""
        self.lose()
        # A device that was pulled out may refuse even to be closed.
        with contextlib.suppress(OSError, termios.error):
            self._device.close()


def _open_fault(error: Exception) -> PortTrouble:
    number = getattr(error, "errno", None)
    if number is None and error.args and isinstance(error.args[0], int):
        number = error.args[0]
    return _OPEN_ERRORS.get(number or 0, PortTrouble.ABSENT)
