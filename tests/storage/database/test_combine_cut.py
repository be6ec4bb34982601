"""The combiner on a real database: one bad fails alone; cut between record and commit."""

import asyncio

import asyncpg
import pytest
from tests.support_db import FreshDatabase, run

from menpiao.storage.database.combine import Combiner
from menpiao.storage.database.connect import open_pool


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


_TABLE = "CREATE TABLE done (key text PRIMARY KEY, runs int NOT NULL CHECK (runs > 0))"
_RECORD = "INSERT INTO done SELECT unnest($1::text[]), 1"


async def record(connection, batch):
    """Look up by key, record what is new, answer with what the table says."""
    found = await connection.fetch("SELECT key FROM done WHERE key = ANY($1)", list(batch))
    known = {row["key"] for row in found}
    await connection.execute(_RECORD, [key for key in batch if key not in known])
    if "bad" in batch:
        msg = "a bad request"
        raise ValueError(msg)
    return [f"{key} done" for key in batch]


async def on(database, work, story, **options):
    pool = await open_pool(database.url, 4)
    try:
        await pool.execute(_TABLE)
        return await story(pool, Combiner(pool, work, lambda key: key, **options))
    finally:
        await pool.close()


async def keys(pool):
    return sorted(row["key"] for row in await pool.fetch("SELECT key FROM done"))


def test_one_bad_request_fails_alone(database):
    async def story(pool, combiner):
        asked = ["a", "bad", "b", "c"]
        answers = await asyncio.gather(*map(combiner.submit, asked), return_exceptions=True)
        return answers, await keys(pool)

    answers, kept = run(on(database, record, story))
    assert [str(a) for a in answers] == ["a done", "a bad request", "b done", "c done"]
    assert isinstance(answers[1], ValueError)
    assert kept == ["a", "b", "c"]


@pytest.mark.parametrize("who", ["before the commit", "within the commit"])
def test_a_connection_cut_between_record_and_commit(database, who, monkeypatch):
    """The database ends the session after the record: nothing is lost, one result a key."""
    cuts = []

    async def cut(connection):
        cuts.append(who)
        pid = connection.get_server_pid()
        other = await asyncpg.connect(database.url)
        await other.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        await other.close()

    async def work(connection, batch):
        answers = await record(connection, batch)
        if not cuts and who == "before the commit":
            await cut(connection)
        elif not cuts:
            # Its commit is done; the answer to the commit is lost with the connection.
            await connection.execute("COMMIT")
            await cut(connection)
        return answers

    async def story(pool, combiner):
        answers = await asyncio.gather(*map(combiner.submit, ["a", "b"]))
        again = await combiner.submit("a")
        return answers, again, await keys(pool)

    answers, again, kept = run(on(database, work, story))
    assert cuts == [who]
    assert answers == ["a done", "b done"]
    assert again == "a done"
    assert kept == ["a", "b"]


def test_nothing_is_answered_before_its_commit(database):
    """Seen from outside at the moment of the answer, every answered key is there."""

    async def story(pool, combiner):
        other = await asyncpg.connect(database.url)
        lock = asyncio.Lock()

        async def ask(key):
            await combiner.submit(key)
            async with lock:
                return await other.fetchval("SELECT 1 FROM done WHERE key = $1", key)

        seen = await asyncio.gather(*(ask(f"k{i}") for i in range(200)))
        await other.close()
        return seen, combiner.batches

    seen, batches = run(on(database, record, story, cap=32))
    assert seen == [1] * 200
    assert batches < 100


def test_the_same_key_at_once_from_two_combiners_gives_one_row(database):
    """Two servers beside each other; a unique key decides, the loser reads what was recorded."""

    async def story(pool, combiner):
        other = Combiner(pool, record, lambda key: key)
        both = [c.submit(f"k{i}") for i in range(20) for c in (combiner, other)]
        return await asyncio.gather(*both), await keys(pool)

    answers, kept = run(on(database, record, story))
    assert answers == [f"k{i} done" for i in range(20) for _ in range(2)]
    assert len(kept) == 20


def test_a_caller_that_goes_away_cuts_nobody_elses_transaction(database):
    async def story(pool, combiner):
        going = asyncio.create_task(combiner.submit("a"))
        staying = asyncio.create_task(combiner.submit("b"))
        await asyncio.sleep(0)
        going.cancel()
        return await staying, await keys(pool)

    answer, kept = run(on(database, record, story))
    assert answer == "b done"
    assert "b" in kept
