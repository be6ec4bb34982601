"""A technician at a terminal: the real command on a pseudo-terminal, read and answered."""

import asyncio
import contextlib
import os
import pty
import sys
from pathlib import Path

from tests.support_serve import environment_of

PATIENCE_S = 40


class Technician:
    """Runs ``menpiao gate FILE --setup``; `sees` waits for a text, `says` types a line."""

    def __init__(self, file: Path, *more: str, look: tuple[str, ...] = (), lang: str = "zh"):
        self.file = file
        places = [part for place in look for part in ("--look", place)]
        self._command = [sys.executable, "-m", "menpiao", "gate", str(file), "--setup"]
        self._command += ["--lang", lang, *places, *more]
        self._heard = ""
        self._at = 0
        self._changed = asyncio.Event()

    async def __aenter__(self):
        self._master, slave = pty.openpty()
        self.process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment_of(self.file.parent, TERM="dumb"),
            preexec_fn=lambda: os.login_tty(slave),
        )
        os.close(slave)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._read)
        return self

    async def __aexit__(self, *_):
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)

    @property
    def transcript(self) -> str:
        return self._heard

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            self._heard += os.read(self._master, 65_536).decode("utf-8", "replace")
        self._changed.set()

    async def sees(self, text: str) -> str:
        """Wait for a text behind what was seen before; give what stands between."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (found := self._heard.find(text, self._at)) < 0:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"never seen: {text!r}\n{self._heard}") from None
        between, self._at = self._heard[self._at : found], found + len(text)
        return between

    def says(self, text: str = "") -> None:
        os.write(self._master, f"{text}\n".encode())

    async def dialogue(self, *turns: tuple[str, str]) -> None:
        """What is asked, and what is answered."""
        for asked, answered in turns:
            await self.sees(asked)
            self.says(answered)

    def presses_control_c(self) -> None:
        os.write(self._master, b"\x03")

    async def ends(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()
