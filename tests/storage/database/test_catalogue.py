"""The catalogue is of one moment, also when a park is planted while its tables are read."""

import asyncio

import pytest
from tests.support_db import FreshDatabase, plant_park, run

from menpiao.storage.database.catalogue import Catalogue, read_snapshot
from menpiao.storage.database.connect import open_pool

WAITING = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'gate_leave_first'::regclass"
)


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


async def read_while_planted(database, read):
    """What ``read(pool)`` finds when a whole park comes after its sites, before its gates."""
    pool = await open_pool(database.url, 3)
    try:
        async with pool.acquire() as holder:
            async with holder.transaction():
                await holder.execute("LOCK TABLE gate_leave_first IN ACCESS EXCLUSIVE MODE")
                reading = asyncio.create_task(read(pool))
                async with asyncio.timeout(20):
                    while not await holder.fetchval(WAITING):  # noqa: ASYNC110 - its only sign
                        await asyncio.sleep(0.01)
                await plant_park(pool)
            async with asyncio.timeout(20):
                return await reading
    finally:
        await pool.close()


def test_a_park_planted_in_between_is_not_there_yet_and_there_the_next_time(database):
    async def read(pool):
        catalogue = Catalogue(pool)
        return await catalogue.current(), await catalogue.current(fresh=True)

    before, after = run(read_while_planted(database, read))
    assert (before.sites, before.gates, before.products, before.devices) == ({}, {}, {}, {})
    assert (len(after.sites), len(after.gates), len(after.products)) == (1, 2, 1)


def test_the_same_read_without_one_moment_finds_gates_of_a_site_it_has_not_seen(database):
    """The control: were the race not there, the test above could not fail."""

    async def read(pool):
        async with pool.acquire() as connection:
            return await read_snapshot(connection)

    with pytest.raises(KeyError):
        run(read_while_planted(database, read))
