"""Closed-loop load: each of so many askers sends its next request when its answer has come.

The client is as thin as can be, so that the server is measured and not the client: requests are
octets made ahead, answers are cut by their length and looked at for a mark.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import uvloop


@dataclass(frozen=True, slots=True)
class Request:
    """A request as octets, and the key under which its answer is counted."""

    key: str
    octets: bytes


@dataclass(slots=True)
class Measured:
    """What a run of one case gave; ``confirmed``: keys that the server said yes to."""

    case: str
    elapsed_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def per_s(self) -> float:
        """Answers a second, whatever they said."""
        return len(self.latencies_s) / self.elapsed_s if self.elapsed_s else 0.0

    def percentile_ms(self, share: float) -> float:
        """The latency that this share of the requests kept within."""
        return percentile_ms(self.latencies_s, share)


def percentile_ms(latencies_s: list[float], share: float) -> float:
    """A percentile by the nearest rank, in milliseconds; 0 when there is nothing."""
    if not latencies_s:
        return 0.0
    ordered = sorted(latencies_s)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


class Asker(asyncio.Protocol, ABC):
    """One connection; ``depth`` requests are in flight on it."""

    def __init__(self, make: Callable[[], Request], yes: bytes, out: Measured) -> None:
        """Ask what ``make`` makes; an answer that holds ``yes`` is confirmed."""
        self._make = make
        self._yes = yes
        self._out = out
        self._buffer = bytearray()
        self._flying: dict[str, float] = {}
        self._stop_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that ends before its answers is an error."""
        for future in (self.done, self.ready):
            if not future.done():
                future.set_exception(exc or ConnectionError("the server ended the connection"))

    def begin(self, stop_at: float, depth: int) -> None:
        """Start to ask, until ``stop_at`` on the monotonic clock."""
        self._stop_at = stop_at
        for _ in range(depth):
            self._next()

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def _send(self, octets: bytes) -> None:
        assert self._transport is not None
        self._transport.write(octets)

    def _next(self) -> None:
        now = time.perf_counter()
        if now < self._stop_at:
            request = self._make()
            self._flying[request.key] = now
            self._send(request.octets)
        elif not self._flying and not self.done.done():
            self.done.set_result(None)

    def _answered(self, key: str, body: bytes | bytearray, refusal: str) -> None:
        began = self._flying.pop(key)
        self._out.latencies_s.append(time.perf_counter() - began)
        if self._yes in body:
            self._out.confirmed.append(key)
        else:
            self._out.refused[refusal] = self._out.refused.get(refusal, 0) + 1
        self._next()

    @abstractmethod
    def data_received(self, data: bytes) -> None:
        """Cut answers from the octets that came."""


class HttpAsker(Asker):
    """HTTP/1.1 with keep-alive; one request at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready at once."""
        super().connection_made(transport)
        self.ready.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Cut an answer by its content-length."""
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self._buffer.find(b"content-length: ") + 16
        length = int(self._buffer[at : self._buffer.find(b"\r", at)])
        if len(self._buffer) < head + 4 + length:
            return
        answer = bytes(self._buffer)
        self._buffer.clear()
        self._answered(next(iter(self._flying)), answer, answer[9:12].decode())


def text_frame(payload: bytes, opcode: int = 1) -> bytes:
    """A masked client frame (RFC 6455 section 5.2) of at most 65535 octets.

    The mask is zero: it protects proxies from hostile pages, and here is neither.
    """
    size = len(payload)
    head = bytes((0x80 | opcode, 0x80 | size)) if size < 126 else bytes((0x80 | opcode, 0xFE))
    return head + (b"" if size < 126 else size.to_bytes(2, "big")) + b"\0\0\0\0" + payload


def cut_frame(buffer: bytearray) -> tuple[int, bytes] | None:
    """Take one server frame off the front: (opcode, payload); None when it is not all there."""
    if len(buffer) < 2:
        return None
    size, at = buffer[1] & 0x7F, 2
    if size == 126:
        size, at = int.from_bytes(buffer[2:4], "big"), 4
    elif size == 127:
        size, at = int.from_bytes(buffer[2:10], "big"), 10
    if len(buffer) < at + size:
        return None
    opcode, payload = buffer[0] & 0x0F, bytes(buffer[at : at + size])
    del buffer[: at + size]
    return opcode, payload


class LinkAsker(Asker):
    """The gates' link: a WebSocket with several asks in flight, told apart by nonce."""

    def __init__(
        self,
        make: Callable[[], Request],
        yes: bytes,
        out: Measured,
        upgrade: bytes,
        prove: Callable[[bytes], bytes],
    ) -> None:
        """``upgrade`` opens the link; ``prove`` answers the server's hello."""
        super().__init__(make, yes, out)
        self._upgrade = upgrade
        self._prove = prove
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        super().connection_made(transport)
        self._send(self._upgrade)

    def data_received(self, data: bytes) -> None:
        """Cut frames."""
        self._buffer += data
        if not self._open:
            head = self._buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            del self._buffer[: head + 4]
            self._open = True
        while (frame := cut_frame(self._buffer)) is not None:
            self._frame(*frame)

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == 9:
            self._send(text_frame(payload, 10))
        elif opcode == 1 and not self.ready.done():
            if b'"hello"' in payload:
                self._send(text_frame(self._prove(payload)))
            else:
                self.ready.set_result(None)
        elif opcode == 1:
            at = payload.find(b'"nonce":"') + 9
            key = payload[at : payload.find(b'"', at)].decode()
            self._answered(key, payload, "refused")


async def _run(
    port: int, make: Callable[[], Asker], askers: int, depth: int, seconds: float, out: Measured
) -> None:
    loop = asyncio.get_running_loop()
    made = [(await loop.create_connection(make, "127.0.0.1", port))[1] for _ in range(askers)]
    await asyncio.wait_for(asyncio.gather(*(asker.ready for asker in made)), 20)
    began = time.perf_counter()
    for asker in made:
        asker.begin(began + seconds, depth)
    await asyncio.wait_for(asyncio.gather(*(asker.done for asker in made)), seconds + 60)
    out.elapsed_s = time.perf_counter() - began
    for asker in made:
        asker.close()


def run_load(
    port: int,
    make: Callable[[], Asker],
    out: Measured,
    *,
    askers: int,
    depth: int = 1,
    seconds: float,
) -> Measured:
    """Run ``askers`` connections with ``depth`` requests in flight on each, for so long.

    Raises:
        ConnectionError: the server ended a connection.
        TimeoutError: answers did not come within a minute of the end.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(port, make, askers, depth, seconds, out))
    return out
