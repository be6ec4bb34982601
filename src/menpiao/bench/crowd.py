"""Many lanes at once, each in a process of its own as each has a computer of its own in a park.

In one process they would share Python's lock, so that what every lane takes in at the same moment,
as the centre tells them all, would hold up the visitors of all the others.
"""

import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from menpiao.bench.lanes import BenchLane, Passage
from menpiao.compose.heap import keep_loaded

_STANDS_S = 120.0
_ENDS_S = 120.0


@dataclass(frozen=True, slots=True)
class Post:
    """A lane, who comes to it, and when: the first ``after_s`` the beginning, then ``every_s``."""

    make: Callable[[], BenchLane]
    visitors: Sequence[str]
    every_s: float
    after_s: float


class Crowd:
    """Lanes that stand when the block is entered; they are gone at its end."""

    def __init__(self, posts: Sequence[Post]) -> None:
        """Run these."""
        self._posts = posts
        self._stack = ExitStack()
        self._ways: list[Connection] = []

    def __enter__(self) -> Self:
        with self._stack as stack:
            ways = [stack.enter_context(_Lane(post)) for post in self._posts]
            for way in ways:
                _heard(way, _STANDS_S)
            self._stack = stack.pop_all()
        self._ways = ways
        return self

    def __exit__(self, *_: object) -> None:
        for way in self._ways:
            _say(way, 0.0)
        self._stack.close()

    def begin(self, until: float) -> None:
        """Let visitors come until then, by ``time.perf_counter``: one clock for all processes."""
        for way in self._ways:
            _say(way, until)

    def passages(self, within_s: float) -> list[Passage]:
        """Wait so long, and a while, until all have been and the centre knows everything.

        Raises:
            RuntimeError: a lane did not get that far.
        """
        return [passage for way in self._ways for passage in _heard(way, within_s + _ENDS_S)]


class _Lane(AbstractContextManager[Connection]):
    """A process of one lane, and the way to it."""

    def __init__(self, post: Post) -> None:
        self._way, far = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=_run, args=(post, far), daemon=True)
        self._process.start()
        # An end that a lane alone holds tells of its death.
        far.close()

    def __enter__(self) -> Connection:
        return self._way

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _say(self._way, 0.0)
        self._process.join(10)
        self._process.kill()
        self._way.close()


def _say(way: Connection, until: float) -> None:
    with contextlib.suppress(OSError):  # one that has gone is found out when it should tell
        way.send(until)


def _heard(way: Connection, within_s: float) -> Any:
    try:
        if way.poll(within_s):
            return way.recv()
    except EOFError:
        pass
    msg = "a lane did not stand or did not end: see what it wrote above"
    raise RuntimeError(msg)


def _run(post: Post, way: Connection) -> None:
    keep_loaded()
    asyncio.run(_serve(post, way))


async def _serve(post: Post, way: Connection) -> None:
    async with post.make() as lane:
        await lane.ready()
        way.send(())
        until = await _told(way)
        await asyncio.sleep(post.after_s)
        await lane.walk(post.visitors, post.every_s, until)
        await asyncio.sleep(until - time.perf_counter())
        await lane.decides("centre", queue=0)
        way.send(lane.passages)
        # Who ends first would spare the others its share of the machine.
        await _told(way)


async def _told(way: Connection) -> float:
    """What the bench says next."""
    loop = asyncio.get_running_loop()
    comes = asyncio.Event()
    loop.add_reader(way.fileno(), comes.set)
    await comes.wait()
    loop.remove_reader(way.fileno())
    return float(way.recv())
