"""Enrolling in a set-up: behind TLS, at one of several gates, once more, and not at all."""

import asyncio
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.compose.setup.technician import Technician
from tests.terminals.gate.offline.test_hub_processes import authority

from menpiao.terminals.gate.config import load_config
from menpiao.terminals.parts.link.identity import load_identity

GATES = [
    {"id": number, "name": name, "name_en": name, "direction": "entry"}
    for number, name in ((7, "东门1号"), (8, "东门2号"))
]


class Door(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        code = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["code"]
        if code == "234567AB":
            self._answer(201, {"device_id": 5, "site_id": 1, "site": "示例景区", "gates": GATES})
        else:
            self._answer(403, {"code": "not_permitted", "zh": "无此权限", "en": "Not permitted"})

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def a_centre(tls: ssl.SSLContext) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # a client that does not trust it hangs up
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


async def without_devices(one: Technician, asked: str = "[s]") -> None:
    for _ in range(5):
        await one.dialogue((asked, "s"))


def test_behind_tls_at_one_of_two_gates_and_once_more(tmp_path: Path) -> None:
    ca, certificate, key = authority(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    file = tmp_path / "lane" / "gate.toml"
    nowhere = ("/dev/menpiao-none",)

    async def main(centre: str) -> None:
        async with Technician(file, look=nowhere, lang="en") as one:
            await one.dialogue(("Look again?", ""))
            await without_devices(one)
            await one.dialogue(
                ("Address of the centre", "tickets.example"),
                ("Address of the centre", f"{centre}/"),
                ("PEM file", ""),
                ("One-time code", "234567AB"),
            )
            await one.sees("Not enrolled: unreachable")
            await one.dialogue(
                ("Address of the centre", ""),
                ("PEM file", str(tmp_path / "none.pem")),
                ("One-time code", "234567AB"),
            )
            await one.sees("Not enrolled: ")
            await one.dialogue(
                ("Address of the centre", ""),
                ("PEM file", str(ca)),
                ("One-time code", "234567AB"),
                ("Which gate is this lane [1]", "3"),
                ("Which gate is this lane [1]", "2"),
            )
            await one.sees("The lane's own loader accepts it")
            assert await one.ends() == 1  # there is no reader
        config = load_config(file)
        assert (config.centre, config.gate_id) == (centre, 8)
        assert config.authority_file == str(ca)
        identity = load_identity(config.key_path)
        assert identity.device_id == 5

        async with Technician(file, look=nowhere, lang="en") as one:
            await one.dialogue(("Look again?", ""))
            await one.dialogue(("Which ID-card reader [k]", ""))
            for _ in range(4):
                await one.dialogue(("[s]", ""))
            await one.sees("enrolled as device 5")
            await one.dialogue(("Enrol again? [n]", ""))
            await one.sees("as the file had it")
            assert await one.ends() == 0
        assert load_config(file) == config
        assert load_identity(config.key_path).public_key == identity.public_key

    with a_centre(tls) as centre:
        asyncio.run(main(centre))


def test_a_key_that_others_may_read_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    (tmp_path / "gate-data").mkdir()
    (tmp_path / "gate-data" / "gate-key.json").write_text("{}")

    async def main() -> None:
        options = ("--yes", "--centre", "http://127.0.0.1:9", "--enrol", "234567AB")
        async with Technician(file, *options, look=("/dev/menpiao-none",)) as one:
            await one.sees("others may read this key")
            assert await one.ends() == 1

    asyncio.run(main())
    assert not file.exists()
