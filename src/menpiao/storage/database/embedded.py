"""A real PostgreSQL from a wheel, run by the program in its data folder.

For a demo, a test or one small site; a larger one names a server by URL. Several processes may
use one folder: the first starts the server, the last to leave stops it. Who uses it is known by
locks on files beside the folder, which the kernel takes from a process that is killed: nothing is
left to clean up. A server whose users were all killed is joined, and stopped, by the next; a
server that dies under its users is started again by one of them, at the same place.

A folder is complete or not there: it is made under another name and renamed at the end.
"""

import atexit
import contextlib
import errno
import fcntl
import os
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg
import structlog
from psycopg import sql

from menpiao.storage.database.postgres import (
    MAJOR,
    PORT,
    Account,
    DatabaseFolderError,
    Postmaster,
    forget_dead_server,
    postmaster,
    processes_of,
)

__all__ = ["DatabaseFolderError", "EmbeddedServer"]

log = structlog.get_logger(__name__)

_MARK = "# written by menpiao: durable, and large enough for a site"
_SETTINGS = f"""
{_MARK}
fsync = on
synchronous_commit = on
full_page_writes = on
max_connections = 120
shared_buffers = 256MB
max_wal_size = 2GB
checkpoint_timeout = 10min
checkpoint_completion_target = 0.9
timezone = 'UTC'
unix_socket_permissions = 0700
logging_collector = on
log_directory = 'logs'
log_filename = 'postgresql-%a.log'
log_rotation_age = 1d
log_truncate_on_rotation = on
log_min_duration_statement = 1000
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_error_verbosity = terse
log_min_error_statement = panic
"""
# Values of a statement never reach the server's log, be they bound to it or named by an error
# (``terse`` leaves out the DETAIL of a violated constraint): they may be personal data.

_WATCH_S = 1.0
_START_S = 300  # after a power cut on a busy day the journal is played back first
_STOP_S = 60
_LEFT_BEHIND_S = 30
_LOCK_S = _START_S + 30


class EmbeddedServer:
    """A handle on the running server; ``stop`` gives it back, and so does the process's end."""

    def __init__(self, folder: Path) -> None:
        """Start (or join) the server whose data is in ``folder``; made if it is not there.

        Raises:
            DatabaseFolderError: it cannot be started; one line says what to do.
        """
        self._folder = folder.absolute()
        self._process = os.getpid()
        self._use: IO[bytes] | None = None
        with _plainly(self._folder):
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            with self._alone():
                self._server = self._running()
                self._use = self._beside("users").open("ab")
                fcntl.flock(self._use, fcntl.LOCK_SH)
        self._leaving = threading.Event()
        threading.Thread(target=self._watch, name="database watch", daemon=True).start()
        atexit.register(self.stop)

    def url(self, database: str) -> str:
        """The connection URL of a database of this server (a Unix socket; no TCP port is open)."""
        host = quote(self._server.socket_folder, safe="/")
        return f"postgresql://postgres@/{database}?host={host}&port={self._server.port}"

    def ensure_database(self, name: str) -> None:
        """Make a database unless it is there; of several processes at once one makes it."""
        with (
            _plainly(self._folder),
            self._alone(),
            psycopg.connect(self.url("postgres"), autocommit=True) as connection,
        ):
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if found.fetchone() is None:
                make = "CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0"
                connection.execute(sql.SQL(make).format(sql.Identifier(name)))

    def stop(self) -> None:
        """Let go of the server; the last process to do so stops it. A second call does nothing."""
        use, self._use = self._use, None
        self._leaving.set()
        if use is None or os.getpid() != self._process:  # a forked child's exit is not ours
            return
        atexit.unregister(self.stop)
        if not self._folder.exists():  # removed under it: PostgreSQL sees that by itself
            use.close()
            return
        with self._alone():
            use.close()
            with self._beside("users").open("ab") as users:
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:  # somebody else still uses it
                    return
                self._shut_down()

    def _watch(self) -> None:
        """Start the server again when it was killed (by a lack of memory, by mistake)."""
        while not self._leaving.wait(_WATCH_S):
            if postmaster(self._folder) is not None or not self._folder.exists():
                continue
            try:
                with _plainly(self._folder), self._alone():
                    if self._use is not None:
                        self._running()
                        log.error("database_started_again", folder=str(self._folder))
            except DatabaseFolderError as error:
                log.error("database_is_down", why=str(error))  # noqa: TRY400 - the line says it all

    def _beside(self, what: str) -> Path:
        return self._folder.with_name(f"{self._folder.name}.{what}")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else starts, stops or makes something in the folder meanwhile."""
        ends = time.monotonic() + _LOCK_S
        with self._beside("lock").open("ab") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > ends:
                        msg = f"another menpiao keeps {self._folder} locked and hangs: end it"
                        raise DatabaseFolderError(msg) from None
                    time.sleep(0.05)
            yield

    # --- start and stop -------------------------------------------------------------------------

    def _running(self) -> Postmaster:
        account = Account(self._folder)
        self._complete(account)
        ends = time.monotonic() + _START_S
        while time.monotonic() < ends:
            found = postmaster(self._folder)
            if found is None:
                self._launch(account)
            elif found.state in {"ready", "standby"} and _answers(found):
                return found
            else:  # it starts or stops: somebody was killed while it did
                time.sleep(0.1)
        found = postmaster(self._folder)
        who = f" (process {found.pid})" if found else ""
        msg = f"the database in {self._folder}{who} does not answer: end it and start again"
        raise DatabaseFolderError(msg)

    def _launch(self, account: Account) -> None:
        """Start PostgreSQL; wait a while for what a killed server left behind to be gone."""
        folder, ends = self._folder, time.monotonic() + _LEFT_BEHIND_S
        sockets = account.socket_folder(folder)
        options = f"-h '' -p {PORT} -k {shlex.quote(str(sockets))}"
        log = folder / "start.log"
        while True:
            forget_dead_server(folder, sockets)
            log.unlink(missing_ok=True)
            command = ["start", "-D", str(folder), "-w", "-t", str(_START_S), "-l", str(log)]
            done = account.run(
                "pg_ctl", *command, "-o", options, folder=folder, timeout_s=_START_S + 10
            )
            if done.returncode == 0 or postmaster(folder) is not None:
                return
            left = processes_of(folder)
            if not left or time.monotonic() > ends:
                msg = f"the database in {folder} does not start: {_reason(folder, done.stdout)}"
                raise DatabaseFolderError(msg)
            time.sleep(0.2)

    def _shut_down(self) -> None:
        if postmaster(self._folder) is None:
            return
        account = Account(self._folder)
        for mode in ("fast", "immediate"):
            command = ["stop", "-D", str(self._folder), "-w", "-t", str(_STOP_S), "-m", mode]
            with contextlib.suppress(subprocess.TimeoutExpired):
                account.run("pg_ctl", *command, folder=self._folder, timeout_s=_STOP_S + 10)
            if postmaster(self._folder) is None:
                return

    # --- the folder -----------------------------------------------------------------------------

    def _complete(self, account: Account) -> None:
        """See to it that the folder is a whole one of our PostgreSQL's version."""
        for left in self._folder.parent.glob(f"{self._folder.name}.new-*"):
            shutil.rmtree(left, ignore_errors=True)  # somebody was killed while making it
        if not self._folder.exists() or not any(self._folder.iterdir()):
            self._make(account)
            return
        try:
            version = (self._folder / "PG_VERSION").read_text(encoding="ascii").strip()
        except FileNotFoundError:
            msg = f"{self._folder} is not empty and holds no database: move it away"
            raise DatabaseFolderError(msg) from None
        if version != str(MAJOR):
            msg = (
                f"{self._folder} was made by PostgreSQL {version}, this is {MAJOR}: dump it with"
                " that version and restore it into a new folder"
            )
            raise DatabaseFolderError(msg)
        configuration = self._folder / "postgresql.conf"
        present = configuration.exists() and _MARK in configuration.read_text(encoding="utf-8")
        if present:
            return
        if not (self._folder / "postmaster.opts").exists():
            # Its making was cut and no server ever ran in it: nothing can be lost.
            self._folder.rename(self._beside(f"incomplete-{int(time.time())}"))
            self._make(account)
            return
        with configuration.open("a", encoding="utf-8") as file:
            file.write(_SETTINGS)

    def _make(self, account: Account) -> None:
        fresh = self._beside(f"new-{os.getpid()}-{time.monotonic_ns()}")
        fresh.mkdir(mode=0o700)
        account.own(fresh)
        # The same order and case of texts on every machine, whatever its language.
        words = ["-U", "postgres", "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8"]
        words += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        done = account.run("initdb", "-D", str(fresh), *words, folder=fresh, timeout_s=_START_S)
        if done.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            msg = f"no database can be made in {self._folder}: {_last_fault(done.stdout)}"
            raise DatabaseFolderError(msg)
        with (fresh / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(_SETTINGS)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self._folder)  # replaces an empty folder
        handle = os.open(self._folder.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _plainly(folder: Path) -> Iterator[None]:
    """What the file system refuses, in one line."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOLCK:
            why = "its file system has no locks: the data folder must be on a local disk"
        else:
            why = error.strerror or str(error)
        msg = f"the database folder {folder} cannot be used: {why}"
        if error.filename and str(error.filename) != str(folder):
            msg += f" ({error.filename})"
        raise DatabaseFolderError(msg) from error
    except psycopg.Error as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        msg = f"the database in {folder} cannot be used: {first}"
        raise DatabaseFolderError(msg) from error


def _answers(server: Postmaster) -> bool:
    try:
        with psycopg.connect(
            host=server.socket_folder,
            port=server.port,
            user="postgres",
            dbname="postgres",
            connect_timeout=5,
        ):
            return True
    except psycopg.OperationalError:
        return False


def _reason(folder: Path, said: str) -> str:
    """Why PostgreSQL did not start: the last fault in its newest log."""
    logs = [folder / "start.log", *(folder / "logs").glob("*.log")]
    present = sorted((log for log in logs if log.exists()), key=lambda log: log.stat().st_mtime)
    for log in reversed(present):
        text = log.read_text(encoding="utf-8", errors="replace")[-20000:]
        if any(word in text for word in _FAULTS):
            return _last_fault(text)
    return _last_fault(said)


_FAULTS = ("PANIC:", "FATAL:", "error:")


def _last_fault(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in reversed(lines):
        for word in _FAULTS:
            if word in line:
                return line.partition(word)[2].strip()
    return lines[-1] if lines else "it says nothing"
