"""An account's standing link to its gateway: connects, logs in, and comes back after a break."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from menpiao.centre.messaging.session import NotSentError, Session, SessionError

log = structlog.get_logger(__name__)

P = TypeVar("P")


class LoginRefusedError(SessionError):
    """The gateway does not let us in; the text says why."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """How long to wait before the next attempt; waits double, with jitter."""

    first_s: float = 1.0
    most_s: float = 60.0
    refused_s: float = 30.0
    """At least, after a refused login: hammering locks accounts."""
    connect_s: float = 10.0


@dataclass(slots=True)
class Pace:
    """Messages per second of an account, counted together over all its connections.

    ``slow`` after the gateway complained halves the rate; each success brings a little back.
    """

    per_second: float = 50.0
    _gap_s: float = 0.0
    _next_at: float = 0.0

    async def turn(self) -> None:
        """Wait for one's turn; turns are given in order."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        at = max(now, self._next_at)
        self._next_at = at + max(self._gap_s, 1 / self.per_second)
        if at > now:
            await asyncio.sleep(at - now)

    def slow(self) -> None:
        """The gateway says that we are too fast."""
        self._gap_s = min(2.0, max(self._gap_s, 1 / self.per_second) * 2)

    def went_well(self) -> None:
        """A message was taken."""
        self._gap_s *= 0.95

    @property
    def rate(self) -> float:
        """Messages per second at the moment."""
        return 1 / max(self._gap_s, 1 / self.per_second)


@dataclass(slots=True)
class LinkState:
    """What there is to know about a link."""

    connected: bool = False
    connections: int = 0
    attempts_failed: int = 0
    last_error: str = ""


Open = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Session[P]]
Login = Callable[[Session[P]], Awaitable[None]]


@dataclass(slots=True)
class Link(Generic[P]):
    """Keeps one connection; ``open_session`` dresses a socket, ``login`` makes it usable."""

    host: str
    port: int
    open_session: Open[P]
    login: Login[P]
    reconnect: Reconnect = field(default_factory=Reconnect)
    pace: Pace = field(default_factory=Pace)
    state: LinkState = field(default_factory=LinkState)
    _session: Session[P] | None = None

    @property
    def room(self) -> int:
        """How many messages could leave at once; 0 without a connection."""
        return self._session.room if self._session is not None and self._session.usable else 0

    async def request(self, packet: P, tag: object = None) -> P:
        """Send over the connection there is, at the account's pace.

        Raises:
            NotSentError: there is none, or it ended before anything left.
            NoAnswerError: what became of it is not known.
            ValueError: the packet cannot be encoded.
        """
        await self.pace.turn()
        if self._session is None:
            raise NotSentError("not connected")
        return await self._session.request(packet, tag)

    async def run(self) -> None:
        """Stay connected until cancelled; then say goodbye."""
        wait_s = self.reconnect.first_s
        while True:
            least_s, logged_in = await self._once()
            wait_s = self.reconnect.first_s if logged_in else min(wait_s * 2, self.reconnect.most_s)
            jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnections, keeps no secret
            await asyncio.sleep(max(least_s, wait_s * jitter))

    async def _once(self) -> tuple[float, bool]:
        """One connection: the least wait after it, and whether it was of use."""
        try:
            async with asyncio.timeout(self.reconnect.connect_s):
                streams = await asyncio.open_connection(self.host, self.port)
        except (OSError, TimeoutError) as error:
            self._failed(f"cannot connect: {type(error).__name__}")
            return 0.0, False
        session = self.open_session(*streams)
        serving = asyncio.create_task(session.run())
        try:
            async with asyncio.timeout(self.reconnect.connect_s):
                await self.login(session)
        except (SessionError, TimeoutError) as error:
            self._failed(str(error) or "no answer to the login")
            await _end(session, serving, patience_s=0.5)
            return (
                self.reconnect.refused_s if isinstance(error, LoginRefusedError) else 0.0
            ), False
        except asyncio.CancelledError:
            await _end(session, serving, patience_s=0.5)
            raise
        return await self._serve(session, serving)

    async def _serve(self, session: Session[P], serving: asyncio.Task[str]) -> tuple[float, bool]:
        self._session = session
        self.state.connected = True
        self.state.connections += 1
        self.state.last_error = ""
        log.info("gateway_connected", host=self.host, port=self.port)
        try:
            self.state.last_error = await asyncio.shield(serving)
        except asyncio.CancelledError:
            self._session = None
            await _end(session, serving, patience_s=5.0)
            raise
        finally:
            self._session = None
            self.state.connected = False
        log.warning("gateway_lost", host=self.host, reason=self.state.last_error)
        return 0.0, True

    def _failed(self, reason: str) -> None:
        self.state.attempts_failed += 1
        self.state.last_error = reason
        log.warning("gateway_not_reached", host=self.host, port=self.port, reason=reason)


async def _end(session: Session[P], serving: asyncio.Task[str], patience_s: float) -> None:
    await session.close(patience_s)
    await serving
