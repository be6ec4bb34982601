"""A vendor's library as a reader: in a process of its own, which may crash or hang.

Vendors' libraries are 32-bit and write what they like into their process. The helper is a program
for a Python of the library's kind; it takes the frames of SAM_V and gives the frames a module
would, so that everything behind it is the ordinary driver.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from menpiao.terminals.ports.arrivals import DescriptorArrivals
from menpiao.terminals.ports.base import PortError, PortTrouble

HELPER: Final = "menpiao.terminals.parts.reader.vendor_helper"
_GONE_S: Final = 0.5
_PROGRAM: Final = str(Path(__file__).parents[4])
"""Where `HELPER` is found: an interpreter of other bits has none of our packages."""


@dataclass(frozen=True, slots=True)
class VendorTransport:
    """Starts the helper. `python` is an interpreter with the bits of the library.

    `port` counts as the vendors do: 1 to 16 for COM1 to COM16, 1001 and up for USB.
    """

    library: str
    port: int = 1001
    python: str = sys.executable

    async def connect(self) -> VendorConnection:
        """Start a fresh process; PortError(ABSENT) if there is no such interpreter."""
        command = (self.python, "-m", HELPER, self.library, str(self.port))
        try:
            process = await asyncio.to_thread(_start, command)
        except OSError as error:
            raise PortError(PortTrouble.ABSENT) from error
        return VendorConnection(process)


def _start(command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    # The command is this configuration's own: an interpreter, our module, a library.
    return subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env=os.environ | {"PYTHONPATH": _PROGRAM},
    )


class VendorConnection(DescriptorArrivals):
    """A running helper; closing it ends the process, whatever it is doing."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Take over a process; must be called inside the event loop."""
        assert process.stdin is not None
        assert process.stdout is not None
        super().__init__(process.stdout.fileno())
        self._process = process
        self._requests, self._answers = process.stdin, process.stdout
        for pipe in (self._requests, self._answers):
            os.set_blocking(pipe.fileno(), False)

    def write(self, data: bytes) -> None:
        """Send a request."""
        if self.lost:
            raise PortError(PortTrouble.LOST)
        try:
            os.write(self._requests.fileno(), data)
        except BlockingIOError as error:
            raise PortError(PortTrouble.SILENT) from error
        except OSError as error:
            raise PortError(PortTrouble.LOST) from error

    def close(self) -> None:
        """Kill the process; what was killed is gone within a moment."""
        self.lose()
        self._process.kill()
        with contextlib.suppress(OSError):
            self._requests.close()
            self._answers.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GONE_S)
