"""The combiner on a real server: doubtful commits, connections given back, one failing alone."""

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path

import asyncpg
import pytest

from menpiao.storage.database.combine import Combiner
from menpiao.storage.database.connect import open_pool
from menpiao.storage.database.embedded import EmbeddedServer

TABLE = "CREATE TABLE done (key text PRIMARY KEY, runs integer NOT NULL)"


@pytest.fixture(scope="module")
def server():
    """A server of this module's own: its configuration is changed under way."""
    folder = Path(tempfile.mkdtemp(prefix="menpiao-combine-"))
    folder.chmod(0o755)
    made = EmbeddedServer(folder / "postgres")
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def stage(server):
    """A pool on a fresh table, a combiner that records keys, and a connection that watches."""
    url = server.url("postgres")
    watcher = await asyncpg.connect(url)
    await watcher.execute("DROP TABLE IF EXISTS done")
    await watcher.execute(TABLE)
    pool = await open_pool(url, 2)

    async def work(connection, batch):
        if "bad" in batch:
            await connection.execute("SELECT 1 / 0")
        answers = []
        for key in batch:
            made = await connection.execute(
                "INSERT INTO done VALUES ($1, 1) ON CONFLICT (key) DO UPDATE SET runs = done.runs",
                key,
            )
            answers.append(made)
        return answers

    try:
        yield Combiner(pool, work, lambda key: key), watcher
    finally:
        await pool.close()
        await watcher.close()


async def until(watcher, sql, *values):
    async with asyncio.timeout(20):
        while not await watcher.fetchval(sql, *values):  # noqa: ASYNC110 - its only sign
            await asyncio.sleep(0.01)


async def configure(watcher, standby):
    await watcher.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
    await watcher.execute("SELECT pg_reload_conf()")
    await until(watcher, "SELECT current_setting('synchronous_standby_names') = $1", standby)


WAITS = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.mark.parametrize("cut", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_wait_for_the_standby_that_is_cut_short_is_no_answer(server, cut):
    """The transaction stands here, the standby has not got it: it is done again, by its key."""

    async def main():
        async with stage(server) as (combiner, watcher):
            await configure(watcher, "nobody")
            try:
                answer = asyncio.create_task(combiner.submit("one"))
                await until(watcher, WAITS)
                first = await watcher.fetchval(WAITS)
                await watcher.execute(f"SELECT {cut}({first})")
                # It waits again, in a transaction of its own, and nothing has been answered.
                await until(watcher, "SELECT count(*) = 1 FROM done WHERE key = 'one'")
                await until(watcher, WAITS)
                early = answer.done()
            finally:
                await configure(watcher, "")
            async with asyncio.timeout(20):
                await answer
            return early, await watcher.fetch("SELECT key, runs FROM done")

    early, rows = asyncio.run(main())
    assert not early
    assert [tuple(row) for row in rows] == [("one", 1)]


def test_one_bad_request_fails_alone(server):
    async def main():
        async with stage(server) as (combiner, watcher):
            return (
                await asyncio.gather(
                    *(combiner.submit(key) for key in ("a", "bad", "b")), return_exceptions=True
                ),
                await watcher.fetch("SELECT key FROM done ORDER BY key"),
            )

    answers, rows = asyncio.run(main())
    assert isinstance(answers[1], asyncpg.DivisionByZeroError)
    assert not isinstance(answers[0], BaseException)
    assert not isinstance(answers[2], BaseException)
    assert [row["key"] for row in rows] == ["a", "b"]


def test_a_second_batch_sets_out_only_with_as_many_as_are_on_their_way(server):
    async def main():
        pool = await open_pool(server.url("postgres"), 2)
        sizes, gates = [], []

        async def work(connection, batch):
            await connection.execute("SELECT 1")
            gates.append(asyncio.Event())
            sizes.append(len(batch))
            await gates[-1].wait()
            return batch

        async def begun(count):
            async with asyncio.timeout(20):
                while len(gates) < count:  # noqa: ASYNC110 - its only sign
                    await asyncio.sleep(0.001)

        try:
            combiner = Combiner(pool, work, lambda key: key, lanes=2)
            first = [combiner.post(n) for n in range(3)]
            await begun(1)
            second = [combiner.post(n) for n in (3, 4)]
            await asyncio.sleep(0.05)
            alone = list(sizes)
            second.append(combiner.post(5))
            await begun(2)
            third = [combiner.post(6)]
            gates[0].set()
            await asyncio.gather(*first)
            await asyncio.sleep(0.05)
            beside = list(sizes)
            gates[1].set()
            await begun(3)
            gates[2].set()
            answers = await asyncio.gather(*second, *third)
        finally:
            await pool.close()
        assert alone == [3]  # two wait, three are on their way
        assert beside == [3, 3]  # one waits: not beside three, but after them
        assert sizes == [3, 3, 1]
        assert answers == [3, 4, 5, 6]

    asyncio.run(main())


def test_a_batch_begins_no_transaction_of_its_own_while_work_comes_and_keeps_none_afterwards(
    server,
):
    open_ = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"

    async def main():
        async with stage(server) as (combiner, watcher):
            pids = set()
            for key in range(5):
                await combiner.submit(f"k{key}")
                pids |= {
                    row["pid"]
                    for row in await watcher.fetch(
                        "SELECT pid, backend_xid, backend_xmin FROM pg_stat_activity"
                        " WHERE state = 'idle in transaction'"
                    )
                    if row["backend_xid"] is None and row["backend_xmin"] is None
                }
            await until(watcher, f"SELECT ({open_}) = 0")
            return pids, combiner.batches

    pids, batches = asyncio.run(main())
    assert len(pids) == 1
    assert batches == 5
