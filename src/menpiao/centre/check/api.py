"""The check server's doors: HTTP for one ask at a time, a persistent link for gates."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

import msgspec
import structlog
from prometheus_client import Counter, Gauge
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from structlog.contextvars import bind_contextvars

from menpiao.centre.check.board import BoardApi
from menpiao.centre.check.board_doors import BOARD, WATCH
from menpiao.centre.check.device_scheme import DEVICE
from menpiao.centre.check.doors import (
    ADMISSION,
    BAD_GREETING,
    CHALLENGE,
    ENROL,
    KEYS,
    LINK,
    LONGEST_FRAME,
    NOT_ALLOWED,
    SESSION,
    SILENT,
    TABLE,
    TOO_BIG,
    UNSUPPORTED_DATA,
)
from menpiao.centre.check.feed import Feed, Follower
from menpiao.centre.check.fleet import Fleet, Terminal
from menpiao.centre.check.identity import CHALLENGE_VALID_S, Identity
from menpiao.centre.check.identity import decode as decode_base64
from menpiao.centre.check.lanes import LaneApi, LaneServices
from menpiao.centre.check.link import LinkFlow, fault
from menpiao.centre.doors.hot import HotDoor
from menpiao.centre.doors.reading import decode
from menpiao.centre.doors.serve import Asked, routes
from menpiao.domain.reasons import Reason, Refusal
from menpiao.wire.check import (
    LINK_SUBPROTOCOL,
    Acknowledged,
    Ask,
    Challenge,
    Enrolled,
    Enrolment,
    Follow,
    Heartbeat,
    Hello,
    Proof,
    Session,
    Welcome,
)
from menpiao.wire.fleet import Configured, KeyRoll, KeyRolled
from menpiao.wire.link import LinkUp, unknown_type

log = structlog.get_logger(__name__)
_links = Gauge("menpiao_links_up", "Links of terminals to this process")
_passed_over = Counter(
    "menpiao_link_messages_unknown_total",
    "Messages of terminals of types that only a newer version knows",
)

HEARTBEAT_S = 5
SILENCE_S = HEARTBEAT_S * 4
_GREETING_S = 10
_encoder = msgspec.json.Encoder()
_proof = msgspec.json.Decoder(Proof)
_Up = Proof | Ask | Heartbeat | Follow | Acknowledged | Configured
_up: msgspec.json.Decoder[_Up] = msgspec.json.Decoder(LinkUp)


class _LinkOver(Exception):
    """The link ends, with this close code."""

    def __init__(self, code: int) -> None:
        self.code = code


class CheckApi:
    """Routes of the check server (patent part 701)."""

    def __init__(
        self,
        services: LaneServices,
        identity: Identity,
        board_key: bytes,
        clock: Callable[[], datetime],
    ) -> None:
        """Speak for these services; ``board_key`` seals passes, ``clock`` gives the time in UTC."""
        self._service = services.check
        self._bundles = services.bundles
        self._lanes = LaneApi(services)
        self._board = BoardApi(services.states, board_key, clock)
        self._feed = Feed(services.bundles)
        self._terminals = services.terminals
        self._fleet = Fleet(services, clock)
        self._identity = identity
        self._clock = clock
        self.links: dict[int, WebSocket] = {}

    def routes(self) -> list[BaseRoute]:
        """The routes to mount."""
        handlers = {
            ENROL: self.enrol,
            CHALLENGE: self.challenge,
            SESSION: self.session,
            ADMISSION: self.admission,
            KEYS: self.roll,
            **self._lanes.handlers(),
            BOARD: self._board.stream,
        }
        guards = {DEVICE: self._device, WATCH: self._board.watcher}
        return routes(TABLE, handlers, guards, {LINK: self.link})

    def hot(self) -> list[HotDoor]:
        """The door that every gate asks."""
        return [HotDoor(ADMISSION, self._service.post, self._service.outcome, self._device_at_hand)]

    def _device_at_hand(self, header: bytes) -> object:
        """The device whose session token is shown, when it may ask and that is known already."""
        scheme, _, token = header.partition(b" ")
        if scheme != b"Bearer":
            return None
        device_id = self._identity.device_of(token.decode("latin-1"), self._clock())
        return None if device_id is None else self._service.device_at_hand(device_id)

    async def enrol(self, asked: Asked) -> Enrolled | Refusal:
        """Give a new device its place for a one-time code."""
        enrolment: Enrolment = asked.body
        key = decode_base64(enrolment.public_key)
        if key is None or len(key) != 32:
            return Refusal(Reason.BAD_REQUEST, "not an Ed25519 key", "public_key")
        return await self._service.enrol(enrolment, key)

    async def challenge(self, asked: Asked) -> Challenge:  # noqa: ARG002 - a handler's shape
        """A challenge for a session."""
        text = self._identity.challenge(self._clock())
        return Challenge(challenge=text, valid_s=CHALLENGE_VALID_S)

    async def session(self, asked: Asked) -> Session | Refusal:
        """A session token for a signed challenge."""
        proof: Proof = asked.body
        refusal = await self._prove(proof, proof.challenge)
        if refusal is not None:
            return refusal
        token, ends = self._identity.token(proof.device_id, self._clock())
        return Session(token=token, expires_at=ends)

    async def roll(self, asked: Asked) -> KeyRolled | Refusal:
        """Put another key in the place of a device's."""
        roll: KeyRoll = asked.body
        device = await self._service.device(roll.device_id)
        if isinstance(device, Refusal):
            return device
        if not self._identity.rolls(device.public_key, roll, self._clock()):
            return Refusal(Reason.DEVICE_UNKNOWN, "a signature does not hold")
        after = decode_base64(roll.public_key)
        if after is not None and after != device.public_key:
            refusal = await self._terminals.roll(device, after)
            if refusal is not None:
                return refusal
        return KeyRolled(device_id=device.id)

    async def _prove(self, proof: Proof, challenge: str) -> Refusal | None:
        device = await self._service.device(proof.device_id)
        if isinstance(device, Refusal):
            return device
        now = self._clock()
        holds = self._identity.proves(
            proof.device_id, device.public_key, challenge, proof.signature, now
        )
        return None if holds else Refusal(Reason.DEVICE_UNKNOWN, "signature does not hold")

    async def _device(self, request: Request) -> object:
        """The device whose session token is shown, or a refusal."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        shown = scheme.lower() == "bearer"
        device_id = self._identity.device_of(token, self._clock()) if shown else None
        if device_id is None:
            return Refusal(Reason.DEVICE_UNKNOWN, "no valid session token")
        return await self._service.device(device_id)

    async def admission(self, asked: Asked) -> bytes | Refusal:
        """One ask, one answer."""
        bind_contextvars(nonce=asked.body.nonce)
        return await self._service.admit(asked.who, asked.body)

    async def link(self, socket: WebSocket) -> None:
        """A gate's persistent link: challenge, proof, then asks and answers as they come."""
        await socket.accept(subprotocol=LINK_SUBPROTOCOL)
        # RuntimeError: the other side is gone, and an answer was still under way to it.
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            try:
                await self._greet(socket)
            except _LinkOver as over:
                await socket.close(over.code)

    async def _greet(self, socket: WebSocket) -> None:
        challenge = self._identity.challenge(self._clock())
        await _send(socket, Hello(challenge=challenge))
        try:
            text = await asyncio.wait_for(_text(socket), _GREETING_S)
        except TimeoutError:
            raise _LinkOver(BAD_GREETING) from None
        proof = decode(_proof, text)
        if not isinstance(proof, Proof):
            await _send(socket, fault(proof[1]))
            raise _LinkOver(BAD_GREETING)
        refusal = await self._prove(proof, challenge)
        device = await self._service.device(proof.device_id)
        if refusal is not None or isinstance(device, Refusal):
            await _send(socket, fault(refusal or Refusal(Reason.DEVICE_UNKNOWN)))
            raise _LinkOver(NOT_ALLOWED)
        site, site_en = self._service.site_names(device.site_id)
        now = self._clock()
        welcome = Welcome(
            device_id=device.id,
            site_id=device.site_id,
            site=site,
            site_en=site_en,
            gates=self._service.gates_of(device),
            heartbeat_s=HEARTBEAT_S,
            now=now,
            utc_offset_s=self._service.utc_offset_s(device.site_id, now),
            bundle_key=self._bundles.public_key,
        )
        await _send(socket, welcome)
        self.links[device.id] = socket
        _links.inc()
        log.info("link_up", device=device.id)
        follower = Follower(device.site_id, lambda changes: _send(socket, changes), {})
        terminal = Terminal(
            device.id,
            device.site_id,
            proof.software,
            lambda command: _send(socket, command),
            lambda: socket.close(NOT_ALLOWED),
        )
        self._fleet.join(terminal, now)
        try:
            await self._serve(socket, terminal, follower)
        finally:
            self._feed.leave(follower)
            self._fleet.leave(terminal, self._clock())
            if self.links.get(device.id) is socket:
                del self.links[device.id]
            _links.dec()
            log.info("link_down", device=device.id)

    async def _serve(self, socket: WebSocket, terminal: Terminal, follower: Follower) -> None:
        """Take asks until the link ends; what is under way then is still decided and answered."""
        loop = asyncio.get_running_loop()
        silence = asyncio.timeout(SILENCE_S)

        def heard() -> None:
            until = loop.time() + SILENCE_S
            if not silence.expired() and until - (silence.when() or until) > 1:
                silence.reschedule(until)

        flow = LinkFlow(self._service, terminal.device_id, socket, heard)
        writer = asyncio.create_task(flow.write())
        try:
            async with silence:
                flow.begin()
                while True:
                    message = await self._receive(socket, terminal, heard)
                    if isinstance(message, Ask):
                        flow.ask(message)
                    elif isinstance(message, Heartbeat):
                        self._fleet.heard(terminal, message, self._clock())
                        await _send(socket, Heartbeat(at=self._clock()))
                    elif isinstance(message, Follow):
                        self._feed.follow(follower, message)
                    elif isinstance(message, Acknowledged | Configured):
                        self._fleet.answered(terminal, message)
                    else:
                        refusal = Refusal(Reason.BAD_REQUEST, "the link is proved", "type")
                        await _send(socket, fault(refusal))
        except TimeoutError:
            raise _LinkOver(SILENT) from None
        finally:
            flow.end()
            await writer

    async def _receive(
        self, socket: WebSocket, terminal: Terminal, heard: Callable[[], None]
    ) -> _Up:
        """The next message that can be read; what cannot be is answered with a fault.

        Of a newer terminal's types the first on a link alone is: the others are passed over.

        Raises:
            WebSocketDisconnect: the other side has ended the link.
            _LinkOver: this side ends it.
        """
        while True:
            text = await _text(socket)
            message = decode(_up, text)
            if isinstance(message, _Up):
                heard()
                return message
            kind = unknown_type(text)
            if kind:
                heard()
                _passed_over.inc()
                terminal.unknown += 1
                if terminal.unknown > 1:
                    continue
                log.warning("link_message_unknown", device=terminal.device_id, kind=kind)
            await _send(socket, fault(message[1]))


async def _text(socket: WebSocket) -> str:
    """The next text frame.

    Raises:
        WebSocketDisconnect: the other side has ended the link.
        _LinkOver: the frame is binary, or too long.
    """
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text = message.get("text")
    if text is None:
        raise _LinkOver(UNSUPPORTED_DATA)
    if len(text) > LONGEST_FRAME:
        raise _LinkOver(TOO_BIG)
    return str(text)


async def _send(socket: WebSocket, message: msgspec.Struct) -> None:
    await socket.send_text(_encoder.encode(message).decode())
