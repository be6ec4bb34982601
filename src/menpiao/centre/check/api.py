"""The check server's doors: HTTP for one ask at a time, a persistent link for gates."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from menpiao.centre.check.identity import CHALLENGE_VALID_S, Identity, decode
from menpiao.centre.check.service import CheckService
from menpiao.domain.reasons import WORDINGS, Reason, Refusal
from menpiao.wire.check import (
    LINK_SUBPROTOCOL,
    Ask,
    Challenge,
    Enrolment,
    Fault,
    Heartbeat,
    Hello,
    LinkUp,
    Problem,
    Proof,
    Session,
    Welcome,
)

log = structlog.get_logger(__name__)

HEARTBEAT_S = 5
_LONGEST_BODY = 4096
_IN_FLIGHT = 256
_STATUS = {
    Reason.DEVICE_UNKNOWN: 401,
    Reason.DEVICE_REVOKED: 401,
    Reason.NOT_PERMITTED: 403,
    Reason.TOKEN_REUSED: 409,
    Reason.BUSY: 503,
}
_encoder = msgspec.json.Encoder()
_ask = msgspec.json.Decoder(Ask)
_proof = msgspec.json.Decoder(Proof)
_enrolment = msgspec.json.Decoder(Enrolment)
_up: msgspec.json.Decoder[Proof | Ask | Heartbeat] = msgspec.json.Decoder(LinkUp)


def problem(refusal: Refusal) -> Response:
    """A refused request as an answer: a code of the reason table and what to do."""
    words = refusal.wording
    body = Problem(
        code=refusal.reason.value,
        zh=words.zh,
        en=words.en,
        detail=refusal.detail,
        field=refusal.field,
    )
    status = _STATUS.get(refusal.reason, 400)
    return _json(_encoder.encode(body), status)


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")


def _unreadable(error: Exception) -> Refusal:
    # The decoder's message names the field and the rule, never the value.
    return Refusal(Reason.BAD_REQUEST, str(error))


class CheckApi:
    """Routes of the check server (patent part 701)."""

    def __init__(
        self, service: CheckService, identity: Identity, clock: Callable[[], datetime]
    ) -> None:
        """Speak for a service; ``clock`` gives the time in UTC."""
        self._service = service
        self._identity = identity
        self._clock = clock
        self.links: dict[int, WebSocket] = {}

    def routes(self) -> list[BaseRoute]:
        """The routes to mount."""
        return [
            Route("/check/v1/devices", self.enrol, methods=["POST"]),
            Route("/check/v1/challenges", self.challenge, methods=["POST"]),
            Route("/check/v1/sessions", self.session, methods=["POST"]),
            Route("/check/v1/admissions", self.admission, methods=["POST"]),
            WebSocketRoute("/check/v1/link", self.link),
        ]

    async def enrol(self, request: Request) -> Response:
        """Give a new device its place for a one-time code."""
        try:
            enrolment = _enrolment.decode(await _body(request))
        except msgspec.MsgspecError as error:
            return problem(_unreadable(error))
        key = decode(enrolment.public_key)
        if key is None or len(key) != 32:
            return problem(Refusal(Reason.BAD_REQUEST, "not an Ed25519 key", "public_key"))
        outcome = await self._service.enrol(enrolment, key)
        if isinstance(outcome, Refusal):
            return problem(outcome)
        return _json(_encoder.encode(outcome), 201)

    async def challenge(self, request: Request) -> Response:  # noqa: ARG002 - a route's shape
        """A challenge for a session."""
        text = self._identity.challenge(self._clock())
        return _json(_encoder.encode(Challenge(challenge=text, valid_s=CHALLENGE_VALID_S)))

    async def session(self, request: Request) -> Response:
        """A session token for a signed challenge."""
        try:
            proof = _proof.decode(await _body(request))
        except msgspec.MsgspecError as error:
            return problem(_unreadable(error))
        refusal = await self._prove(proof, proof.challenge)
        if refusal is not None:
            return problem(refusal)
        token, ends = self._identity.token(proof.device_id, self._clock())
        return _json(_encoder.encode(Session(token=token, expires_at=ends)))

    async def _prove(self, proof: Proof, challenge: str) -> Refusal | None:
        device = await self._service.device(proof.device_id)
        if isinstance(device, Refusal):
            return device
        now = self._clock()
        holds = self._identity.proves(
            proof.device_id, device.public_key, challenge, proof.signature, now
        )
        return None if holds else Refusal(Reason.DEVICE_UNKNOWN, "signature does not hold")

    async def admission(self, request: Request) -> Response:
        """One ask, one answer."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        device_id = self._identity.device_of(token, self._clock()) if scheme == "Bearer" else None
        if device_id is None:
            return problem(Refusal(Reason.DEVICE_UNKNOWN, "no valid session token"))
        device = await self._service.device(device_id)
        if isinstance(device, Refusal):
            return problem(device)
        try:
            ask = _ask.decode(await _body(request))
        except msgspec.MsgspecError as error:
            return problem(_unreadable(error))
        outcome = await self._service.admit(device, ask)
        return problem(outcome) if isinstance(outcome, Refusal) else _json(outcome)

    async def link(self, socket: WebSocket) -> None:
        """A gate's persistent link: challenge, proof, then asks and answers as they come."""
        await socket.accept(subprotocol=LINK_SUBPROTOCOL)
        with contextlib.suppress(WebSocketDisconnect):
            await self._greet(socket)

    async def _greet(self, socket: WebSocket) -> None:
        challenge = self._identity.challenge(self._clock())
        await _send(socket, Hello(challenge=challenge))
        try:
            proof = _proof.decode(await asyncio.wait_for(socket.receive_text(), 10))
        except (msgspec.MsgspecError, TimeoutError, KeyError):
            await socket.close(4400)
            return
        refusal = await self._prove(proof, challenge)
        if refusal is not None:
            await _fault(socket, refusal)
            await socket.close(4401)
            return
        device = await self._service.device(proof.device_id)
        if isinstance(device, Refusal):
            await socket.close(4401)
            return
        site, site_en = self._service.site_names(device.site_id)
        welcome = Welcome(
            device_id=device.id,
            site_id=device.site_id,
            site=site,
            site_en=site_en,
            gates=self._service.gates_of(device),
            heartbeat_s=HEARTBEAT_S,
            now=self._clock(),
        )
        await _send(socket, welcome)
        self.links[device.id] = socket
        log.info("link_up", device=device.id)
        try:
            await self._serve(socket, device.id)
        finally:
            if self.links.get(device.id) is socket:
                del self.links[device.id]
            log.info("link_down", device=device.id)

    async def _serve(self, socket: WebSocket, device_id: int) -> None:
        room = asyncio.Semaphore(_IN_FLIGHT)
        async with asyncio.TaskGroup() as tasks:
            while True:
                message = await self._receive(socket)
                if message is None:
                    return
                if isinstance(message, Ask):
                    await room.acquire()
                    task = tasks.create_task(self._answer(socket, device_id, message))
                    task.add_done_callback(lambda _: room.release())
                elif isinstance(message, Heartbeat):
                    await _send(socket, Heartbeat(at=self._clock()))

    async def _receive(self, socket: WebSocket) -> Ask | Heartbeat | Proof | None:
        """The next message; None when the link has ended or is silent for too long."""
        while True:
            try:
                text = await asyncio.wait_for(socket.receive_text(), HEARTBEAT_S * 4)
            except (WebSocketDisconnect, TimeoutError, KeyError):
                return None
            try:
                return _up.decode(text)
            except msgspec.MsgspecError as error:
                await _fault(socket, _unreadable(error))

    async def _answer(self, socket: WebSocket, device_id: int, ask: Ask) -> None:
        device = await self._service.device(device_id)
        if isinstance(device, Refusal):
            await _fault(socket, device, ask.nonce)
            await socket.close(4401)
            return
        outcome = await self._service.admit(device, ask)
        # A link that ended meanwhile: the terminal asks again under the same nonce.
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            if isinstance(outcome, Refusal):
                await _fault(socket, outcome, ask.nonce)
            else:
                await socket.send_text(outcome.decode())


async def _body(request: Request) -> bytes:
    body = await request.body()
    if len(body) > _LONGEST_BODY:
        msg = "the message is too long"
        raise msgspec.ValidationError(msg)
    return body


async def _send(socket: WebSocket, message: msgspec.Struct) -> None:
    await socket.send_text(_encoder.encode(message).decode())


async def _fault(socket: WebSocket, refusal: Refusal, nonce: str = "") -> None:
    words = WORDINGS[refusal.reason]
    text = f"{words.en}: {refusal.detail}" if refusal.detail else words.en
    await _send(socket, Fault(code=refusal.reason.value, text=text, nonce=nonce))
