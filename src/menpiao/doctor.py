"""``menpiao doctor``: what is wrong with this machine's set-up, in plain words."""

import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator

from menpiao.settings import Settings

Finding = tuple[bool, str]
_FREE_LEAST = 2 * 1024**3


def examine(settings: Settings) -> int:
    """Print a line for each thing looked at; 1 when something must be put right, else 0."""
    ill = 0
    for check in (_python, _data_folder, _keys, _disk, _database, _port, _accounts):
        for well, text in check(settings):
            print(("  ok   " if well else "  BAD  ") + text)
            ill += not well
    print("all is well" if not ill else f"{ill} to put right")
    return 1 if ill else 0


def _python(settings: Settings) -> Iterator[Finding]:  # noqa: ARG001 - one shape for all checks
    version = ".".join(map(str, sys.version_info[:3]))
    yield sys.version_info >= (3, 11), f"Python {version} (3.11 or newer is needed)"


def _data_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            yield True, f"data folder {folder} can be written"
    except OSError as error:
        yield False, f"data folder {folder} cannot be written: {error.strerror}"


def _keys(settings: Settings) -> Iterator[Finding]:
    path = settings.key_file
    if not path.exists():
        yield True, f"key file {path} will be made at the first start: back it up then"
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    yield mode & 0o077 == 0, f"key file {path} has mode {mode:04o} (0600 is needed)"


def _disk(settings: Settings) -> Iterator[Finding]:
    parent = settings.data_dir.resolve()
    while not parent.exists():
        parent = parent.parent
    free = shutil.disk_usage(parent).free
    yield free >= _FREE_LEAST, f"{free / 1024**3:.1f} GiB free for data (2 GiB at least)"


def _database(settings: Settings) -> Iterator[Finding]:
    import psycopg

    from menpiao.compose.health import database_facts

    try:
        facts = database_facts(settings)
    except (psycopg.Error, OSError, RuntimeError) as error:
        yield False, f"the database does not answer: {type(error).__name__}: {error}"
        return
    number = facts.version
    yield number >= 150000, f"PostgreSQL {number // 10000}.{number % 10000} (15 or newer is needed)"
    yield facts.durable, "fsync and synchronous_commit are on: what was answered is kept"


def _port(settings: Settings) -> Iterator[Finding]:
    http = settings.http
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((http.host, http.port))
            yield True, f"{http.host}:{http.port} is free"
        except OSError as error:
            yield False, f"{http.host}:{http.port} cannot be used: {error.strerror}"


def _accounts(settings: Settings) -> Iterator[Finding]:
    parts: tuple[tuple[str, bool, Callable[[], str]], ...] = (
        ("WeChat Pay", bool(settings.wechat.mchid), lambda: settings.wechat.mchid),
        ("SMS", bool(settings.sms.host), lambda: settings.sms.host),
    )
    for name, present, what in parts:
        yield (
            True,
            f"{name}: {what()}" if present else f"{name}: no account yet (the demo has its own)",
        )
