"""The combiner: concurrent requests of one kind share one transaction.

It adds no delay: when no transaction is in flight it starts one at once, and what arrives
meanwhile rides the next; where two may be in flight, once it is as much as what is. One request
alone has the latency of one transaction; a thousand share a commit. An answer is given only after
its commit. One bad request fails alone. A commit whose outcome is doubtful is run again: the work
looks every request up by its key first, so what was recorded is answered and what was not is done.

Doubtful is a commit whose answer was lost, and one that the server warns of: when the wait for a
synchronous standby is cut short, the transaction stands here and may be gone after a failover. The
work that is run again takes its locks anew, so that its own commit waits for the standby after all.
"""

import asyncio
import contextlib
import contextvars
import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Sequence
from typing import Any, Generic, TypeVar

import asyncpg
import prometheus_client
import structlog
from structlog.contextvars import get_contextvars

Q = TypeVar("Q")
A = TypeVar("A")
_Work = Callable[[asyncpg.Connection, Sequence[Q]], Awaitable[Sequence[A]]]
_Item = tuple[Q, asyncio.Future[A], contextvars.Context]
"""A request, its answer to come, and what was known of its asker."""

log = structlog.get_logger(__name__)
_level = logging.getLogger(__name__)
_NAMED_MOST = 32
_SLOW_S = 1.0

_seconds = prometheus_client.Histogram(
    "menpiao_batch_seconds",
    "From the start of a batch's transaction to its commit, tries included",
    ["kind"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
_sizes = prometheus_client.Histogram(
    "menpiao_batch_requests",
    "Requests in a batch",
    ["kind"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
_outcomes = prometheus_client.Counter(
    "menpiao_requests", "Requests by what they came to, after the commit", ["kind", "outcome"]
)
_queue = prometheus_client.Gauge(
    "menpiao_requests_waiting", "Requests left waiting as the latest batch began", ["kind"]
)

# Faults that go away when the same work is done again, with the same keys.
_PASSING: tuple[type[BaseException], ...] = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.UniqueViolationError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # A connection that was cut while it was handed over: "not connected", "in the failed state".
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    OSError,  # refused, reset, timed out; no socket while the server is being started
)
# Of these: another was quicker, with a key or with what the batch was decided on.
_COLLIDED = (asyncpg.UniqueViolationError, asyncpg.SerializationError)
_TRIES = 6
_PAUSE_S = 0.02
# How long a connection is kept, its next transaction begun, after its last work.
_LINGER_S = 0.05
# What a server says in a commit that is done here and perhaps not on the standby: a wait cut short
# by a cancelled statement (01000) or by a shutdown (57P01).
_DOUBTFUL = frozenset({"01000", "57P01"})


class UnavailableError(RuntimeError):
    """The data store did not answer; nothing is known to have been done. Ask again, same key."""


class _DoubtfulCommitError(RuntimeError):
    """A commit did not end as one, or the server warned that it may not outlive the server."""


class _Line:
    """A connection kept while work comes, with its next transaction begun ahead.

    ``COMMIT AND CHAIN`` begins the next transaction in the same round trip. Such a transaction has
    done nothing: it holds no lock, no snapshot and no transaction number.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._connection: asyncpg.pool.PoolConnectionProxy | None = None
        self._warned = False

    async def begin(self) -> asyncpg.Connection:
        """The connection, in a transaction."""
        if self._connection is None:
            connection = await self._pool.acquire()
            self._connection = connection
            connection.add_log_listener(self._hear)
            await connection.execute("BEGIN")
        return self._connection

    def _hear(self, connection: object, message: asyncpg.PostgresLogMessage) -> None:  # noqa: ARG002
        self._warned = self._warned or message.sqlstate in _DOUBTFUL

    async def commit(self, closing: str) -> None:
        """End the transaction, with its last statement, and begin the next.

        Raises:
            _DoubtfulCommitError: it is done, and may not be done on the standby.
        """
        assert self._connection is not None
        self._warned = False
        status = await self._connection.execute(f"{closing};COMMIT AND CHAIN")
        if status != "COMMIT" or self._warned:
            raise _DoubtfulCommitError

    async def let_go(self) -> None:
        """Undo what is not committed and give the connection back."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.remove_log_listener(self._hear)
            await connection.execute("ROLLBACK")
        except _PASSING:
            # One that was lost has gone back to the pool by itself.
            with contextlib.suppress(asyncpg.InterfaceError):
                connection.terminate()
        finally:
            await self._pool.release(connection)


class Answers(list[A]):
    """The answers of a batch, with a count of what they came to, for the metrics."""

    def __init__(self, answers: Iterable[A], outcomes: Iterable[str], closing: str = "") -> None:
        """One outcome a request, in any order; ``closing``: the statement to commit with."""
        super().__init__(answers)
        self.tally = Counter(outcomes)
        self.closing = closing


class Combiner(Generic[Q, A]):
    """Gathers requests into batches and runs each batch in one transaction.

    ``work(connection, batch)`` locks, decides and records, and gives one answer a request in
    order; what it records at last may be left to the commit (:class:`Answers`).
    ``conflict(request)``: of requests with equal conflict keys only one is in a batch, so
    that each is decided on what the one before it left.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        work: _Work[Q, A],
        conflict: Callable[[Q], Hashable],
        *,
        again: _Work[Q, A] | None = None,
        cap: int = 256,
        lanes: int = 1,
        kind: str = "other",
        name: Callable[[Q], str] | None = None,
    ) -> None:
        """Run at most ``lanes`` transactions at once, of at most ``cap`` requests each.

        ``again``: the work for a batch that has failed, of which some may stand recorded.
        ``kind`` is what metrics and logs call this work, ``name`` gives a request's id for logs.
        """
        self._kind = kind
        self._name = name
        self._seconds, self._sizes = _seconds.labels(kind), _sizes.labels(kind)
        self._queue = _queue.labels(kind)
        self._pool = pool
        self._work = work
        self._again = again or work
        self._conflict = conflict
        self._cap = cap
        self._waiting: deque[_Item[Q, A]] = deque()
        self._idle = [_Line(pool) for _ in range(lanes)]
        self._used_at = 0.0
        self._lingering = False
        self._launching = False
        self._flying = 0
        self._busy_keys: set[Hashable] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.batches = 0
        self.requests = 0

    def post(self, request: Q) -> asyncio.Future[A]:
        """The answer to come to a request, after its commit.

        A caller that goes away does not cut the transaction: it ends on its own. The future fails
        with :class:`UnavailableError` when the data store could not be reached in several tries.
        """
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        # The asker's context is kept as it is, and read only where a line is logged.
        self._waiting.append((request, future, contextvars.copy_context()))
        self._launch_if_due()
        return future

    async def submit(self, request: Q) -> A:
        """The answer to a request, after its commit.

        Raises:
            UnavailableError: the data store could not be reached in several tries.
        """
        # Nothing but this caller waits on the future: when it goes, the batch is not touched.
        return await self.post(request)

    def _is_due(self) -> bool:
        # Beside others on their way only with as many: small batches cost more than they save.
        return len(self._waiting) >= self._flying

    def _launch_if_due(self) -> None:
        if self._idle and not self._launching and self._is_due():
            # It begins once what else this turn of the loop brings has come: its batch takes all.
            self._launching = True
            self._run(self._drive(self._idle.pop()))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        # A context of its own: a batch belongs to all its requests, not to the first.
        task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take(self) -> list[_Item[Q, A]]:
        batch: list[_Item[Q, A]] = []
        later: list[_Item[Q, A]] = []
        while self._waiting and len(batch) < self._cap:
            item = self._waiting.popleft()
            key = self._conflict(item[0])
            if key in self._busy_keys:
                later.append(item)
            else:
                self._busy_keys.add(key)
                batch.append(item)
        self._waiting.extendleft(reversed(later))
        self._queue.set(len(self._waiting))
        return batch

    async def _drive(self, line: _Line) -> None:
        self._launching = False
        try:
            while self._is_due() and (batch := self._take()):
                self._flying += len(batch)
                self._launch_if_due()
                try:
                    await self._settle(line, batch)
                finally:
                    self._flying -= len(batch)
                    self._busy_keys.difference_update(self._conflict(item[0]) for item in batch)
        finally:
            self._idle.append(line)
            self._linger()

    def _linger(self) -> None:
        """Give connections back some time after the last work."""
        loop = asyncio.get_running_loop()
        self._used_at = loop.time()
        if not self._lingering:
            self._lingering = True
            loop.call_later(_LINGER_S, self._rest)

    def _rest(self) -> None:
        loop = asyncio.get_running_loop()
        left = self._used_at + _LINGER_S - loop.time()
        if left > 0:
            loop.call_later(left, self._rest)
            return
        self._lingering = False
        for place, line in enumerate(self._idle):
            self._idle[place] = _Line(self._pool)
            self._run(line.let_go())

    async def _settle(self, line: _Line, batch: list[_Item[Q, A]]) -> None:
        try:
            answers = await self._attempt(line, batch)
        except Exception as error:  # noqa: BLE001 - it must reach its callers, whatever it is
            if len(batch) == 1 or isinstance(error, UnavailableError):
                _fail(batch, error)
                return
            # One bad request fails alone: the others are done one by one.
            self._tell("batch_split", batch, error=error)
            for item in batch:
                await self._settle(line, [item])
            return
        for (_, future, _), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    async def _attempt(self, line: _Line, batch: list[_Item[Q, A]]) -> Sequence[A]:
        requests = [item[0] for item in batch]
        last: BaseException | None = None
        started = time.perf_counter()
        for attempt in range(_TRIES):
            # What collided is known by now; whatever else it was needs time to pass.
            if attempt and not (attempt == 1 and isinstance(last, _COLLIDED)):
                await asyncio.sleep(_PAUSE_S * 4 ** (attempt - 1))
            work = self._again if attempt else self._work
            try:
                answers = await work(await line.begin(), requests)
                await line.commit(answers.closing if isinstance(answers, Answers) else "")
            except BaseException as error:  # whatever it was, this transaction is over
                await line.let_go()
                if not isinstance(error, (*_PASSING, _DoubtfulCommitError)):
                    raise
                last = error
                # Another was quicker: that happens every day, and is met at once.
                if attempt or not isinstance(error, _COLLIDED):
                    self._tell("batch_again", batch, error=error)
                continue
            self.batches += 1
            self.requests += len(requests)
            self._count(batch, answers, time.perf_counter() - started)
            return answers
        if isinstance(last, asyncpg.UniqueViolationError):
            raise last
        _outcomes.labels(self._kind, "unavailable").inc(len(requests))
        raise UnavailableError(type(last).__name__) from last

    def _count(self, batch: list[_Item[Q, A]], answers: Sequence[A], took_s: float) -> None:
        """Metrics once a batch; a line of log for a slow one, or where every one is asked for."""
        self._seconds.observe(took_s)
        self._sizes.observe(len(batch))
        if isinstance(answers, Answers):
            for outcome, count in answers.tally.items():
                _outcomes.labels(self._kind, outcome).inc(count)
        if took_s >= _SLOW_S:
            self._tell("batch_slow", batch, took_ms=round(took_s * 1000))
        elif _level.isEnabledFor(logging.DEBUG):
            log.debug(
                "batch",
                kind=self._kind,
                size=len(batch),
                took_ms=round(took_s * 1000, 1),
                **self._names(batch),
            )

    def _tell(
        self,
        event: str,
        batch: list[_Item[Q, A]],
        error: BaseException | None = None,
        **facts: object,
    ) -> None:
        if error is not None:
            facts["error"] = type(error).__name__
        facts |= self._names(batch[:_NAMED_MOST])
        log.warning(event, kind=self._kind, size=len(batch), **facts)

    def _names(self, batch: list[_Item[Q, A]]) -> dict[str, list[str]]:
        """``request_ids``: of the work; ``asked_as``: of the HTTP requests that brought it."""
        named = [self._name(item[0]) for item in batch] if self._name else []
        bound = (item[2].run(get_contextvars).get("request_id") for item in batch)
        return {"request_ids": named, "asked_as": [str(name) for name in bound if name]}


def _fail(batch: list[_Item[Any, Any]], error: Exception) -> None:
    for _, future, _ in batch:
        if not future.done():
            future.set_exception(error)
