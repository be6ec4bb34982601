"""A simulated scanner: shows codes on a serial line, or types them as a keyboard does."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Self

from menpiao.simulation.line import SimulatedLine
from menpiao.terminals.ports.keyboard import EVENT

_SHIFT: Final = 42
_ROWS: Final = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
    (28, "\r", "\r"),
)


class SimulatedScanner:
    """A scanner or passport reader on a line of its own."""

    def __init__(
        self, port: Path | None = None, *, prefix: bytes = b"", suffix: bytes = b"\r"
    ) -> None:
        self.line = SimulatedLine(lambda _: None, port)
        self._prefix = prefix
        self._suffix = suffix

    @property
    def port(self) -> str:
        """The path to open."""
        return str(self.line.path)

    async def __aenter__(self) -> Self:
        self.line.plug()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.line.clean()

    def show(self, code: str, codec: str = "utf-8") -> None:
        """Hold a code before the window."""
        self.line.write(self._prefix + code.encode(codec) + self._suffix)

    def send(self, data: bytes) -> None:
        """Put any bytes on the line."""
        self.line.write(data)

    def type(self, text: str) -> None:
        """Press the keys of an American keyboard, as the kernel reports them."""
        for char in text:
            self.line.write(keystrokes(char))


def keystrokes(char: str) -> bytes:
    """The input events of one character, with shift where it needs it."""
    for first, plain, shifted in _ROWS:
        if char in plain:
            return _press(first + plain.index(char))
        if char in shifted:
            key = _press(first + shifted.index(char))
            return EVENT.pack(0, 0, 1, _SHIFT, 1) + key + EVENT.pack(0, 0, 1, _SHIFT, 0)
    raise ValueError("no key types this character")


def _press(code: int) -> bytes:
    sync = EVENT.pack(0, 0, 0, 0, 0)
    return EVENT.pack(0, 0, 1, code, 1) + sync + EVENT.pack(0, 0, 1, code, 0) + sync
