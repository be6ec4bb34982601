"""The races once more on a PostgreSQL 15 of the machine, met by URL as a site's own server is."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

BIN = Path("/usr/lib/postgresql/15/bin")


@contextmanager
def server():
    """A cluster of its own on a Unix socket; PostgreSQL refuses to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="menpiao-pg15-"))
    data = folder / "data"
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    who = {"user": user} if os.geteuid() == 0 else {}
    if who:
        shutil.chown(folder, user)

    def tool(name, *arguments):
        command = [BIN / name, "-D", data, *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **who)

    try:
        tool("initdb", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
        settings = f"-k {folder} -c listen_addresses='' -c max_connections=120"
        tool("pg_ctl", "-w", "-o", settings, "-l", folder / "log", "start")
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            tool("pg_ctl", "-w", "-m", "fast", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.needs("postgres")
def test_the_races_hold_on_postgresql_15():
    with server() as url:
        environment = os.environ | {"TEST_DATABASE_URL": url}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:randomly",
            "tests/race/test_oversell.py",
        ]
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
