"""What can go wrong between a reader's module and its host, as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from menpiao.simulation.safe_module import Op
from menpiao.terminals.parts.reader.frame import encode_response

HEART_BEAT: Final = b"AAAA"
"""41 41 41 41, as some serial servers inject it."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """How one answer is spoilt. Positions count bytes from the first byte of the preamble."""

    silent: bool = False
    status: int | None = None
    """Answer this SW3 in place of the real answer."""
    raw: bytes | None = None
    """Answer exactly these bytes in place of the real answer."""
    sw1: int = 0
    sw2: int = 0
    flip_at: int | None = None
    """Flip the lowest bit of this byte; negative counts from the end."""
    length: int | None = None
    """State this LEN; the checksum is not adjusted."""
    before: bytes = b""
    after: bytes = b""
    insert: bytes = b""
    insert_at: int = 0
    chunk: int | None = None
    """Hand the answer over in pieces of this size."""
    split_at: int | None = None
    pause_s: float = 0.0
    """Between two pieces."""
    disconnect_at: int | None = None
    """Cut the line before this byte."""

    def apply(self, frame: bytes) -> bytes:
        """The bytes that go out in place of `frame`."""
        if self.silent:
            return b""
        if self.raw is not None:
            frame = self.raw
        elif self.status is not None:
            frame = encode_response(self.status, sw1=self.sw1, sw2=self.sw2)
        elif self.sw1 or self.sw2:
            frame = encode_response(frame[9], frame[10:-1], sw1=self.sw1, sw2=self.sw2)
        spoilt = bytearray(frame)
        if self.length is not None:
            spoilt[5:7] = self.length.to_bytes(2, "big")
        if self.flip_at is not None:
            spoilt[self.flip_at] ^= 1
        spoilt[self.insert_at : self.insert_at] = self.insert
        return self.before + bytes(spoilt) + self.after

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """How the bytes are cut into writes."""
        if self.split_at is not None:
            yield from filter(None, (data[: self.split_at], data[self.split_at :]))
        elif self.chunk is not None:
            yield from (data[at : at + self.chunk] for at in range(0, len(data), self.chunk))
        elif data:
            yield data


NONE: Final = Mishap()


@dataclass(slots=True)
class Planned:
    """A mishap waiting for its request."""

    mishap: Mishap
    op: Op | None
    times: int | None


class Plan:
    """Which mishaps are still to come."""

    def __init__(self) -> None:
        self._planned: list[Planned] = []

    def add(self, mishap: Mishap, *, on: Op | None = None, times: int | None = 1) -> None:
        """Spoil the next `times` answers to `on`; None stands for every request and for ever."""
        self._planned.append(Planned(mishap, on, times))

    def clear(self) -> None:
        """From now on all goes well."""
        self._planned.clear()

    def take(self, op: Op) -> Mishap:
        """The mishap for this request, used up by asking; `NONE` if all goes well."""
        for planned in self._planned:
            if planned.op in {None, op}:
                if planned.times is not None:
                    planned.times -= 1
                    if planned.times == 0:
                        self._planned.remove(planned)
                return planned.mishap
        return NONE
