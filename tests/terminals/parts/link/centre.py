"""A small centre that speaks the wire messages, greets for real and answers as a test says."""

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Self

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from menpiao.domain.reasons import WORDINGS, Reason
from menpiao.terminals.parts.link.identity import Identity, new_identity
from menpiao.terminals.parts.link.timings import Timings
from menpiao.terminals.parts.link.websocket import WebSocketLink
from menpiao.wire.check import (
    LINK_SUBPROTOCOL,
    Answer,
    Ask,
    Fault,
    GateInfo,
    Heartbeat,
    Hello,
    Proof,
    Welcome,
    proof_text,
)
from menpiao.wire.link import LinkUp

GATE_ID = 7
FAST = Timings(
    connect_s=1.0, greet_s=1.0, back_off_first_s=0.02, back_off_most_s=0.1, refused_s=0.2
)
Reply = Answer | Fault | str | None
"""What to do with an ask: answer it, refuse it, "cut" the link, or keep silent (None)."""


def answer(ask: Ask, reason: Reason = Reason.PASS, **changes: object) -> Answer:
    words = WORDINGS[reason]
    admitted = reason in {Reason.PASS, Reason.EXIT_OK}
    base = Answer(
        nonce=ask.nonce,
        admitted=admitted,
        reason=reason.value,
        status="used" if admitted else "",
        people=1 if admitted else 0,
        count=1,
        remaining=0,
        ticket_no="T0000000001",
        at=datetime(2026, 5, 1, 2, 0, tzinfo=UTC),
        place="东门1号",
        place_en="East 1",
        zh=words.zh,
        en=words.en,
        zh_next=words.zh_next,
        en_next=words.en_next,
        voice=words.voice,
        holder="李**",
    )
    return msgspec.structs.replace(base, **changes)


class Centre:
    """Listens on 127.0.0.1; ``reply`` decides on each ask, ``asks`` keeps them all."""

    def __init__(self, reply: Callable[[Ask], Reply] = answer) -> None:
        self.reply = reply
        self.identity = new_identity().enrolled_as(5)
        self.asks: list[Ask] = []
        self.links: list[ServerConnection] = []
        self.open = 0
        self.beats = 0
        self.said: Heartbeat | None = None
        self.beating = True
        self.heartbeat_s = 5
        self.refusal: Fault | None = None
        self.gate_id = GATE_ID
        self.port = 0
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await serve(
            self._link,
            "127.0.0.1",
            self.port,
            subprotocols=[LINK_SUBPROTOCOL],
            ping_interval=None,
            close_timeout=0.2,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self.cut()
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def cut(self) -> None:
        """Cut every link without a word."""
        for link in self.links:
            link.transport.abort()
        self.links.clear()

    def link(self, identity: Identity | None = None, timings: Timings = FAST) -> WebSocketLink:
        return WebSocketLink(self.url, identity or self.identity, timings=timings)

    async def _link(self, link: ServerConnection) -> None:
        assert link.request.path == "/check/v1/link"
        assert link.subprotocol == LINK_SUBPROTOCOL
        try:
            await self._greet(link)
        except ConnectionClosed:
            pass
        finally:
            self.open -= link in self.links

    async def _greet(self, link: ServerConnection) -> None:
        await send(link, Hello(challenge="a-challenge"))
        proof = msgspec.json.decode(await link.recv(), type=Proof)
        key = Ed25519PublicKey.from_public_bytes(unpad(self.identity.public_key))
        try:
            key.verify(unpad(proof.signature), proof_text(proof.device_id, "a-challenge"))
        except InvalidSignature:
            self.refusal = self.refusal or Fault(code="device_unknown", text="")
        if self.refusal is not None:
            await send(link, self.refusal)
            await link.close(4401)
            return
        gate = GateInfo(id=GATE_ID, name="东门1号", name_en="East 1", direction="entry")
        welcome = Welcome(
            device_id=5,
            site_id=1,
            site="示例景区",
            site_en="Sample Park",
            gates=[gate],
            heartbeat_s=self.heartbeat_s,
            now=datetime.now(UTC),
        )
        await send(link, welcome)
        self.links.append(link)
        self.open += 1
        async for text in link:
            await self._take(link, msgspec.json.decode(text, type=LinkUp))

    async def _take(self, link: ServerConnection, message: object) -> None:
        if isinstance(message, Heartbeat):
            self.beats += 1
            self.said = message
            if self.beating:
                await send(link, Heartbeat(at=datetime.now(UTC)))
        if isinstance(message, Ask):
            self.asks.append(message)
            reply = self.reply(message)
            if reply == "cut":
                link.transport.abort()
            elif isinstance(reply, Answer | Fault):
                await send(link, reply)


async def send(link: ServerConnection, message: object) -> None:
    await link.send(msgspec.json.encode(message).decode())


def unpad(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def until(met: Callable[[], object], timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not met():  # noqa: ASYNC110 - what is waited for is anybody's
            await asyncio.sleep(0.005)
