"""The demo as people start it: a process of its own on free ports, in a folder of its own."""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support_ports import free_port

START_S = 90


def let_through(place):
    """Let the database's account through to ``place``; what holds everybody's files stays."""
    shared = Path(tempfile.gettempdir())
    for one in (place, *place.parents[:2]):
        if one != shared and shared in one.parents:
            one.chmod(0o755)


class Demo:
    """A running demo: its page's address, its process, its data folder."""

    def __init__(self, folder, port=None):
        self.folder = Path(folder)
        self.port = port or free_port()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MENPIAO_")}
        environment |= {"MENPIAO_DATA_DIR": str(folder), "MENPIAO_HTTP_PORT": str(self.port)}
        command = [sys.executable, "-m", "menpiao", "demo"]
        self.output = self.folder.parent / f"{self.folder.name}.log"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=output, start_new_session=True
            )

    def wait(self):
        """Until the page's address was printed; gives it."""
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            found = re.search(r"the demo: +(\S+)", self.said())
            if found and "Ctrl-C" in self.said():
                return found[1]
            assert self.process.poll() is None, self.said()
            time.sleep(0.1)
        raise AssertionError(f"it does not start: {self.said()}")

    def said(self):
        return self.output.read_text(encoding="utf-8", errors="replace")

    def left_behind(self):
        """The command lines of processes that still work for this demo."""
        return list(self.processes().values())

    def processes(self):
        """The processes that work for this demo: command lines by number."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            ours = str(self.folder) in line or (
                f"MENPIAO_DATA_DIR={self.folder}\0".encode() in environment
            )
            if ours and state != "Z":
                found[int(entry.name)] = line
        return found

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(40)
