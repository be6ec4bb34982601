"""The pages as people get them: the real command in a process of its own, on a fresh database."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time

import httpx
from tests.support_db import FreshDatabase
from tests.support_ports import free_port


class Served:
    """Where the pages are, and the database behind them."""

    def __init__(self, address, database, process):
        self.address = address
        self.database = database
        self.process = process

    def client(self, language="zh-CN", **cookies):
        headers = {"Accept-Language": language}
        return httpx.Client(base_url=self.address, headers=headers, cookies=cookies, timeout=20)


@contextlib.contextmanager
def served_park(*servers):
    """The demo park, served; stopped at the end."""
    with tempfile.TemporaryDirectory() as folder:
        database = FreshDatabase(folder)
        port = free_port()
        environment = os.environ | {
            "MENPIAO_DATABASE_URL": database.url,
            "MENPIAO_DATA_DIR": folder,
            "MENPIAO_HTTP_PORT": str(port),
        }
        command = [sys.executable, "-m", "menpiao"]
        park = [*command, "park", "--demo", "--days", "3"]
        subprocess.run(park, env=environment, check=True, stdout=subprocess.DEVNULL)
        process = subprocess.Popen([*command, "serve", *(servers or ("all",))], env=environment)
        try:
            address = f"http://127.0.0.1:{port}"
            _await_ready(process, address)
            yield Served(address, database, process)
        finally:
            process.terminate()
            process.wait(20)
            database.drop()


def _await_ready(process, address):
    for _ in range(240):
        assert process.poll() is None, "the server ended"
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{address}/readyz").status_code == httpx.codes.OK:
                return
        time.sleep(0.25)
    raise AssertionError("the server is not ready")


def hidden(html):
    """The fields that a browser would send back."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", html):
        name = re.search(r'name="([^"]*)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name and 'type="checkbox"' not in tag:
            found[name[1]] = value[1] if value else ""
    return found
