"""The link over a web socket: proof of identity, heart-beats, reconnects, answers by nonce.

```
connect ─▶ Hello ─▶ Proof ─▶ Welcome ─▶ ┌ asks, answers, heart-beats ┐
   ▲          └ refused: wait long      └──────────────┬─────────────┘
   └────────── back-off with chance ◀── cut, silence ──┘
```
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Final

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from menpiao.domain.reasons import Reason
from menpiao.terminals.parts.link.base import (
    Greeted,
    Keys,
    LateAnswer,
    LinkChanged,
    LinkEvent,
    LinkFailure,
    LinkState,
    LinkTrouble,
    Vitals,
)
from menpiao.terminals.parts.link.identity import Identity
from menpiao.terminals.parts.link.pending import Pending, Waiting, reason_of
from menpiao.terminals.parts.link.timings import Timings
from menpiao.wire.check import (
    LINK_SUBPROTOCOL,
    PROTOCOL_VERSION,
    Acknowledged,
    Answer,
    Ask,
    Change,
    Changes,
    Command,
    Fault,
    Follow,
    Heard,
    Heartbeat,
    Hello,
    Message,
    Welcome,
)
from menpiao.wire.fleet import Configure, Configured
from menpiao.wire.link import LinkDown, unknown_type
from menpiao.wire.unreadable import UNREADABLE

log = structlog.get_logger(__name__)

_REFUSED_CLOSE: Final = 4401
_LONGEST_FRAME: Final = 32 << 20
"""What has changed since a bundle comes in one frame; after a long cut that is a lot."""
_down: msgspec.json.Decoder[Message] = msgspec.json.Decoder(LinkDown)
_encoder = msgspec.json.Encoder()
_NOTED_MOST: Final = 32


class _Refused(Exception):
    """The centre does not let this terminal in."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class WebSocketLink:
    """A `Link` to ``{centre}/check/v1/link``."""

    def __init__(
        self,
        centre: str,
        identity: Keys,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Random | None = None,
        timings: Timings | None = None,
        tls: ssl.SSLContext | None = None,
        software: str = "",
    ) -> None:
        """``centre`` is its base address, https or http; ``tls`` None: the system's authorities."""
        base = centre.rstrip("/").replace("http", "ws", 1)
        self._url = f"{base}/check/v1/link"
        self._identity = identity
        self._clock = clock
        self._chance = chance or Random()  # noqa: S311 - spreads reconnects, guards nothing
        self._timings = timings or Timings()
        self._tls = tls if base.startswith("wss:") else None
        self._software = software
        self._tried: Identity | None = None
        self._came_again = False
        self._pending = Pending()
        self._socket: ClientConnection | None = None
        self._state = LinkState.DOWN
        self._refusal = Reason.DEVICE_UNKNOWN
        self._told: Reason | None = None
        self._heard_at = 0.0
        self._attempt = 0
        self._vitals = Vitals()
        self._unknown = 0
        self._noted: set[str] = set()
        self._lane: Callable[[], str] = str
        self._paper: Callable[[], str] = str
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def state(self) -> LinkState:
        """The present state, for health."""
        return self._state

    def watch(self, state: Callable[[], str], paper: Callable[[], str] = str) -> None:
        """Tell with each heart-beat how the lane is; see `base.Link.watch`."""
        self._lane, self._paper = state, paper

    def acknowledge(self, said: Acknowledged | Configured) -> None:
        """Tell what was done about what was sent; see `base.Link.acknowledge`."""
        if self._state is LinkState.UP and self._socket is not None:
            task = asyncio.create_task(_send(self._socket, said))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def run(self, deliver: Callable[[LinkEvent], None]) -> None:
        """Keep the link up until cancelled; see `base.Link.run`."""
        while True:
            pause_s = self._timings.refused_s
            try:
                await self._live(deliver)
            except _Refused as refused:
                if self._other_key(refused.reason):
                    continue
                self._refusal = refused.reason
                self._change(LinkState.REFUSED, deliver)
                self._pending.refuse_all(refused.reason)
            except (OSError, TimeoutError, WebSocketException, EOFError) as error:
                log.info("link_cut", kind=type(error).__name__, attempt=self._attempt)
                self._change(LinkState.DOWN, deliver)
                pause_s = self._timings.back_off_s(self._attempt, self._chance)
                self._attempt += 1
            await asyncio.sleep(pause_s)

    def _other_key(self, reason: Reason) -> bool:
        """Whether to come again at once with another key: once for each time of being refused."""
        if reason is not Reason.DEVICE_UNKNOWN or self._tried is None:
            return False
        again = self._identity.refused(self._tried) and not self._came_again
        self._came_again = again
        return again

    async def ask(self, ask: Ask, timeout_s: float) -> Answer | LinkFailure:
        """Ask the centre; see `base.Link.ask`."""
        if self._state is LinkState.REFUSED:
            return LinkFailure(LinkTrouble.REFUSED, self._refusal)
        log.info("asked", request_id=ask.nonce, gate=ask.gate_id)
        waiting = self._pending.add(ask.nonce, _text(ask))
        try:
            if self._socket is not None:
                await self._send_ask(waiting, self._socket, timeout_s)
            await asyncio.wait({waiting.outcome}, timeout=timeout_s / 2)
            if not waiting.outcome.done():
                self._probe()
                await asyncio.wait({waiting.outcome}, timeout=timeout_s / 2)
            if waiting.outcome.done():
                return waiting.outcome.result()
            self._suspect(waiting)
            sent = waiting.sends > 0
            return LinkFailure(LinkTrouble.TIMED_OUT if sent else LinkTrouble.DOWN)
        finally:
            self._pending.drop(ask.nonce)

    async def send(self, message: Follow | Heard) -> bool:
        """Send what needs no answer; see `base.Link.send`."""
        socket = self._socket
        if socket is None:
            return False
        try:
            await socket.send(_text(message))
        except ConnectionClosed:
            return False
        return True

    def tell(self, vitals: Vitals) -> None:
        """What the next heart-beats say."""
        self._vitals = vitals

    async def _send_ask(self, waiting: Waiting, socket: ClientConnection, timeout_s: float) -> None:
        # Cut, or blocked by a full buffer: run() notices, and the time-out goes on counting.
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(timeout_s / 4):
                await self._pending.send(waiting, socket.send)

    def _probe(self) -> None:
        """Ask for a sign of life: a centre that is slow answers it at once, a dead line never."""
        if self._socket is not None:
            task = asyncio.create_task(self._beat(self._socket))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _suspect(self, waiting: Waiting) -> None:
        """Cut a link on which nothing has come since the ask was sent: it is dead."""
        if self._socket is not None and waiting.sends and self._heard_at < waiting.sent_at:
            log.warning("link_silent")
            self._socket.transport.abort()

    async def _live(self, deliver: Callable[[LinkEvent], None]) -> None:
        """One connection, from opening to its end; the end is always an exception."""
        try:
            async with connect(
                self._url,
                subprotocols=[Subprotocol(LINK_SUBPROTOCOL)],
                open_timeout=self._timings.connect_s,
                close_timeout=self._timings.close_s,
                ping_interval=None,
                max_size=_LONGEST_FRAME,
                proxy=None,
                compression=None,
                ssl=self._tls,
            ) as socket:
                welcome = await self._greet(socket)
                await self._serve(socket, welcome, deliver)
        except ConnectionClosed as closed:
            if closed.rcvd is not None and closed.rcvd.code == _REFUSED_CLOSE:
                raise _Refused(Reason.DEVICE_UNKNOWN) from None
            raise
        except InvalidStatus as answer:
            log.warning("link_status", status=answer.response.status_code)
            raise
        finally:
            self._socket = None

    async def _greet(self, socket: ClientConnection) -> Welcome:
        hello = await self._next(socket)
        if not isinstance(hello, Hello):
            raise WebSocketException("the centre did not greet")
        if hello.version != PROTOCOL_VERSION:
            log.error("link_version", theirs=hello.version, ours=PROTOCOL_VERSION)
            raise _Refused(Reason.NEEDS_STAFF)
        self._tried = self._identity.attempt()
        await socket.send(_text(self._tried.prove(hello.challenge, self._software)))
        welcome = await self._next(socket)
        if isinstance(welcome, Fault):
            log.warning("link_refused", code=welcome.code)
            raise _Refused(reason_of(welcome.code))
        if not isinstance(welcome, Welcome):
            raise WebSocketException("the centre did not welcome")
        self._came_again = False
        # A disk that is full: both keys stay, and the next welcome tries again.
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._identity.welcomed, self._tried)
        return welcome

    async def _next(self, socket: ClientConnection) -> Message:
        async with asyncio.timeout(self._timings.greet_s):
            while True:
                message = self._decoded(await socket.recv())
                if message is not None:
                    return message

    async def _serve(
        self, socket: ClientConnection, welcome: Welcome, deliver: Callable[[LinkEvent], None]
    ) -> None:
        beat_s = max(1, welcome.heartbeat_s)
        self._attempt = 0
        self._heard_at = asyncio.get_running_loop().time()
        log.info("link_up", device=welcome.device_id, skew_s=self._skew_s(welcome.now))
        deliver(Greeted(welcome))
        self._socket = socket
        self._change(LinkState.UP, deliver)
        beats = asyncio.create_task(self._keep_beating(socket, beat_s / 2))
        try:
            await self._pending.send_all(socket.send)
            while True:
                async with asyncio.timeout(beat_s * self._timings.silence_beats):
                    message = self._decoded(await socket.recv())
                self._heard_at = asyncio.get_running_loop().time()
                if message is not None:
                    self._take(message, deliver)
        finally:
            beats.cancel()

    def _take(self, message: Message, deliver: Callable[[LinkEvent], None]) -> None:
        match message:
            case Answer():
                if not self._pending.settle(message.nonce, message):
                    log.warning("late_answer", request_id=message.nonce, admitted=message.admitted)
                    deliver(LateAnswer(message))
            case Fault():
                log.warning("link_fault", code=message.code, request_id=message.nonce)
                reason = reason_of(message.code)
                if reason in {Reason.DEVICE_REVOKED, Reason.DEVICE_UNKNOWN}:
                    raise _Refused(reason)
                self._pending.settle_fault(message)
            case Command() | Change() | Changes() | Configure():
                deliver(message)
            case _:
                pass  # a heart-beat has told what it has to tell by coming

    def _decoded(self, frame: str | bytes) -> Message | None:
        """A frame as a message; one that cannot be used is noted and passed over."""
        try:
            return _down.decode(frame)
        except UNREADABLE:
            self._pass_over(frame)
            return None

    def _pass_over(self, frame: str | bytes) -> None:
        kind = unknown_type(frame)
        if not kind:
            log.warning("link_frame_unusable", length=len(frame))
            return
        self._unknown += 1
        if kind not in self._noted and len(self._noted) < _NOTED_MOST:
            self._noted.add(kind)
            log.warning("link_message_unknown", kind=kind)

    async def _keep_beating(self, socket: ClientConnection, every_s: float) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(every_s)
                await self._beat(socket)

    async def _beat(self, socket: ClientConnection) -> None:
        vitals = self._vitals
        beat = Heartbeat(
            at=self._clock(),
            state=self._lane(),
            paper=self._paper(),
            mode=vitals.mode,
            data_at=vitals.data_at,
            tickets=vitals.tickets,
            queue=vitals.queue,
            software=self._software,
            rules=vitals.rules,
            rules_why=vitals.rules_why,
            unknown=self._unknown or None,
        )
        await socket.send(_text(beat))

    def _change(self, state: LinkState, deliver: Callable[[LinkEvent], None]) -> None:
        reason = self._refusal if state is LinkState.REFUSED else None
        # A terminal that was only unknown before is to be told that it is revoked.
        if (state, reason) != (self._state, self._told):
            self._state, self._told = state, reason
            deliver(LinkChanged(state, reason))

    def _skew_s(self, theirs: datetime) -> float:
        """How far this terminal's clock is ahead of the centre's."""
        return round((self._clock() - theirs).total_seconds(), 1)


async def _send(socket: ClientConnection, message: Message) -> None:
    with contextlib.suppress(ConnectionClosed):
        await socket.send(_text(message))


def _text(message: Message) -> str:
    return _encoder.encode(message).decode()
