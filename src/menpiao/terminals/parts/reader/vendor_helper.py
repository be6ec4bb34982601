"""The helper of `vendor`: SAM_V frames on standard input become calls of a vendor's library.

Runs in a Python with the bits of the library and needs nothing but the standard library. The calls
are those of sdtapi (``SDT_…``); the two interfaces called termb are not served.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

from menpiao.terminals.parts.reader.frame import (
    REQUEST_LEN_MIN,
    FrameParser,
    encode_response,
)

_SUCCESS: Final = 0x90
_UNKNOWN_COMMAND: Final = 0x21
_TRANSMISSION: Final = 0x41
_TEXT_BYTES: Final = 256
_PHOTO_BYTES: Final = 1024
_IN_USE: Final = 0
"""ifOpen: the port is opened once, not around each call."""


class Library:
    """The calls used of sdtapi."""

    def __init__(self, path: str, port: int) -> None:
        """Load and open the port. Raises OSError or AttributeError for the wrong library."""
        loader = getattr(ctypes, "WinDLL", ctypes.CDLL)
        self._calls = loader(path)
        self._port = port
        self._opened = int(self._calls.SDT_OpenPort(port))

    def answer(self, body: bytes) -> bytes:
        """The frame a module would answer with."""
        if self._opened != _SUCCESS:
            # Perhaps it was plugged in meanwhile.
            self._opened = int(self._calls.SDT_OpenPort(self._port))
            if self._opened != _SUCCESS:
                return b""
        match body[:2]:
            case b"\x11\xff":
                return _frame(self._calls.SDT_GetSAMStatus(self._port, _IN_USE))
            case b"\x12\xff":
                return self._filled("SDT_GetSAMID", 16)
            case b"\x20\x01":
                return self._filled("SDT_StartFindIDCard", 4, room=8)
            case b"\x20\x02":
                return self._filled("SDT_SelectIDCard", 8)
            case b"\x30\x01":
                return self._read()
            case _:
                return encode_response(_UNKNOWN_COMMAND)

    def _filled(self, call: str, size: int, room: int = 0) -> bytes:
        buffer = ctypes.create_string_buffer(room or size)
        status = getattr(self._calls, call)(self._port, buffer, _IN_USE)
        good = (_SUCCESS, 0x9F)
        return _frame(status, buffer.raw[:size] if status in good else b"")

    def _read(self) -> bytes:
        text = ctypes.create_string_buffer(_TEXT_BYTES)
        photo = ctypes.create_string_buffer(_PHOTO_BYTES)
        text_size, photo_size = ctypes.c_uint(0), ctypes.c_uint(0)
        status = self._calls.SDT_ReadBaseMsg(
            self._port, text, ctypes.byref(text_size), photo, ctypes.byref(photo_size), _IN_USE
        )
        if status != _SUCCESS:
            return _frame(status)
        if text_size.value != _TEXT_BYTES or photo_size.value > _PHOTO_BYTES:
            return _frame(_TRANSMISSION)
        parts = (text.raw, photo.raw[: photo_size.value])
        lengths = b"".join(len(part).to_bytes(2, "big") for part in parts)
        return _frame(_SUCCESS, lengths + b"".join(parts))


def _frame(status: int, data: bytes = b"") -> bytes:
    # Numbers beyond a byte, or those of the library itself, are no status of a module.
    known = 0 <= status <= 0xFF and status not in {1, 2, 3, 5, 9}
    return encode_response(status if known else _TRANSMISSION, data)


def main() -> int:
    """Serve until standard input ends."""
    # Libraries print: what they print must not stand among the frames.
    answers = os.dup(1)
    os.dup2(2, 1)
    library = Library(sys.argv[1], int(sys.argv[2]))
    parser = FrameParser(REQUEST_LEN_MIN)
    while data := os.read(0, 4096):
        for body in parser.feed(data):
            os.write(answers, library.answer(body))
    return 0


if __name__ == "__main__":
    sys.exit(main())
