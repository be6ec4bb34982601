"""``menpiao doctor``: what is wrong with this machine's set-up, in plain words."""

import glob
import os
import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator

from menpiao.settings import Settings
from menpiao.terminals.parts.printer import fonts

Finding = tuple[bool, str]
_FREE_LEAST = 2 * 1024**3
_CLOCK_OFF_S = 2
_PORTS = ("/dev/ttyUSB*", "/dev/ttyACM*")


def examine(settings: Settings) -> int:
    """Print a line for each thing looked at; 1 when something must be put right, else 0."""
    ill = 0
    for check in (
        _python,
        _data_folder,
        _keys,
        _disk,
        _database,
        _port,
        _accounts,
        _fonts,
        _serial,
    ):
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
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        yield False, f"the database does not answer: {first}"
        return
    number = facts.version
    yield number >= 150000, f"PostgreSQL {number // 10000}.{number % 10000} (15 or newer is needed)"
    yield (
        facts.durable,
        "fsync and synchronous_commit are on: what was answered is kept"
        if facts.durable
        else "fsync or synchronous_commit is off: a power cut loses what was answered",
    )
    ahead = facts.clock_ahead_s
    yield (
        abs(ahead) <= _CLOCK_OFF_S,
        f"this clock is {ahead:+.1f} s from the database's ({_CLOCK_OFF_S} s at most: set up NTP)",
    )


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


def _fonts(settings: Settings) -> Iterator[Finding]:  # noqa: ARG001 - one shape for all checks
    names = ", ".join(path.name for path in fonts.installed())
    yield (
        bool(names),
        f"Chinese fonts: {names}" if names else "no Chinese font: install fonts-wqy-microhei",
    )


def _serial(settings: Settings) -> Iterator[Finding]:  # noqa: ARG001 - one shape for all checks
    for port in sorted(port for pattern in _PORTS for port in glob.glob(pattern)):  # noqa: PTH207 - patterns begin at the root
        usable = os.access(port, os.R_OK | os.W_OK)
        rights = "can be used" if usable else "cannot be opened: usermod -aG dialout this account"
        yield usable, f"serial port {port} {rights}"


_CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _python,
    _data_folder,
    _keys,
    _disk,
    _database,
    _port,
    _accounts,
    _fonts,
    _serial,
)
