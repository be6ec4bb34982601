"""One end of a serial line: a pseudo-terminal whose other end any program may open.

The port is a link whose path stays the same when the device is unplugged and plugged in again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import tempfile
import termios
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Final

_READ_BYTES: Final = 4096
_SPEED: Final = 5
"""Where termios keeps the output speed."""
_BAUDS: Final = {
    getattr(termios, f"B{baud}"): baud for baud in (9600, 19_200, 38_400, 57_600, 115_200)
}


class SimulatedLine:
    """The device's end. `receive` is called in the event loop with what the host sent."""

    def __init__(self, receive: Callable[[bytes], None], port: Path | None = None) -> None:
        """`port` is the path of the link; None makes a folder for it."""
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if port is None:
            self._folder = tempfile.TemporaryDirectory(prefix="menpiao-line-")
            port = Path(self._folder.name) / "port"
        self.path = port
        self._receive = receive
        self._fds: tuple[int, int] | None = None

    @property
    def plugged(self) -> bool:
        """Whether the port is there."""
        return self._fds is not None

    @property
    def host_baud(self) -> int:
        """The rate the host has set on its end; 0 if none is known."""
        if self._fds is None:
            return 0
        return _BAUDS.get(termios.tcgetattr(self._fds[1])[_SPEED], 0)

    def plug(self) -> None:
        """Appear at the port's path; nothing if plugged in already."""
        if self._fds is not None:
            return
        ours, theirs = pty.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        # Our own hold on the far end keeps the terminal alive between two openings by the host.
        self._fds = (ours, theirs)
        asyncio.get_running_loop().add_reader(ours, self._on_readable)
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(theirs))
        fresh.replace(self.path)

    def unplug(self) -> None:
        """Vanish from the port's path, with the line cut at once."""
        if self._fds is None:
            return
        ours, theirs = self._fds
        self._fds = None
        asyncio.get_running_loop().remove_reader(ours)
        os.close(ours)
        os.close(theirs)
        self.path.unlink(missing_ok=True)

    def clean(self) -> None:
        """Unplug for good."""
        self.unplug()
        if self._folder is not None:
            self._folder.cleanup()

    def write(self, data: bytes) -> None:
        """Send; a host that does not read loses bytes, as on a wire."""
        if self._fds is None:
            return
        with contextlib.suppress(OSError):
            os.write(self._fds[0], data)

    def _on_readable(self) -> None:
        if self._fds is None:
            return
        try:
            data = os.read(self._fds[0], _READ_BYTES)
        except OSError:
            return
        self._receive(data)
