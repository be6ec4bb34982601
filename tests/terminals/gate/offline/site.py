"""A real check server with lanes beside it, and a cable between them that a test can cut."""

import asyncio
import base64
import contextlib
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.centre.check.stage import raw_key

from menpiao.terminals.parts.link.errands import HttpErrands
from menpiao.terminals.parts.link.identity import Identity
from menpiao.terminals.parts.link.timings import Timings
from menpiao.terminals.parts.link.websocket import WebSocketLink

FAST = Timings(
    connect_s=1.0, greet_s=1.0, back_off_first_s=0.02, back_off_most_s=0.1, refused_s=0.2
)


class Cable:
    """Carries connections to a port; can be cut, be slow, or swallow what it is given.

    ``tls``: it ends TLS, as the switch before a centre does.
    """

    def __init__(self, port, tls=None):
        self.to = port
        self.tls = tls
        self.up = True
        self.delay_s = 0.0
        self.most = None
        self.port = 0
        self._pairs = set()
        self._tasks = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.cut()
        self._server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0.05)  # what was accepted at the last moment is closed as well

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def cut(self):
        self.up = False
        for writer in list(self._pairs):
            writer.transport.abort()

    def mend(self):
        self.up = True

    async def _carry(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if not self.up:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.transport.abort()
            return
        self._pairs |= {writer, far_writer}
        pumps = [
            asyncio.create_task(self._pump(reader, far_writer)),
            asyncio.create_task(self._pump(far_reader, writer, down=True)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            self._pairs -= {writer, far_writer}
            for one in (writer, far_writer):
                one.transport.abort()

    async def _pump(self, reader, writer, *, down=False):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(8192):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if down and self.most is not None:
                    data, self.most = data[: self.most], self.most - len(data)
                    if self.most <= 0:
                        writer.write(data)
                        await writer.drain()
                        await asyncio.sleep(0.05)  # so that the octets are there before the end
                        self.most = None
                        return
                writer.write(data)
                await writer.drain()


class Wired:
    """The centre of a stage as one lane sees it: over its own cable, with its own key."""

    def __init__(self, stage, *, device_id=None, key=None, gate_id=None, hub=None):
        self.stage = stage
        self.gate_id = gate_id or stage.park.gate
        self.identity = Identity(key or stage.key, device_id or stage.park.device)
        self.cable = Cable(stage.port)
        self._hub = hub
        self.software = ""
        self._entered = 0

    async def __aenter__(self):
        # Lanes enter it as well: one after the other, over the same cable.
        self._entered += 1
        if self._entered == 1:
            await self.cable.__aenter__()
        return self

    async def __aexit__(self, *_):
        self._entered -= 1
        if not self._entered:
            await self.cable.__aexit__()

    @property
    def url(self):
        return self.cable.url

    def link(self):
        return WebSocketLink(self.url, self.identity, timings=FAST, software=self.software)

    def errands(self):
        return HttpErrands(self.url, self.identity, timeout_s=5.0)

    def hub(self):
        return self._hub and WebSocketLink(self._hub, self.identity, timings=FAST)


async def another_device(stage, *gates):
    """Enrol one more terminal with these gates; gives its key and number."""
    key = Ed25519PrivateKey.generate()
    device_id = await stage.pool.fetchval(
        "INSERT INTO device (site_id, name, public_key, enrolled_at) VALUES ($1, 'more', $2, $3)"
        " RETURNING id",
        stage.park.site,
        raw_key(key),
        datetime.now(UTC),
    )
    for gate in gates:
        await stage.pool.execute(
            "INSERT INTO device_gates (device_id, gate_id) VALUES ($1, $2)", device_id, gate
        )
    return {"key": key, "device_id": device_id}


def b64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
