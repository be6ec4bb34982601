"""The SAM_V frame: building it, and finding it in a stream of bytes that may hold anything.

```
request   AA AA AA 96 69 | LEN LEN | CMD PARA [DATA]     | CHK
response  AA AA AA 96 69 | LEN LEN | SW1 SW2 SW3 [DATA]  | CHK
```

LEN is big-endian and counts everything behind itself, CHK included. CHK is the exclusive or of
every byte from LEN to the byte before CHK, so a whole frame from LEN to CHK has the exclusive or
0.
"""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import Final

PREAMBLE: Final = bytes.fromhex("AAAAAA9669")
LEN_MAX: Final = 0x0A00
"""Above the longest answer known, 0x090A with a fingerprint."""
RESPONSE_LEN_MIN: Final = 4
REQUEST_LEN_MIN: Final = 3
_HEAD: Final = len(PREAMBLE) + 2


def checksum(data: bytes | bytearray) -> int:
    """Exclusive or of all bytes."""
    return reduce(xor, data, 0)


def encode(body: bytes) -> bytes:
    """The whole frame around a body (CMD PARA DATA or SW1 SW2 SW3 DATA)."""
    counted = (len(body) + 1).to_bytes(2, "big") + body
    return PREAMBLE + counted + bytes((checksum(counted),))


def encode_request(command: int, parameter: int, data: bytes = b"") -> bytes:
    """A frame from the host to the reader."""
    return encode(bytes((command, parameter)) + data)


def encode_response(sw3: int, data: bytes = b"", *, sw1: int = 0, sw2: int = 0) -> bytes:
    """A frame from the reader to the host."""
    return encode(bytes((sw1, sw2, sw3)) + data)


class FrameParser:
    """Finds frames in a stream that is cut anywhere and may hold rubbish.

    A failed frame costs one byte, never the buffer: a real frame may begin inside the rubbish.
    The buffer never grows beyond one frame of the greatest length plus what one call of `feed`
    brings.
    """

    __slots__ = ("_buffer", "_len_min", "bad_checksums", "bad_lengths")

    def __init__(self, len_min: int = RESPONSE_LEN_MIN) -> None:
        """`len_min` is the smallest LEN to believe.

        `RESPONSE_LEN_MIN`, or `REQUEST_LEN_MIN` in a simulated reader.
        """
        self._buffer = bytearray()
        self._len_min = len_min
        self.bad_checksums = 0
        self.bad_lengths = 0

    @property
    def inside(self) -> bool:
        """Whether a preamble was seen and its frame is not complete."""
        return len(self._buffer) >= len(PREAMBLE)

    @property
    def partial(self) -> bytes:
        """The body of the frame being waited for, as far as it has arrived, unverified."""
        return bytes(self._buffer[_HEAD:]) if self._buffer.startswith(PREAMBLE) else b""

    @property
    def rejected(self) -> int:
        """How many frames were refused so far."""
        return self.bad_checksums + self.bad_lengths

    def feed(self, data: bytes) -> list[bytes]:
        """Take more bytes; return the bodies (without LEN and CHK) of the frames now complete."""
        self._buffer += data
        bodies = []
        while (body := self._next()) is not None:
            bodies.append(body)
        return bodies

    def expire(self) -> list[bytes]:
        """Give up the frame being waited for and search what was buffered behind its first byte."""
        bodies = []
        while self.inside:
            del self._buffer[0]
            bodies += self.feed(b"")
        return bodies

    def discard(self) -> None:
        """Forget everything buffered."""
        self._buffer.clear()

    def _next(self) -> bytes | None:
        buffer = self._buffer
        while self._align():
            if len(buffer) < _HEAD:
                return None
            length = int.from_bytes(buffer[len(PREAMBLE) : _HEAD], "big")
            if not self._len_min <= length <= LEN_MAX:
                self.bad_lengths += 1
                del buffer[0]
                continue
            if len(buffer) < _HEAD + length:
                return None
            if checksum(buffer[len(PREAMBLE) : _HEAD + length]) != 0:
                self.bad_checksums += 1
                del buffer[0]
                continue
            body = bytes(buffer[_HEAD : _HEAD + length - 1])
            del buffer[: _HEAD + length]
            return body
        return None

    def _align(self) -> bool:
        """Drop everything before the next preamble.

        Without one, all but a possible beginning of one.
        """
        at = self._buffer.find(PREAMBLE)
        if at >= 0:
            del self._buffer[:at]
            return True
        keep = min(len(PREAMBLE) - 1, len(self._buffer))
        while keep and not PREAMBLE.startswith(self._buffer[len(self._buffer) - keep :]):
            keep -= 1
        del self._buffer[: len(self._buffer) - keep]
        return False
