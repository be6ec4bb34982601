"""One connection to an operator's gateway, whatever the protocol of its packets.

What this core promises:

* Answers to the gateway's requests overtake our own requests, so that a full window never keeps
  the gateway waiting.
* At most ``window`` requests are unanswered at any time; the rest wait in order.
* A request ends in its answer, in :class:`NotSentError` (no octet of it left) or in
  :class:`NoAnswerError` (octets left, and what became of it is not known). Nothing is ever sent
  a second time.
* Silence is tested; a link that stays silent is dropped. So is one that sends nonsense.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import structlog

log = structlog.get_logger(__name__)

FRAME_OCTETS_MAX = 64 * 1024
LATE_MAX = 1024
INCOMING_MAX = 1024
P = TypeVar("P")


class SessionError(ConnectionError):
    """A request that got no answer: :class:`NotSentError` or :class:`NoAnswerError`."""


class NotSentError(SessionError):
    """No octet of the request left: it may be sent again."""


class NoAnswerError(SessionError):
    """Octets left and no answer came: the gateway may have it or not."""


class FrameError(ValueError):
    """What came is no packet of the protocol."""


@dataclass(frozen=True, slots=True)
class Timers:
    """Limits of a connection, named as in CMPP section 3.4; the defaults are the protocol's."""

    silence_s: float = 180.0
    """C: test the link after so much silence."""
    answer_s: float = 60.0
    """T: an answer comes within this time."""
    tests: int = 3
    """N: so many unanswered tests end the link."""
    window: int = 16
    """W: so many requests may be unanswered."""


@dataclass(frozen=True, slots=True)
class Frame(Generic[P]):
    """A packet and the number under which it came."""

    sequence: int
    packet: P
    is_answer: bool


class Dialect(Protocol[P]):
    """What a protocol tells the core."""

    header_octets: int

    def encode(self, packet: P, sequence: int) -> bytes:
        """The octets of a packet; ``ValueError`` when it cannot be sent."""

    def decode(self, frame: bytes) -> Frame[P]:
        """The packet in a frame; :class:`FrameError` when there is none."""

    def keep_alive(self) -> P:
        """The packet that tests a silent link."""

    def goodbye(self) -> P:
        """The packet that ends a connection."""

    def is_goodbye(self, packet: P) -> bool:
        """Whether the peer ends the connection with it."""

    def reply(self, packet: P) -> P | None:
        """The answer that needs no thought: to tests and to the end."""

    def pairs(self, request: P, answer: P) -> bool:
        """Whether this is an answer to that kind of request."""


@dataclass(slots=True, eq=False)
class _Open(Generic[P]):
    """A request on its way."""

    sequence: int
    packet: P
    octets: bytes
    future: asyncio.Future[P]
    tag: object
    in_window: bool
    written: bool = False
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class Numbers:
    """Sequence numbers of an account; they go on over reconnections."""

    last: int = 0
    limit: int = 1 << 32

    def next(self) -> int:
        """The next number, from 1; it wraps."""
        self.last = (self.last + 1) % self.limit or 1
        return self.last


@dataclass(slots=True)
class Counters:
    """What happened on a connection."""

    written: int = 0
    answered: int = 0
    unanswered: int = 0
    late: int = 0
    stray: int = 0
    """Answers to nothing we asked."""
    received: int = 0


Handler = Callable[[P], Awaitable[P | None]]
LateHandler = Callable[[object, P], Awaitable[None]]


@dataclass(slots=True)
class Session(Generic[P]):
    """A connection; :meth:`run` serves it, :meth:`request` asks the gateway something.

    ``handler`` is given the gateway's requests one after the other and returns their answers
    (None: none). ``on_late`` is given answers that came after their request had been given up,
    with the request's ``tag``.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    dialect: Dialect[P]
    handler: Handler[P]
    on_late: LateHandler[P]
    timers: Timers = field(default_factory=Timers)
    numbers: Numbers = field(default_factory=Numbers)
    counters: Counters = field(default_factory=Counters)
    _answers: deque[bytes] = field(default_factory=deque)
    _requests: deque[_Open[P]] = field(default_factory=deque)
    _open: dict[int, _Open[P]] = field(default_factory=dict)
    _late: dict[int, _Open[P]] = field(default_factory=dict)
    _in_window: int = 0
    _heard_at: float = 0.0
    _leaving: bool = False
    _peer_left: bool = False
    _over: bool = False
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _incoming: asyncio.Queue[Callable[[], Awaitable[None]]] = field(
        default_factory=lambda: asyncio.Queue(INCOMING_MAX)
    )

    # --- for the owner ---

    async def run(self) -> str:
        """Serve until the connection ends, and say why it did; the peer cannot make it raise."""
        self._heard_at = asyncio.get_running_loop().time()
        work = (self._read(), self._write(), self._watch(), self._handle(), self._stopped())
        tasks = [asyncio.create_task(each) for each in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            first = done.pop()
            error = first.exception()
            if error is None:
                return first.result()
            log.error("session_fault", exc_info=error)
            return f"fault: {type(error).__name__}"
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._end()
            await self._hang_up()

    async def request(self, packet: P, tag: object = None) -> P:
        """Send a request and wait for its answer.

        Raises:
            NotSentError: the connection ended before any of it was written.
            NoAnswerError: it was written, and no answer came in time or before the end.
            ValueError: the packet cannot be encoded.
        """
        opened = self._make(packet, tag, in_window=True)
        if self._leaving:
            raise NotSentError("the connection is ending")
        self._requests.append(opened)
        self._idle.clear()
        self._wake.set()
        return await opened.future

    @property
    def usable(self) -> bool:
        """Whether new requests are taken."""
        return not self._leaving

    @property
    def room(self) -> int:
        """How many requests could be written at once."""
        return max(0, self.timers.window - self._in_window - len(self._requests))

    async def close(self, patience_s: float = 5.0) -> None:
        """Take nothing new, wait for open answers, say goodbye, end."""
        self._leave()
        if self._over:
            return
        try:
            async with asyncio.timeout(patience_s):
                if self._in_window:
                    await self._idle.wait()
                await self._urgent(self.dialect.goodbye()).future
        except (TimeoutError, SessionError):
            pass
        self._stop.set()

    # --- inside ---

    def _make(self, packet: P, tag: object, *, in_window: bool) -> _Open[P]:
        sequence = self.numbers.next()
        future: asyncio.Future[P] = asyncio.get_running_loop().create_future()
        octets = self.dialect.encode(packet, sequence)
        return _Open(sequence, packet, octets, future, tag, in_window)

    def _urgent(self, packet: P) -> _Open[P]:
        """Send a request of the connection itself: before all others, outside the window."""
        opened = self._make(packet, None, in_window=False)
        opened.written = True
        self._open[opened.sequence] = opened
        self._answers.append(opened.octets)
        self._arm(opened)
        self._wake.set()
        return opened

    def _arm(self, opened: _Open[P]) -> None:
        loop = asyncio.get_running_loop()
        opened.timer = loop.call_later(self.timers.answer_s, self._expire, opened)

    async def _hang_up(self) -> None:
        self.writer.close()
        try:
            async with asyncio.timeout(1.0):
                await self.writer.wait_closed()
        except (OSError, TimeoutError):
            self.writer.transport.abort()

    async def _stopped(self) -> str:
        await self._stop.wait()
        return "closed"

    async def _write(self) -> str:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while octets := self._next_octets():
                    self.writer.write(octets)
                    await self.writer.drain()
                if self._peer_left and not self._in_window:
                    return "the peer said goodbye"
        except OSError as error:
            return f"writing failed: {type(error).__name__}"

    def _next_octets(self) -> bytes | None:
        if self._answers:
            return self._answers.popleft()
        while self._requests and self._in_window < self.timers.window:
            opened = self._requests.popleft()
            if opened.future.done():
                continue
            opened.written = True
            self._open[opened.sequence] = opened
            self._in_window += 1
            self.counters.written += 1
            self._arm(opened)
            return opened.octets
        return None

    async def _read(self) -> str:
        least = self.dialect.header_octets
        try:
            while True:
                head = await self.reader.readexactly(4)
                length = int.from_bytes(head, "big")
                if not least <= length <= FRAME_OCTETS_MAX:
                    return f"a frame of {length} octets"
                frame = self.dialect.decode(head + await self.reader.readexactly(length - 4))
                self._heard_at = asyncio.get_running_loop().time()
                self._heard.set()
                await self._take(frame)
        except asyncio.IncompleteReadError:
            return "the peer closed"
        except OSError as error:
            return f"reading failed: {type(error).__name__}"
        except FrameError as error:
            return f"not a packet: {error}"

    async def _take(self, frame: Frame[P]) -> None:
        if frame.is_answer:
            await self._answered(frame)
            return
        reply = self.dialect.reply(frame.packet)
        if reply is not None:
            self._answer(reply, frame.sequence)
        if self.dialect.is_goodbye(frame.packet):
            self._peer_left = True
            self._leave()
        elif reply is None:
            self.counters.received += 1
            await self._incoming.put(lambda: self._serve(frame))

    async def _serve(self, frame: Frame[P]) -> None:
        answer = await self.handler(frame.packet)
        if answer is not None:
            self._answer(answer, frame.sequence)

    def _answer(self, packet: P, sequence: int) -> None:
        self._answers.append(self.dialect.encode(packet, sequence))
        self._wake.set()

    async def _answered(self, frame: Frame[P]) -> None:
        opened = self._open.get(frame.sequence) or self._late.get(frame.sequence)
        if opened is None or not self.dialect.pairs(opened.packet, frame.packet):
            self.counters.stray += 1
            log.warning("stray_answer", sequence=frame.sequence, kind=type(frame.packet).__name__)
            return
        if self._open.pop(frame.sequence, None) is not None:
            self._close_one(opened)
        else:
            del self._late[frame.sequence]
        if not opened.future.done():
            self.counters.answered += 1
            opened.future.set_result(frame.packet)
        elif opened.in_window:
            self.counters.late += 1
            await self._incoming.put(lambda: self.on_late(opened.tag, frame.packet))

    def _close_one(self, opened: _Open[P]) -> None:
        """An open request is over: its place in the window is free."""
        if opened.timer is not None:
            opened.timer.cancel()
        if opened.in_window:
            self._in_window -= 1
        if not self._in_window and not self._requests:
            self._idle.set()
        self._wake.set()

    def _expire(self, opened: _Open[P]) -> None:
        if self._open.pop(opened.sequence, None) is None:
            return
        self._close_one(opened)
        self._late[opened.sequence] = opened
        while len(self._late) > LATE_MAX:
            del self._late[next(iter(self._late))]
        self._fail(opened)

    def _fail(self, opened: _Open[P]) -> None:
        self.counters.unanswered += opened.in_window and opened.written
        if opened.future.done():
            return
        if not opened.written:
            opened.future.set_exception(NotSentError("the connection ended"))
            return
        opened.future.set_exception(NoAnswerError("no answer"))
        if not opened.in_window:
            opened.future.exception()  # nobody need wait for a test: not an error left unseen

    def _leave(self) -> None:
        """Nothing new is sent; what was sent may still be answered."""
        self._leaving = True
        while self._requests:
            self._fail(self._requests.popleft())
        self._wake.set()

    def _end(self) -> None:
        self._over = True
        self._leave()
        for opened in list(self._open.values()):
            self._open.pop(opened.sequence)
            self._close_one(opened)
            self._fail(opened)

    async def _handle(self) -> str:
        while True:
            work = await self._incoming.get()
            await work()

    async def _watch(self) -> str:
        loop = asyncio.get_running_loop()
        while True:
            quiet_s = loop.time() - self._heard_at
            if quiet_s < self.timers.silence_s:
                await asyncio.sleep(self.timers.silence_s - quiet_s)
            elif not await self._test():
                return "the link is silent"

    async def _test(self) -> bool:
        """Whether anything is heard within so many tests."""
        for _ in range(self.timers.tests):
            self._heard.clear()
            self._urgent(self.dialect.keep_alive())
            try:
                async with asyncio.timeout(self.timers.answer_s):
                    await self._heard.wait()
            except TimeoutError:
                continue
            return True
        return False
