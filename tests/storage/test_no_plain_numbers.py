"""No plain personal data: what was booked, paid, messaged, read at a gate and barred is searched
for in a whole dump, in the database's own files, and in everything the processes wrote."""

import base64
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import httpx
import psycopg
import pytest
from tests.centre.console.desk import Lane, sign_in
from tests.centre.console.test_barring import bar, last, lift
from tests.storage.database.test_embedded import kill_server
from tests.support_ports import free_port
from tests.support_serve import environment_of, menpiao, serving

from menpiao.domain.document import resident_number
from menpiao.storage.database.embedded import EmbeddedServer
from menpiao.storage.database.postgres import _BIN

PHONE = "13900000000"  # the smoke test's buyer
_NUMBER = re.compile(rb"(?<![0-9A-Za-z])110105(?:19[56]\d)\d{4}\d{3}[0-9X](?![0-9A-Za-z])")
_HEX = re.compile(rb"3131303130353139(?:3[0-9]){9}(?:3[0-9]|58)", re.IGNORECASE)


# The smoke test's own run, in a folder that stays.
_MAIN_JOB = """
import sys
from pathlib import Path
from menpiao.settings import Http, Settings
from menpiao.simulation.demo.run import _run
here = Settings(data_dir=Path(sys.argv[1]), http=Http(port=int(sys.argv[2])))
sys.exit(_run(here, once=True))
"""


def base64_of(text):
    """What base64 of a text holds wherever in a longer text it begins: the whole middle octets."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + text).rstrip(b"=")
        yield encoded[-(-shift * 8 // 6) + (1 if shift else 0) : len(encoded) - 1]


def written(text):
    """The ways in which a text could stand somewhere."""
    for coding in ("utf-8", "gb18030", "utf-16-be", "utf-16-le"):
        plain = text.encode(coding)
        yield plain
        yield plain.hex().encode()
        yield plain.hex().upper().encode()
        yield from base64_of(plain)


def traces(octets, texts):
    """What of ``texts``, and which numbers of the smoke test's people, is in ``octets``."""
    found = {text for text in texts for form in written(text) if form in octets}
    found |= {m.group().decode() for m in _NUMBER.finditer(octets)}
    found |= {m.group().decode() for m in _HEX.finditer(octets)}
    # Numbers within base64: its alphabet's words, decoded at each of the four offsets.
    for word in re.findall(rb"[A-Za-z0-9+/_-]{24,4096}", octets):
        for start in range(4):
            piece = word[start : start + (len(word) - start) // 4 * 4]
            decoded = base64.b64decode(piece.translate(bytes.maketrans(b"-_", b"+/")))
            found |= {m.group().decode() for m in _NUMBER.finditer(decoded)}
    return found


@pytest.mark.parametrize("dress", ["plain", "hex", "base64", "base64-shifted"])
def test_the_search_finds_what_is_planted(dress):
    number = resident_number("110105", date(1955, 5, 5), 7).encode()
    dressed = {
        "plain": number,
        "hex": number.hex().encode(),
        "base64": base64.b64encode(b'{"number":"' + number + b'"}'),
        "base64-shifted": base64.b64encode(b'{"numbers":"' + number + b'"}'),
    }[dress]
    assert traces(b"INSERT INTO t VALUES ('" + dressed + b"');", ())
    for text in (PHONE, "王小样"):
        for form in written(text):
            assert traces(b"padding " + form + b" padding", [text]) == {text}
        assert traces(base64.b64encode(b"ab" + text.encode() + b"cde"), [text]) == {text}
    assert not traces(b"nothing of the kind", [PHONE])


@pytest.fixture
def folder():
    place = Path(tempfile.mkdtemp(prefix="menpiao-plain-"))
    place.chmod(0o755)
    yield place
    kill_server(place)
    shutil.rmtree(place, ignore_errors=True)


def barred_in_the_console(folder, url):
    """Two are put on the list, one is taken off it, and both come to a lane."""
    stays, goes = (resident_number("110105", date(1963, 3, day), 7) for day in (3, 4))
    with serving(folder, MENPIAO_DATABASE_URL=url) as served:
        park = SimpleNamespace(
            client=lambda: httpx.Client(base_url=served.address, timeout=20),
            database=SimpleNamespace(url=url),
        )
        with park.client() as manager, Lane(park) as lane:
            assert sign_in(manager, "manager").status_code == 302
            # What the form does not take is shown to whoever typed it, and kept nowhere.
            assert bar(park, manager, stays, reason="").status_code == 200
            for number in (stays, goes):
                assert bar(park, manager, number).status_code == 302
            assert lift(manager, last(park)["id"]).status_code == 302
            lane.settle()
            assert lane.ask(stays).json()["reason"] == "barred"
            assert lane.ask(goes).json()["reason"] != "barred"


def test_nothing_personal_is_plain_after_the_main_job(folder):
    with (folder / "demo.log").open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-c", _MAIN_JOB, str(folder), str(free_port())],
            env=environment_of(folder),
            stdout=out,
            stderr=out,
            timeout=150,
            check=False,
        )
    assert done.returncode == 0, (folder / "demo.log").read_text()
    server = EmbeddedServer(folder / "postgres")
    try:
        url = server.url("menpiao")
        barred_in_the_console(folder, url)
        dump = subprocess.run([_BIN / "pg_dump", url], capture_output=True, check=True).stdout
        with psycopg.connect(url) as connection:
            rows = connection.execute(
                "SELECT (SELECT count(*) FROM ticket WHERE holder_sealed IS NOT NULL),"
                " (SELECT count(*) FROM payment), (SELECT count(*) FROM admission),"
                " (SELECT count(*) FROM outbox WHERE recipient_sealed IS NOT NULL),"
                " (SELECT count(*) FROM barred WHERE document_sealed IS NOT NULL),"
                " (SELECT count(*) FROM barred WHERE lifted_at IS NOT NULL)"
            ).fetchone()
            connection.execute("CHECKPOINT")
    finally:
        server.stop()
    assert all(rows), f"one of the parts wrote nothing: {rows}"
    assert traces(dump, [PHONE]) == set()
    files = [p for p in folder.rglob("*") if p.is_file()]
    ours = [p for p in files if "postgres" not in p.relative_to(folder).parts]
    assert {p.name: found for p in ours if (found := traces(p.read_bytes(), [PHONE]))} == {}
    data = folder / "postgres"
    raw = [
        *data.glob("base/*/*"),
        *data.glob("pg_wal/0*"),
        *data.glob("logs/*"),
        data / "start.log",
    ]
    looked_at = 0
    for path in raw:
        octets = path.read_bytes()
        looked_at += len(octets)
        assert not _NUMBER.search(octets), path.name
        assert PHONE.encode() not in octets, path.name
    assert looked_at > 10_000_000


def test_keys_and_data_are_for_their_owner_alone(folder):
    assert menpiao("park", "--demo", folder=folder).returncode == 0
    assert (folder / "keys.json").stat().st_mode & 0o777 == 0o600
    assert (folder / "postgres").stat().st_mode & 0o077 == 0
    (folder / "keys.json").chmod(0o640)
    done = menpiao("park", folder=folder)
    assert done.returncode == 1
    assert "keys.json" in done.stderr
    assert "chmod 600" in done.stderr
    assert len(done.stderr.splitlines()) == 1
