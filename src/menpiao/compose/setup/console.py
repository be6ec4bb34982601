"""The technician's terminal: what is said, what is asked, and what was answered."""

from __future__ import annotations

import asyncio
import contextlib
import os
import termios
from collections.abc import Awaitable, Sequence
from typing import Final, TextIO, TypeVar

from menpiao.compose.setup.words import Language, word

_READ_BYTES: Final = 4096
_YES: Final = frozenset({"y", "yes", "是", "1", "好", "对"})
_NO: Final = frozenset({"n", "no", "否", "0", "不", "没有"})
T = TypeVar("T")


class InputEnded(Exception):
    """Nobody answers any more."""


class Console:
    """Questions with a default in brackets; a line of its own answers each.

    With ``assume`` nothing is read: every question has its default for an answer.
    """

    def __init__(
        self, language: Language, output: TextIO, *, read_from: int = 0, assume: bool = False
    ) -> None:
        self.language: Final = language
        self.assume: Final = assume
        self._output = output
        self._fd = read_from
        self._interactive = os.isatty(read_from) and not assume
        self._buffer = bytearray()
        self._ended = False

    def word(self, key: str, **values: object) -> str:
        """A text in the technician's language."""
        return word(key, self.language, **values)

    def say(self, key: str, **values: object) -> None:
        """A line."""
        self.line(self.word(key, **values))

    def line(self, text: str = "") -> None:
        """A line that is in no table: names, addresses, what a device calls itself."""
        self._put(text + "\n")

    def _put(self, text: str) -> None:
        # What a device calls itself must not steer the terminal.
        self._output.write("".join(c for c in text if c.isprintable() or c == "\n"))
        self._output.flush()

    async def ask(self, key: str, default: str = "", **values: object) -> str:
        """A question; an empty answer is the default.

        Raises:
            InputEnded: there is nobody to answer.
        """
        hint = f" [{default}]" if default else ""
        self._put(f"{self.word(key, **values)}{hint}: ")
        if self.assume:
            self._put(f"{default}\n")
            return default
        answer = (await self._read_line()).strip()
        if not self._interactive:
            self._put(f"{answer}\n")  # a transcript shows what was answered
        return answer or default

    async def judged(self, key: str, *, default: bool) -> bool:
        """As `yes`, about what was just seen: what was typed before is no answer to it."""
        if self._interactive:
            termios.tcflush(self._fd, termios.TCIFLUSH)
            self._buffer.clear()
        return await self.yes(key, default=default)

    async def yes(self, key: str, *, default: bool, **values: object) -> bool:
        """A question with two answers, asked until one of them is given."""
        while True:
            answer = (await self.ask(key, "y" if default else "n", **values)).lower()
            if answer in _YES | _NO:
                return answer in _YES
            self.say("yes_or_no")

    async def pick(
        self, key: str, options: Sequence[tuple[str, str, T]], default: str, **values: object
    ) -> T:
        """One of the options (what is typed, its text, what it stands for), until one is given."""
        for typed, text, _ in options:
            self.line(f"  {typed:>2}  {text}")
        known = {typed: meant for typed, _, meant in options}
        while True:
            answer = (await self.ask(key, default, **values)).lower()
            if answer in known:
                return known[answer]
            self.say("not_an_option", answer=answer)

    async def unless_enter(self, waited: Awaitable[T], within_s: float) -> T | None:
        """What is waited for; None when the time is over, or when Enter is pressed meanwhile.

        Answers that come from a file are for questions: they end no waiting.
        """
        task = asyncio.ensure_future(waited)
        entered = asyncio.create_task(self._read_line()) if self._interactive else None
        tasks = {task} if entered is None else {task, entered}
        try:
            await asyncio.wait(tasks, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            if entered is not None and entered.done():
                entered.result()  # raises when the terminal is gone
            return task.result() if task.done() else None
        finally:
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_line(self) -> str:
        while b"\n" not in self._buffer:
            if self._ended:
                raise InputEnded
            await self._readable()
            try:
                data = os.read(self._fd, _READ_BYTES)
            except OSError:  # a terminal that was closed
                data = b""
            self._buffer += data
            if not data:
                self._ended = True
                if self._buffer:
                    self._buffer += b"\n"
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return line.decode("utf-8", "replace")

    async def _readable(self) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        with contextlib.suppress(PermissionError):  # a plain file never has to be waited for
            loop.add_reader(self._fd, ready.set)
            try:
                await ready.wait()
            finally:
                loop.remove_reader(self._fd)
