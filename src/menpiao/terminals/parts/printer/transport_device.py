"""A printer behind a device file: a serial port, or a USB printer such as /dev/usb/lp0."""

from __future__ import annotations

import asyncio
import contextlib
import os
import termios
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import serial

from menpiao.terminals.parts.printer.transport import PrinterUnreachable

_DRAIN_POLL_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class SerialTransport:
    """8 data bits, no parity, 1 stop bit; `flow` switches RTS/CTS on."""

    port: str
    baud: int = 9600
    flow: bool = False

    async def connect(self) -> DeviceConnection:
        """Open the port exclusively."""
        try:
            # The port is opened non-blocking by pyserial, so this returns at once.
            device = serial.Serial(
                self.port, self.baud, timeout=0, rtscts=self.flow, exclusive=True
            )
        except (OSError, ValueError, termios.error) as error:
            raise PrinterUnreachable("port_unavailable") from error
        return DeviceConnection(device.fileno(), device.close, lambda: device.out_waiting)


@dataclass(frozen=True, slots=True)
class UsbTransport:
    """The system's USB printer device, which one process can have at a time."""

    path: str = "/dev/usb/lp0"

    async def connect(self) -> DeviceConnection:
        """Open the device."""
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            raise PrinterUnreachable("port_unavailable") from error
        return DeviceConnection(fd, lambda: os.close(fd), lambda: 0)


class DeviceConnection:
    """An open, non-blocking device file."""

    answers = True

    def __init__(
        self, fd: int, release: Callable[[], None], waiting_bytes: Callable[[], int]
    ) -> None:
        """`waiting_bytes` tells how many written bytes have not left yet: closing loses them."""
        self._fd = fd
        self._release = release
        self._waiting_bytes = waiting_bytes

    async def write(self, data: bytes) -> None:
        """Hand over, and wait until the line has carried it."""
        rest = memoryview(data)
        try:
            while rest:
                await self._writable()
                with contextlib.suppress(BlockingIOError):
                    rest = rest[os.write(self._fd, rest) :]
            while self._waiting_bytes():  # noqa: ASYNC110  # a line tells no end
                await asyncio.sleep(_DRAIN_POLL_S)
        except (OSError, termios.error) as error:
            raise PrinterUnreachable("connection_lost") from error

    async def read(self) -> bytes:
        """Wait for bytes."""
        while True:
            try:
                await self._readable()
                data = os.read(self._fd, 64)
            except BlockingIOError:
                continue
            except OSError as error:
                raise PrinterUnreachable("connection_lost") from error
            if not data:
                raise PrinterUnreachable("connection_lost")
            return data

    async def close(self) -> None:
        """Release the device."""
        with contextlib.suppress(OSError, termios.error):
            self._release()

    async def _writable(self) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_writer(self._fd, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_writer(self._fd)

    async def _readable(self) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._fd, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._fd)
