"""Every admission is counted once and only once, whoever folds and however late it commits."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.centre.statistics.gates import (
    fold,
    fold_to_the_end,
    pooled,
    recounted,
    rolled_up,
    scan,
    ticket,
)
from tests.support_db import run

from menpiao.storage.database import flow

SITE = 7


def test_a_fold_counts_and_a_second_one_changes_nothing(database):
    async def main():
        async with pooled(database) as (pool, _):
            await scan(pool, SITE, ticket=await ticket(pool, SITE), people=3)
            await scan(pool, SITE, ticket=await ticket(pool, SITE), people=2, first=1, minutes=4)
            await scan(pool, SITE, way="exit", people=2, minutes=5)
            await scan(pool, SITE, ok=False)
            await fold_to_the_end(pool, SITE)
            once = await rolled_up(pool, SITE)
            assert sorted(once[0].values()) == [(0, 2, 0), (5, 0, 1)]
            assert list(once[1].values()) == [4]
            assert once == await recounted(pool, SITE)
            assert await fold(pool, SITE) == 0
            assert await rolled_up(pool, SITE) == once

    run(main())


async def _late(pool, counted):
    """A transaction begins, another overtakes it, the roll-up runs, then the first commits."""
    slow = await pool.acquire()
    transaction = slow.transaction()
    await transaction.start()
    await scan(slow, SITE, ticket=await ticket(pool, SITE))
    await scan(pool, SITE, ticket=await ticket(pool, SITE))
    before = await counted()
    await transaction.commit()
    await pool.release(slow)
    return before


def test_what_commits_after_a_fold_is_counted_once(database):
    async def main():
        async with pooled(database) as (pool, _):

            async def counted():
                return await fold(pool, SITE)

            # The overtaker waits for the older one: nothing is passed over.
            assert await _late(pool, counted) == 0
            await fold_to_the_end(pool, SITE)
            flows, people = await rolled_up(pool, SITE)
            assert list(flows.values()) == [(2, 0, 0)]
            assert list(people.values()) == [2]

    run(main())


def test_the_same_story_is_lost_by_a_watermark_of_identifiers(database):
    """Negative control: the test above does fail for the plain way of doing it."""

    async def main():
        async with pooled(database) as (pool, _):
            state = {"id": 0, "people": 0}

            async def counted():
                row = await pool.fetchrow(
                    "SELECT max(id) AS last, sum(people) AS people FROM admission WHERE id > $1",
                    state["id"],
                )
                state["id"] = row["last"] or state["id"]
                state["people"] += row["people"] or 0
                return state["people"]

            await _late(pool, counted)
            assert await counted() == 1
            assert await pool.fetchval("SELECT sum(people) FROM admission") == 2

    run(main())


def test_a_transaction_that_is_undone_counts_for_nothing(database):
    async def main():
        async with pooled(database) as (pool, _):
            async with pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                await scan(connection, SITE, ticket=await ticket(pool, SITE))
                await fold(pool, SITE)
                await transaction.rollback()
            await fold_to_the_end(pool, SITE)
            assert await rolled_up(pool, SITE) == ({}, {})

    run(main())


_STEPS = st.lists(
    st.sampled_from(["begin", "entry", "exit", "refuse", "commit", "abort", "fold", "fold"]),
    min_size=20,
    max_size=60,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS, picks=st.randoms(use_true_random=False))
def test_any_interleaving_of_scans_and_folds_ends_as_a_recount(database, steps, picks):
    async def main():
        async with pooled(database) as (pool, _):
            for table in ("admission", "flow_bucket", "flow_visitor", "flow_watermark"):
                await pool.execute(f"DELETE FROM {table}")
            tickets = [await ticket(pool, SITE, province=code) for code in ("51", "11", "")]
            running = []
            for step in steps:
                if step == "begin" and len(running) < 4:
                    connection = await pool.acquire()
                    transaction = connection.transaction()
                    await transaction.start()
                    running.append((connection, transaction))
                elif step in {"entry", "exit", "refuse"}:
                    where = picks.choice([*(open_one[0] for open_one in running), pool])
                    await scan(
                        where,
                        SITE,
                        ticket=picks.choice(tickets),
                        way="exit" if step == "exit" else "entry",
                        ok=step != "refuse",
                        minutes=picks.randrange(-900, 900),
                        gate=picks.randrange(1, 3),
                    )
                elif step in {"commit", "abort"} and running:
                    connection, transaction = running.pop(picks.randrange(len(running)))
                    await (transaction.commit() if step == "commit" else transaction.rollback())
                    await pool.release(connection)
                elif step == "fold":
                    await fold(pool, SITE)
            for connection, transaction in running:
                await transaction.commit()
                await pool.release(connection)
            await fold_to_the_end(pool, SITE)
            assert await rolled_up(pool, SITE) == await recounted(pool, SITE)

    run(main())


@pytest.mark.parametrize("piece", [1, 5000])
def test_many_folders_among_many_gates_count_everything_once(database, monkeypatch, piece):
    monkeypatch.setattr(flow, "TRANSACTIONS_A_FOLD", piece)

    async def main():
        async with pooled(database, 10) as (pool, _):
            tickets = [await ticket(pool, SITE, province=code) for code in ("51", "11", "44")]
            done = asyncio.Event()

            async def gate(number):
                for index in range(25):
                    async with pool.acquire() as connection, connection.transaction():
                        await scan(connection, SITE, ticket=tickets[index % 3], gate=number)
                        await asyncio.sleep(0.001 * (index % 4))
                        await scan(connection, SITE, way="exit", gate=number, minutes=index)

            async def folder():
                while not done.is_set():
                    await fold(pool, SITE)

            folders = [asyncio.create_task(folder()) for _ in range(3)]
            await asyncio.gather(*(gate(number) for number in range(1, 5)))
            done.set()
            await asyncio.gather(*folders)
            await fold_to_the_end(pool, SITE)
            rolled = await rolled_up(pool, SITE)
            assert rolled == await recounted(pool, SITE)
            assert sum(cell[0] for cell in rolled[0].values()) == 100

    run(main())


def test_sites_are_folded_apart(database):
    async def main():
        async with pooled(database) as (pool, _):
            for site in (1, 2):
                await scan(pool, site, ticket=await ticket(pool, site), people=site)
            await fold_to_the_end(pool, 1)
            assert (await rolled_up(pool, 2)) == ({}, {})
            await fold_to_the_end(pool, 2)
            assert sum((await rolled_up(pool, 2))[1].values()) == 2

    run(main())


def test_a_database_restored_elsewhere_is_counted_again(database):
    """A restored dump brings transaction numbers of another server, far ahead of this one's."""

    async def main():
        async with pooled(database) as (pool, _):
            await scan(pool, SITE, ticket=await ticket(pool, SITE))
            await scan(pool, SITE, ticket=await ticket(pool, SITE))
            await fold_to_the_end(pool, SITE)
            await pool.execute("UPDATE flow_watermark SET xid = '900000000000'")
            await pool.execute("UPDATE admission SET xid = '900000000007' WHERE id % 2 = 0")
            await scan(pool, SITE, ticket=await ticket(pool, SITE), minutes=1)
            for _ in range(3):
                await fold(pool, SITE)
            await fold_to_the_end(pool, SITE)
            assert await rolled_up(pool, SITE) == await recounted(pool, SITE)
            assert sum((await rolled_up(pool, SITE))[1].values()) == 3

    run(main())
