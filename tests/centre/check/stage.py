"""A check server to try: real, on a free port, with a park, an enrolled device and a ticket."""

import asyncio
import base64
import contextlib
import json
import socket

import httpx
import uvicorn
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.support_db import person, plant_park

from menpiao.centre.doors.direct import DirectSocket
from menpiao.centre.doors.hot import HotProtocol
from menpiao.compose.centre import CentreApp
from menpiao.wire.check import LINK_SUBPROTOCOL, proof_text


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_key(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


class Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):
        yield


class Stage:
    """A real server on a free port, a park, a device with its key, a paid ticket for person(1)."""

    def __init__(self, database, people=3):
        self.database, self.people = database, people
        self.key = Ed25519PrivateKey.generate()

    async def __aenter__(self):
        self.app = CentreApp(self.database.settings)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.server = Quiet(
            uvicorn.Config(
                self.app.app,
                log_level="error",
                access_log=False,
                http=HotProtocol,
                ws=DirectSocket,
                ws_per_message_deflate=False,
            )
        )
        self.task = asyncio.create_task(self.server.serve(sockets=[self.listener]))
        while not self.server.started:  # noqa: ASYNC110 - its only sign
            await asyncio.sleep(0.01)
        self.pool = self.app.centre.pool
        self.park = await plant_park(
            self.pool, people_per_document=self.people, public_key=raw_key(self.key)
        )
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}")
        order = {
            "token": "a" * 20,
            "product_id": self.park.product,
            "slot_id": 1,
            "phone": "13800000000",
            "visitors": [
                {
                    "document_type": "resident_card",
                    "number": person(1),
                    "name": "李样例",
                    "people": self.people,
                }
            ],
        }
        assert (await self.http.post("/booking/v1/orders", json=order)).status_code == 201
        await self.pool.execute("UPDATE ticket SET state = 'valid'")
        return self

    async def __aexit__(self, *_):
        await self.http.aclose()
        self.server.should_exit = True
        await self.task
        self.listener.close()

    def proof(self, challenge, key=None):
        signature = (key or self.key).sign(proof_text(self.park.device, challenge))
        return {
            "type": "proof",
            "device_id": self.park.device,
            "challenge": challenge,
            "signature": b64(signature),
        }

    async def head(self):
        challenge = (await self.http.post("/check/v1/challenges")).json()["challenge"]
        session = await self.http.post("/check/v1/sessions", json=self.proof(challenge))
        assert session.status_code == 200, session.text
        return {"Authorization": f"Bearer {session.json()['token']}"}

    def ask(self, nonce, **changes):
        return {
            "type": "ask",
            "nonce": nonce,
            "gate_id": self.park.gate,
            "credential": {"kind": "resident_card", "number": person(1)},
        } | changes

    @contextlib.asynccontextmanager
    async def link(self, key=None):
        url = f"ws://127.0.0.1:{self.port}/check/v1/link"
        async with websockets.connect(url, subprotocols=[LINK_SUBPROTOCOL]) as link:
            hello = json.loads(await link.recv())
            await link.send(json.dumps(self.proof(hello["challenge"], key)))
            yield link
