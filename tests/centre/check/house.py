"""A served park with people of the house and one lane on the link, for the board's pages."""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime

import psycopg
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.centre.check.stage import b64, raw_key
from tests.support_pages import hidden, served_park

from menpiao.wire.check import LINK_SUBPROTOCOL, proof_text

PASSWORD = "a-test-word"
PEOPLE = {"first": "supervisor", "second": "manager", "sold": "clerk"}
_HIRE = f"""
import django
django.setup()
from django.contrib.auth.models import User
from menpiao.storage.database.models import Site, Staff
for name, role in {PEOPLE!r}.items():
    user = User.objects.create_user(name, password={PASSWORD!r}, is_staff=True)
    Staff.objects.create(user=user, site=Site.objects.order_by("pk").first(), role=role)
"""


class House:
    """The served park; ``site``, ``gate`` and ``device`` are its first ones."""

    def __init__(self, served):
        self.served, self.key = served, Ed25519PrivateKey.generate()
        environment = {
            "MENPIAO_DATABASE_URL": served.database.url,
            "MENPIAO_DATA_DIR": str(served.database.settings.data_dir),
            "DJANGO_SETTINGS_MODULE": "menpiao.compose.django_settings",
        }
        subprocess.run([sys.executable, "-c", _HIRE], env=environment, check=True)
        self.site = self.value("SELECT min(id) FROM site")
        self.gate = self.value("SELECT min(id) FROM gate")
        self.device = self.value(
            "INSERT INTO device (site_id, name, public_key, enrolled_at)"
            " VALUES (%s, 'lane', %s, now()) RETURNING id",
            self.site,
            raw_key(self.key),
        )
        self.run(
            "INSERT INTO device_gates (device_id, gate_id) VALUES (%s, %s)", self.device, self.gate
        )

    def run(self, sql, *values):
        with psycopg.connect(self.served.database.url) as connection:
            connection.execute(sql, values)

    def value(self, sql, *values):
        with psycopg.connect(self.served.database.url) as connection:
            return connection.execute(sql, values).fetchone()[0]

    @contextlib.contextmanager
    def signed_in(self, name, language="zh-CN"):
        """A browser without scripts, signed in."""
        with self.served.client(language) as client:
            page = client.get("/view/login/")
            form = hidden(page.text) | {"username": name, "password": PASSWORD}
            assert client.post("/view/login/", data=form).status_code == 302
            yield client


@contextlib.contextmanager
def a_house():
    with served_park() as served:
        yield House(served)


def forms(html):
    """What each form of a page would send, by its address."""
    return [
        (next(iter(re.findall(r'action="([^"]*)"', form)), ""), hidden(form))
        for form in re.findall(r"<form.*?</form>", html, re.DOTALL)
    ]


class LinkedLane:
    """A lane on the link, in a thread: tells how it is, and answers what it is told."""

    def __init__(self, house, outcome="done", software="menpiao test"):
        self._house, self.outcome, self._software = house, outcome, software
        self.commands = []
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def __enter__(self):
        # What an earlier lane did not answer is not told to this one.
        self._house.run(
            "UPDATE lane_command SET expires_at = now() WHERE state IN ('pending', 'sent')"
        )
        self._thread.start()
        assert self._up.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)
        self._loop.close()

    def say(self, **facts):
        """A heart-beat of this state."""
        beat = {"type": "heartbeat", "at": datetime.now(UTC).isoformat()} | facts
        asyncio.run_coroutine_threadsafe(self._link.send(json.dumps(beat)), self._loop).result(10)

    async def _run(self):
        self._task = asyncio.current_task()
        with contextlib.suppress(asyncio.CancelledError):
            # A device that was written just now is known within seconds.
            while not self._up.is_set():
                with contextlib.suppress(websockets.ConnectionClosed):
                    await self._linked()

    async def _linked(self):
        url = self._house.served.address.replace("http", "ws") + "/check/v1/link"
        async with websockets.connect(url, subprotocols=[LINK_SUBPROTOCOL]) as self._link:
            challenge = json.loads(await self._link.recv())["challenge"]
            signed = self._house.key.sign(proof_text(self._house.device, challenge))
            proof = {
                "type": "proof",
                "device_id": self._house.device,
                "challenge": challenge,
                "signature": b64(signed),
                "software": self._software,
            }
            await self._link.send(json.dumps(proof))
            async for text in self._link:
                await self._heard(json.loads(text))

    async def _heard(self, message):
        if message["type"] == "welcome":
            self._up.set()
        if message["type"] == "command":
            self.commands.append(message)
            said = {"type": "acknowledged", "id": message["id"], "outcome": self.outcome}
            if self.outcome:
                await self._link.send(json.dumps(said))
