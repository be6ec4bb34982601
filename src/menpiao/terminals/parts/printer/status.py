"""DLE EOT: what a printer says about itself while it works."""

from __future__ import annotations

from typing import Final

OFFLINE_CAUSE: Final = 2
ERROR_CAUSE: Final = 3
PAPER: Final = 4
QUESTIONS: Final = (OFFLINE_CAUSE, ERROR_CAUSE, PAPER)

_FIXED_MASK: Final = 0b1001_0011
_FIXED_BITS: Final = 0b0001_0010
_TROUBLES: Final[dict[int, tuple[tuple[int, str], ...]]] = {
    OFFLINE_CAUSE: ((0x04, "cover_open"), (0x20, "paper_out"), (0x40, "device_error")),
    ERROR_CAUSE: ((0x08, "cutter_error"), (0x20, "device_error"), (0x40, "too_hot")),
    PAPER: ((0x60, "paper_out"),),
}
COVER_OPEN_BIT: Final = 0x04
CUTTER_ERROR_BIT: Final = 0x08
PAPER_LOW_BITS: Final = 0x0C
PAPER_OUT_BITS: Final = 0x60


def question(number: int) -> bytes:
    """The bytes of DLE EOT n."""
    return b"\x10\x04" + bytes((number,))


def answer(bits: int = 0) -> bytes:
    """The byte a printer answers with, for a simulated one."""
    return bytes((_FIXED_BITS | bits,))


def is_answer(byte: int) -> bool:
    """Whether a byte has the fixed bits of an answer."""
    return byte & _FIXED_MASK == _FIXED_BITS


def trouble(number: int, byte: int) -> str | None:
    """The reason why the printer cannot print, if it names one."""
    return next((reason for bits, reason in _TROUBLES[number] if byte & bits), None)
