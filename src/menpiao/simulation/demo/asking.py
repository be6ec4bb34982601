"""Asking parts how they are: each by its own question, none waited for long, none asked too often.

A part that hangs keeps its one question open; nobody else's answer waits for it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar, cast

import httpx
import msgspec

EVERY_S: Final = 1.5
WITHIN_S: Final = 2.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a part answered; ``value`` None: nothing that it should have.

    ``what`` was asked and ``said`` in short, as people may read it beside the part.
    """

    what: str
    value: T | None = None
    said: str = "?"
    ms: int = 0

    @property
    def proof(self) -> str:
        """Question, answer and how long it took: the same in every language."""
        return f"{self.what} → {self.said} · {self.ms} ms"


class Watch:
    """Questions under way and the answers kept."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        """Ask doors through this client."""
        self._http = http
        self._kept: dict[str, tuple[float, Answer[Any]]] = {}
        self._asking: dict[str, tuple[float, asyncio.Task[None]]] = {}

    async def ask(
        self, what: str, question: Callable[[], Awaitable[T]], every_s: float = EVERY_S
    ) -> Answer[T]:
        """The answer to ``question``, at most ``every_s`` old; see `Answer` for a part that fails.

        Asked once at a time: ``what`` tells questions apart.
        """

        async def answered() -> Answer[T]:
            return Answer(what, await question(), "✓")

        return await self._ask(what, answered, every_s)

    async def door(
        self,
        method: str,
        url: str,
        wants: tuple[int, ...] = (200,),
        *,
        headers: Mapping[str, str] | None = None,
        every_s: float = EVERY_S,
        name: str = "",
    ) -> Answer[Any]:
        """A door's answer; no value where its status is another one than it ``wants``.

        The value is what JSON says, or the text. ``name`` stands for the door on the page: an
        address may hold what is nobody's business.
        """
        what = f"{method} {_short(name or httpx.URL(url).path)}"

        async def answered() -> Answer[Any]:
            got = await self._http.request(method, url, headers=headers, timeout=3 * WITHIN_S)
            kind = got.headers.get("content-type", "")
            value = msgspec.json.decode(got.content) if "json" in kind else got.text
            return Answer(what, value if got.status_code in wants else None, str(got.status_code))

        return await self._ask(f"{method} {name or url}", answered, every_s, what)

    async def _ask(
        self, key: str, answered: Callable[[], Awaitable[Answer[T]]], every_s: float, what: str = ""
    ) -> Answer[T]:
        what = what or key
        now = time.monotonic()
        if key not in self._asking:
            at, kept = self._kept.get(key, (float("-inf"), None))
            if kept is not None and now - at < every_s:
                return cast("Answer[T]", kept)
            self._asking[key] = now, asyncio.create_task(self._keep(key, what, answered))
        since, task = self._asking[key]
        await asyncio.wait({task}, timeout=max(0.0, since + WITHIN_S - now))
        if not task.done():
            return Answer(what, ms=round(1000 * (time.monotonic() - since)))
        return cast("Answer[T]", self._kept[key][1])

    async def _keep(
        self, key: str, what: str, answered: Callable[[], Awaitable[Answer[Any]]]
    ) -> None:
        began = time.monotonic()
        try:
            answer = await answered()
        except Exception as error:  # noqa: BLE001 - however a part fails, that is its answer
            answer = Answer(what, said=type(error).__name__)
        finally:
            del self._asking[key]
        ended = time.monotonic()
        self._kept[key] = ended, replace(answer, ms=round(1000 * (ended - began)))

    async def close(self) -> None:
        """Ask no more."""
        tasks = [task for _, task in self._asking.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _short(path: str) -> str:
    """A path as it fits into a narrow box: its last part alone where there are several."""
    parts = path.strip("/").split("/")
    return path if len(parts) < 2 else f"…/{parts[-1]}"
