"""``menpiao`` as processes of their own: servers that are started, killed and started again."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from tests.support_ports import free_port

PATIENCE_S = 60


def environment_of(folder, **more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MENPIAO_")}
    return kept | {"MENPIAO_DATA_DIR": str(folder), "PYTHONWARNINGS": "ignore"} | more


def menpiao(*arguments, folder, **more):
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "menpiao", *arguments],
        env=environment_of(folder, **more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def until(true, what, patience_s=PATIENCE_S):
    """Wait until ``true()`` gives something, and give it."""
    ends = time.monotonic() + patience_s
    while time.monotonic() < ends:
        found = true()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"never: {what}")


class Serving:
    """``menpiao serve`` on a free port, in a process that a test may kill."""

    def __init__(self, folder, *servers, log=None, **more):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = Path(log or Path(folder) / f"serve-{self.port}.log")
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "menpiao", "serve", *(servers or ("all",))],
                env=environment_of(folder, MENPIAO_HTTP_PORT=str(self.port), **more),
                stdout=out,
                stderr=out,
            )

    def status(self, path="/readyz"):
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return None

    def ready(self):
        def answered():
            assert self.process.poll() is None, self.said()
            return self.status() == 200

        until(answered, f"ready: {self.said()}")
        return self

    def post(self, path, body, **headers):
        request = urllib.request.Request(
            self.address + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json"} | headers,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def said(self):
        return self.log.read_text(errors="replace")[-30000:]

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@contextmanager
def serving(folder, *servers, **more):
    server = Serving(folder, *servers, **more)
    try:
        yield server.ready()
    finally:
        if server.process.poll() is None:
            server.stop()
