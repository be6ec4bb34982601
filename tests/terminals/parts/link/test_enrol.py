"""Enrolment and the key file."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from menpiao.terminals.parts.link.enrol import EnrolmentError, enrol
from menpiao.terminals.parts.link.identity import IdentityError, load_identity


class Door(http.server.BaseHTTPRequestHandler):
    seen: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append(body | {"path": self.path})
        if body["code"] == "234567AB":
            gate = {"id": 7, "name": "东门1号", "name_en": "East 1", "direction": "entry"}
            self._answer(201, {"device_id": 5, "site_id": 1, "site": "示例景区", "gates": [gate]})
        elif body["code"] == "HTML-PAGE":
            self._answer(502, "<html>")
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


@pytest.fixture
def centre() -> Iterator[str]:
    Door.seen = []
    with http.server.HTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_code_buys_a_place(centre: str, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key.json"
    assert enrol(centre, " 234567AB ", path).gates[0].id == 7
    identity = load_identity(path)
    assert identity.device_id == 5
    assert path.stat().st_mode & 0o777 == 0o600
    assert Door.seen[0]["path"] == "/check/v1/devices"
    assert Door.seen[0]["public_key"] == identity.public_key
    assert "PRIVATE" not in repr(identity).upper()


def test_asking_again_uses_the_same_key(centre: str, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    with pytest.raises(EnrolmentError, match="not_permitted"):
        enrol(centre, "WRONG-CODE", path)
    enrol(centre, "234567AB", path)
    assert len({body["public_key"] for body in Door.seen}) == 1


@pytest.mark.parametrize("code", ["HTML-PAGE", "short"])
def test_what_is_no_answer_is_an_error(centre: str, tmp_path: Path, code: str) -> None:
    with pytest.raises(EnrolmentError):
        enrol(centre, code, tmp_path / "key.json")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "ftp://x", "nonsense", "http://x:y"])
def test_no_centre_there(tmp_path: Path, address: str) -> None:
    with pytest.raises(EnrolmentError, match="unreachable"):
        enrol(address, "234567AB", tmp_path / "key.json", timeout_s=1.0)


def test_a_key_that_others_may_read_is_refused(centre: str, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    enrol(centre, "234567AB", path)
    path.chmod(0o644)
    with pytest.raises(IdentityError, match="0600"):
        load_identity(path)
    path.chmod(0o600)
    path.write_text('{"private_key": "AA"}')
    with pytest.raises(IdentityError, match="not a key file"):
        load_identity(path)
