"""The combiner: concurrent requests of one kind share one transaction.

It adds no delay: when no transaction is in flight it starts one at once, and what arrives
meanwhile rides the next. One request alone has the latency of one transaction; a thousand share a
commit. An answer is given only after its commit. One bad request fails alone. A commit whose
outcome is doubtful is run again: the work looks every request up by its key first, so what was
recorded is answered and what was not is done.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

import asyncpg
import structlog

Q = TypeVar("Q")
A = TypeVar("A")

log = structlog.get_logger(__name__)

# Faults that go away when the same work is done again, with the same keys.
_PASSING = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.UniqueViolationError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    ConnectionError,
    TimeoutError,
)
_TRIES = 6
_PAUSE_S = 0.02


class UnavailableError(RuntimeError):
    """The data store did not answer; nothing is known to have been done. Ask again, same key."""


class Combiner(Generic[Q, A]):
    """Gathers requests into batches and runs each batch in one transaction.

    ``work(connection, batch)`` locks, decides and records, and gives one answer a request in
    order. ``conflict(request)``: of requests with equal conflict keys only one is in a batch, so
    that each is decided on what the one before it left.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        work: Callable[[asyncpg.Connection, Sequence[Q]], Awaitable[Sequence[A]]],
        conflict: Callable[[Q], Hashable],
        *,
        cap: int = 256,
        lanes: int = 1,
    ) -> None:
        """Run at most ``lanes`` transactions at once, of at most ``cap`` requests each."""
        self._pool = pool
        self._work = work
        self._conflict = conflict
        self._cap = cap
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._idle = lanes
        self._launching = False
        self._busy_keys: set[Hashable] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.batches = 0
        self.requests = 0

    async def submit(self, request: Q) -> A:
        """The answer to a request, after its commit.

        A caller that goes away does not cut the transaction: it ends on its own.

        Raises:
            UnavailableError: the data store could not be reached in several tries.
        """
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        self._start()
        # Nothing but this caller waits on the future: when it goes, the batch is not touched.
        return await future

    def _start(self) -> None:
        """Launch once what else this turn of the loop brings has come: the same batch takes it."""
        if self._idle and self._waiting and not self._launching:
            self._launching = True
            asyncio.get_running_loop().call_soon(self._launch)

    def _launch(self) -> None:
        self._launching = False
        while self._idle and self._waiting:
            batch = self._take()
            if not batch:
                return
            self._idle -= 1
            task = asyncio.get_running_loop().create_task(self._drive(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _take(self) -> list[tuple[Q, asyncio.Future[A]]]:
        batch: list[tuple[Q, asyncio.Future[A]]] = []
        later: list[tuple[Q, asyncio.Future[A]]] = []
        while self._waiting and len(batch) < self._cap:
            item = self._waiting.popleft()
            key = self._conflict(item[0])
            if key in self._busy_keys:
                later.append(item)
            else:
                self._busy_keys.add(key)
                batch.append(item)
        self._waiting.extendleft(reversed(later))
        return batch

    async def _drive(self, batch: list[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            await self._settle(batch)
        finally:
            self._busy_keys.difference_update(self._conflict(request) for request, _ in batch)
            self._idle += 1
            self._start()

    async def _settle(self, batch: list[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._run([request for request, _ in batch])
        except Exception as error:  # noqa: BLE001 - it must reach its callers, whatever it is
            if len(batch) == 1 or isinstance(error, UnavailableError):
                _fail(batch, error)
                return
            # One bad request fails alone: the others are done one by one.
            log.warning("batch_split", size=len(batch), error=type(error).__name__)
            for item in batch:
                await self._settle([item])
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    async def _run(self, requests: list[Q]) -> Sequence[A]:
        last: BaseException | None = None
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(_PAUSE_S * 4 ** (attempt - 1))
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    answers = await self._work(connection, requests)
            except _PASSING as error:
                last = error
                continue
            self.batches += 1
            self.requests += len(requests)
            return answers
        if isinstance(last, asyncpg.UniqueViolationError):
            raise last
        raise UnavailableError(type(last).__name__) from last


def _fail(batch: list[tuple[Q, asyncio.Future[A]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
