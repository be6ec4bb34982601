"""A PostgreSQL 15 of the machine, met by URL as a site's own server is; a test may kill it."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

from menpiao.storage.database.postgres import processes_of

BIN = Path("/usr/lib/postgresql/15/bin")


class Cluster:
    """A cluster of its own on a Unix socket; PostgreSQL refuses to run as root."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="menpiao-pg15-"))
        self.data = self.folder / "data"
        user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._who = {"user": user} if os.geteuid() == 0 else {}
        if self._who:
            shutil.chown(self.folder, user)
        self._tool("initdb", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
        self.url = self.database("postgres")

    def database(self, name):
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def _tool(self, name, *arguments):
        command = [BIN / name, "-D", self.data, *arguments]
        subprocess.run(command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL, **self._who)

    def start(self):
        settings = f"-k {self.folder} -c listen_addresses='' -c max_connections=120"
        self._tool("pg_ctl", "-w", "-o", settings, "-l", self.folder / "log", "start")

    def kill(self):
        """Every process at once, as when the power goes."""
        for pid in processes_of(self.data):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # A container may have nobody who collects the dead: their numbers would seem alive.
        for left in (self.data / "postmaster.pid", self.folder / ".s.PGSQL.5432.lock"):
            left.unlink(missing_ok=True)

    def remove(self):
        with suppress(subprocess.CalledProcessError):
            self._tool("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def cluster():
    one = Cluster()
    try:
        one.start()
        yield one
    finally:
        one.remove()
