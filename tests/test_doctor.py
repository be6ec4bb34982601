"""``menpiao doctor``: each thing that can be wrong is provoked, and said in one plain line."""

import os
import pwd
import socket
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
from tests.storage.database.test_embedded import as_account, as_root
from tests.support_db import FreshDatabase
from tests.support_ports import free_port
from tests.support_serve import menpiao

from menpiao import doctor
from menpiao.compose.health import DatabaseFacts
from menpiao.settings import Database, Settings


def examined(folder, **more):
    port = more.pop("MENPIAO_HTTP_PORT", str(free_port()))
    done = menpiao("doctor", folder=folder, MENPIAO_HTTP_PORT=port, **more)
    assert "Traceback" not in done.stderr
    return done.returncode, [line for line in done.stdout.splitlines() if "  BAD  " in line]


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


def test_a_port_that_is_taken_and_a_store_that_does_not_last(tmp_path, database):
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {database.name} SET synchronous_commit = off")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        status, bad = examined(tmp_path, MENPIAO_DATABASE_URL=database.url, MENPIAO_HTTP_PORT=port)
    assert status == 1
    assert any("a power cut loses what was answered" in line for line in bad), bad
    assert any(f":{port} cannot be used: Address already in use" in line for line in bad), bad


def test_a_folder_that_is_no_folder(tmp_path):
    (tmp_path / "data").write_text("")
    store = "postgresql://nobody@127.0.0.1:1/none"
    status, bad = examined(tmp_path / "data", MENPIAO_DATABASE_URL=store)
    assert status == 1
    assert any("data folder" in line and "cannot be written" in line for line in bad), bad
    assert any("the database does not answer" in line for line in bad), bad


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (DatabaseFacts(140012, True, 0.0), "PostgreSQL 14.12 (15 or newer is needed)"),
        (DatabaseFacts(180004, True, -3600.0), "this clock is -3600.0 s from the database's"),
    ],
    ids=["too old", "clock off"],
)
def test_a_store_too_old_or_a_clock_that_is_off(monkeypatch, facts, said):
    monkeypatch.setattr("menpiao.compose.health.database_facts", lambda _: facts)
    bad = [text for well, text in doctor._database(Settings()) if not well]
    assert len(bad) == 1
    assert said in bad[0]


def test_the_clock_is_really_compared(monkeypatch, database):
    clock = time.time
    monkeypatch.setattr("menpiao.compose.health.time.time", lambda: clock() + 3600)
    settings = Settings(database=Database(url=database.url))
    assert next(text for well, text in doctor._database(settings) if not well).startswith(
        "this clock is +3600"
    )


def test_a_python_too_old(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 4))
    assert list(doctor._python(Settings())) == [(False, "Python 3.10.4 (3.11 or newer is needed)")]


def test_no_chinese_font(monkeypatch):
    monkeypatch.setattr(doctor.fonts, "installed", lambda: ())
    assert list(doctor._fonts(Settings())) == [
        (False, "no Chinese font: install fonts-wqy-microhei")
    ]


@as_root
def test_a_serial_port_without_rights(monkeypatch):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        port = Path(folder) / "ttyUSB0"
        port.touch(mode=0o600)
        monkeypatch.setattr(doctor, "_PORTS", (f"{folder}/ttyUSB*",))
        nobody = pwd.getpwnam("nobody").pw_uid
        said = as_account(nobody, lambda: list(doctor._serial(Settings())))
        assert os.access(port, os.W_OK)
    assert "(False, " in said
    assert "usermod -aG dialout" in said
