"""A device that types: a Linux input device read alone, so that nothing it types leaks elsewhere.

Scanners and passport readers in keyboard mode press keys of an American keyboard. What is read is
the kernel's own record, ``struct input_event``: seconds, microseconds, type, code and value.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from dataclasses import dataclass
from typing import Final

from menpiao.terminals.ports.arrivals import DescriptorArrivals
from menpiao.terminals.ports.base import PortError, PortTrouble

EVENT: Final = struct.Struct("@llHHi")
_EV_KEY: Final = 1
_PRESSED: Final = 1
_GRAB: Final = 0x40044590  # EVIOCGRAB
_SHIFT: Final = frozenset({42, 54})
_CAPS_LOCK: Final = 58
_KEYS: Final[dict[int, tuple[str, str]]] = {
    code: (plain, shifted)
    for first, plains, shifteds in (
        (2, "1234567890-=", "!@#$%^&*()_+"),
        (16, "qwertyuiop[]", "QWERTYUIOP{}"),
        (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
        (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
        (71, "789-456+1230.", "789-456+1230."),
        (57, " ", " "),
        (28, "\r", "\r"),
        (96, "\r", "\r"),
        (15, "\t", "\t"),
    )
    for code, plain, shifted in zip(
        range(first, first + len(plains)), plains, shifteds, strict=True
    )
}
_OPEN_ERRORS: Final = {
    errno.EACCES: PortTrouble.DENIED,
    errno.EPERM: PortTrouble.DENIED,
    errno.EBUSY: PortTrouble.BUSY,
}


class KeyDecoder:
    """Turns key events into the characters that were typed."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._shifts: set[int] = set()
        self._caps = False

    def feed(self, data: bytes) -> bytes:
        """Take events in any pieces; return what they typed, in ASCII."""
        self._buffer += data
        typed = bytearray()
        whole = len(self._buffer) - len(self._buffer) % EVENT.size
        for _, _, kind, code, value in EVENT.iter_unpack(bytes(self._buffer[:whole])):
            if kind == _EV_KEY:
                typed += self._key(code, value)
        del self._buffer[:whole]
        return bytes(typed)

    def _key(self, code: int, value: int) -> bytes:
        if code in _SHIFT:
            (self._shifts.add if value else self._shifts.discard)(code)
        elif value == _PRESSED and code == _CAPS_LOCK:
            self._caps = not self._caps
        elif value == _PRESSED and code in _KEYS:
            plain, shifted = _KEYS[code]
            upper = bool(self._shifts) != (self._caps and plain.isalpha())
            return (shifted if upper else plain).encode()
        return b""


@dataclass(frozen=True, slots=True)
class KeyboardTransport:
    """An input device such as /dev/input/by-id/usb-…-event-kbd, taken from everybody else."""

    path: str

    async def connect(self) -> KeyboardConnection:
        """Open and grab; raise PortError if that is not possible now."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            code = _OPEN_ERRORS.get(error.errno or 0, PortTrouble.ABSENT)
            raise PortError(code) from error
        try:
            fcntl.ioctl(fd, _GRAB, 1)
        except OSError as error:
            # What is no input device (a pipe, a terminal) cannot be grabbed and leaks nowhere.
            if error.errno not in {errno.ENOTTY, errno.EINVAL}:
                os.close(fd)
                raise PortError(PortTrouble.BUSY) from error
        return KeyboardConnection(fd)


class KeyboardConnection(DescriptorArrivals):
    """An open keyboard; what it types is collected by the event loop."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._decoder = KeyDecoder()

    def arrived(self, data: bytes) -> None:
        """Take events of keys; what they type waits."""
        super().arrived(self._decoder.feed(data))

    def write(self, data: bytes) -> None:
        """Nothing can be said to a keyboard."""

    def close(self) -> None:
        """Give the device back."""
        self.lose()
        with contextlib.suppress(OSError):
            os.close(self._fd)
