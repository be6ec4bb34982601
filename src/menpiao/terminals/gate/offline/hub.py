"""The hub of a site: asked by lanes that cannot reach the centre, so that a ticket enters once.

It speaks the protocol of the link (``wire.check``) towards its lanes, keeps the bundle like a lane,
passes asks on while the centre answers, and is the one arbiter of the site while it does not.
"""

from __future__ import annotations

import asyncio
import http
import secrets
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec
import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from menpiao.domain.reasons import WORDINGS, Reason
from menpiao.terminals.gate.config import HubConfig
from menpiao.terminals.gate.fleet import FleetTasks, LastGood, hub_with_settings
from menpiao.terminals.gate.offline.decider import LaneDecides
from menpiao.terminals.gate.offline.keeper import Keeper
from menpiao.terminals.gate.offline.local import Local
from menpiao.terminals.gate.offline.reporter import Reporter
from menpiao.terminals.gate.offline.rows import octets_of
from menpiao.terminals.parts.link.base import (
    Errands,
    LateAnswer,
    Link,
    LinkEvent,
    RollingKeys,
)
from menpiao.wire.bundle import BundleDevice, Manifest
from menpiao.wire.check import (
    LINK_SUBPROTOCOL,
    Answer,
    Ask,
    Fault,
    GateInfo,
    Heard,
    Heartbeat,
    Hello,
    HubUp,
    Message,
    Proof,
    Welcome,
    proof_text,
)
from menpiao.wire.fleet import Configure
from menpiao.wire.link import unknown_type
from menpiao.wire.unreadable import UNREADABLE

log = structlog.get_logger(__name__)

LINK_PATH: Final = "/check/v1/link"
_HEARTBEAT_S: Final = 5
_SILENCE_S: Final = 20.0
_GREETING_S: Final = 10.0
_LONGEST_FRAME: Final = 16_384
_BAD_GREETING: Final = 4400
_NOT_ALLOWED: Final = 4401
_SILENT: Final = 4408
_ASK_S: Final = 1.2
_TELL_S: Final = 1.0
_up: msgspec.json.Decoder[Message] = msgspec.json.Decoder(HubUp)
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class HubParts:
    """What a hub is made of; ``tls`` None: lanes connect without it."""

    link: Link
    errands: Errands
    tls: ssl.SSLContext | None = None
    keys: RollingKeys | None = None
    lines: Callable[[int], Sequence[str]] | None = None


async def run_hub(
    config: HubConfig, parts: HubParts, ready: Callable[[int], None] = lambda _: None
) -> None:
    """Serve a site's lanes until cancelled; ``ready`` gets the port that is listened on.

    Raises OSError (in a group) when the port is taken.
    """
    own, kept = config, LastGood(config.pushed_path)
    config = kept.over(own, hub_with_settings)
    rules = config.offline
    local = Local(config.offline_dir, timedelta(seconds=rules.oldest_s), source="hub")
    keeper = Keeper(local, parts.link, parts.errands, rules.check_s)
    decider = LaneDecides(parts.link, local, None, config.pass_on_within_s)
    hub = Hub(local, decider)

    def set_to(wish: Configure) -> None:
        fresh = hub_with_settings(own, wish.settings).offline
        kept.keep(wish)
        local.retime(timedelta(seconds=fresh.oldest_s))
        keeper.retime(fresh.check_s)

    fleet = FleetTasks(parts.link, parts.errands, parts.keys, parts.lines, set_to, keeper.renew_now)

    def of_link(event: LinkEvent) -> None:
        if fleet.took(event):
            return
        keeper.deliver(event)
        if isinstance(event, LateAnswer):
            decider.late(event.answer)

    async def tell() -> None:
        while True:
            await local.look()
            parts.link.tell(decider.vitals)
            await asyncio.sleep(_TELL_S)

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(hub.run(config.host, config.port, parts.tls, ready))
            tasks.create_task(parts.link.run(of_link))
            tasks.create_task(keeper.run())
            tasks.create_task(Reporter(local, parts.link, parts.errands).run())
            tasks.create_task(tell())
    finally:
        await decider.finish()
        local.close()


class Hub:
    """Answers the lanes of a site."""

    def __init__(self, local: Local, decider: LaneDecides) -> None:
        """Decide by ``decider``; ``local`` says whom to believe."""
        self._local = local
        self._decider = decider
        self._lanes: dict[int, ServerConnection] = {}
        self._under_way: dict[tuple[int, str], asyncio.Task[None]] = {}

    async def run(
        self, host: str, port: int, tls: ssl.SSLContext | None, ready: Callable[[int], None]
    ) -> None:
        """Listen until cancelled."""
        async with serve(
            self._lane,
            host,
            port,
            subprotocols=[Subprotocol(LINK_SUBPROTOCOL)],
            process_request=self._plain,
            ping_interval=None,
            compression=None,
            max_size=_LONGEST_FRAME,
            server_header=None,
            close_timeout=1.0,
            ssl=tls,
        ) as server:
            taken = next(iter(server.sockets)).getsockname()[1]
            log.info("hub_ready", port=taken)
            ready(taken)
            await asyncio.get_running_loop().create_future()

    def _plain(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a plain request; None lets a link open."""
        if request.path == LINK_PATH:
            return None
        if request.path != "/state.json":
            return connection.respond(http.HTTPStatus.NOT_FOUND, "no such page\n")
        vitals = self._decider.vitals
        state = {
            "mode": vitals.mode,
            "data_at": vitals.data_at,
            "tickets": vitals.tickets,
            "queue": vitals.queue,
            "lanes": len(self._lanes),
        }
        body = _encoder.encode(state)
        headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body))})
        headers["Cache-Control"] = "no-store"
        headers["Connection"] = "close"
        return Response(http.HTTPStatus.OK.value, http.HTTPStatus.OK.phrase, headers, body)

    async def _lane(self, socket: ServerConnection) -> None:
        try:
            device = await self._greet(socket)
        except ConnectionClosed:
            return
        if device is None:
            return
        self._lanes[device.id] = socket
        log.info("lane_up", device=device.id)
        try:
            await self._serve(socket, device)
        except ConnectionClosed:
            pass
        finally:
            if self._lanes.get(device.id) is socket:
                del self._lanes[device.id]
            log.info("lane_down", device=device.id)

    async def _greet(self, socket: ServerConnection) -> BundleDevice | None:
        challenge = secrets.token_urlsafe(24)
        await _send(socket, Hello(challenge=challenge))
        try:
            async with asyncio.timeout(_GREETING_S):
                proof = _decoded(await socket.recv())
        except TimeoutError:
            proof = None
        if not isinstance(proof, Proof):
            await socket.close(_BAD_GREETING)
            return None
        manifest = await self._manifest()
        device = _proved(manifest, proof, challenge)
        if manifest is None or device is None:
            # Without a bundle a hub knows nobody: its lanes try again.
            known = Reason.DEVICE_UNKNOWN if manifest else Reason.BUSY
            await _send(socket, _fault(known))
            await socket.close(_NOT_ALLOWED if manifest else _BAD_GREETING)
            return None
        await _send(socket, self._welcome(manifest, device))
        return device

    async def _manifest(self) -> Manifest | None:
        known = self._local.known
        if known is None:
            return None
        try:
            return await self._local.run(lambda a: a.store.manifest(known.day))
        except OSError:
            return None

    def _welcome(self, manifest: Manifest, device: BundleDevice) -> Welcome:
        gates = [
            GateInfo(id=g.id, name=g.name, name_en=g.name_en, direction=g.direction)
            for g in manifest.gates
            if g.id in device.gate_ids
        ]
        return Welcome(
            device_id=device.id,
            site_id=manifest.site_id,
            site=manifest.site,
            site_en=manifest.site_en,
            gates=gates,
            heartbeat_s=_HEARTBEAT_S,
            now=self._local.now(),
            utc_offset_s=manifest.utc_offset_s,
        )

    async def _serve(self, socket: ServerConnection, device: BundleDevice) -> None:
        passed_over = 0
        while True:
            try:
                async with asyncio.timeout(_SILENCE_S):
                    frame = await socket.recv()
            except TimeoutError:
                await socket.close(_SILENT)
                return
            message = _decoded(frame)
            kind = unknown_type(frame) if message is None else ""
            if kind:
                # A newer lane's; it is told once, like everybody who says what cannot be used.
                passed_over += 1
                if passed_over > 1:
                    continue
                log.warning("link_message_unknown", device=device.id, kind=kind)
            match message:
                case Ask():
                    self._take(socket, device, message)
                case Heartbeat():
                    await _send(socket, Heartbeat(at=self._local.now()))
                case Heard():
                    await self._hear(message)
                case _:
                    await _send(socket, _fault(Reason.BAD_REQUEST))

    def _take(self, socket: ServerConnection, device: BundleDevice, ask: Ask) -> None:
        key = (device.id, ask.nonce)
        if key in self._under_way:
            return  # asked again after a cut: the answer goes to the link that stands by then
        task = asyncio.create_task(self._answer(socket, device, ask))
        self._under_way[key] = task
        task.add_done_callback(lambda _: self._under_way.pop(key, None))

    async def _answer(self, socket: ServerConnection, device: BundleDevice, ask: Ask) -> None:
        outcome: Answer | Fault
        if ask.gate_id not in device.gate_ids:
            outcome = _fault(Reason.NOT_PERMITTED, ask.nonce)
        else:
            asked = msgspec.structs.replace(ask, of_device=device.id)
            decided = await self._decider.decide(asked, _ASK_S)
            # None of it could be decided: the lane goes on as if there were no hub.
            outcome = decided if isinstance(decided, Answer) else _fault(Reason.BUSY, ask.nonce)
        try:
            await _send(self._lanes.get(device.id, socket), outcome)
        except ConnectionClosed:
            log.info("lane_gone", request_id=ask.nonce)

    async def _hear(self, heard: Heard) -> None:
        now = self._local.now()
        try:
            await self._local.run(lambda a: a.hear(heard, heard.gate_id, now))
        except OSError:
            log.warning("hub_disk", request_id=heard.nonce)


def _proved(manifest: Manifest | None, proof: Proof, challenge: str) -> BundleDevice | None:
    """The device whose key has signed the challenge of this very link."""
    devices = manifest.devices if manifest else []
    device = next((d for d in devices if d.id == proof.device_id), None)
    if device is None or proof.challenge != challenge:
        return None
    try:
        key = Ed25519PublicKey.from_public_bytes(octets_of(device.public_key))
        key.verify(octets_of(proof.signature), proof_text(device.id, challenge))
    except (InvalidSignature, ValueError):
        return None
    return device


def _fault(reason: Reason, nonce: str = "") -> Fault:
    return Fault(code=reason.value, text=WORDINGS[reason].en, nonce=nonce)


def _decoded(frame: str | bytes) -> Message | None:
    try:
        return _up.decode(frame)
    except UNREADABLE:
        return None


async def _send(socket: ServerConnection, message: Message) -> None:
    await socket.send(_encoder.encode(message).decode())
