"""A printer on USB bulk pipes, where the system has no device file for it: needs pyusb."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from menpiao.terminals.parts.printer.transport import PrinterUnreachable
from menpiao.terminals.ports.base import PortError
from menpiao.terminals.ports.usb import Broken, Pipes, TimedOut, UsbId, open_pipes

PRINTER: Final = UsbId(interface_class=7)
_PIECE: Final = 4096
_WRITE_MS: Final = 1000
_READ_MS: Final = 100


@dataclass(frozen=True, slots=True)
class UsbPipesTransport:
    """The first printer on the bus, or the one named; `backend` replaces libusb in tests."""

    device: UsbId = PRINTER
    backend: Any = None

    async def connect(self) -> UsbPipesConnection:
        """Find and claim. Raises PrinterUnreachable."""
        try:
            pipes = await asyncio.to_thread(open_pipes, self.device, self.backend)
        except PortError as error:
            raise PrinterUnreachable("port_unavailable") from error
        return UsbPipesConnection(pipes)


class UsbPipesConnection:
    """Claimed pipes."""

    answers = True

    def __init__(self, pipes: Pipes) -> None:
        self._pipes = pipes

    async def write(self, data: bytes) -> None:
        """Hand over; a printer that takes nothing is waited for, within the driver's time."""
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            while True:
                try:
                    await asyncio.to_thread(
                        self._pipes.write, self._pipes.outs[0], piece, _WRITE_MS
                    )
                    break
                except TimedOut:
                    continue
                except Broken as error:
                    raise PrinterUnreachable("connection_lost") from error

    async def read(self) -> bytes:
        """Wait for bytes."""
        while True:
            try:
                data = await asyncio.to_thread(self._pipes.read, self._pipes.ins[0], 64, _READ_MS)
            except TimedOut:
                continue
            except Broken as error:
                raise PrinterUnreachable("connection_lost") from error
            if data:
                return data

    async def close(self) -> None:
        """Release the device."""
        await asyncio.to_thread(self._pipes.close)
