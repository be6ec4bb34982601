"""The catalogue is of one moment; it and identifiers are at hand before they are needed."""

import asyncio

import asyncpg
import pytest
from tests.support_db import FreshDatabase, plant_park, run

from menpiao.storage.database import catalogue as catalogue_module
from menpiao.storage.database.catalogue import Catalogue, read_snapshot
from menpiao.storage.database.connect import open_pool
from menpiao.storage.database.ids import IdBlocks

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


async def open_park(database):
    pool = await open_pool(database.url, 3)
    await plant_park(pool)
    return pool


def test_who_asks_often_never_waits_for_the_set_up_and_sees_a_change(database, monkeypatch):
    monkeypatch.setattr(catalogue_module, "MAX_AGE_S", 15.0)
    monkeypatch.setattr(catalogue_module, "_RENEW_AGE_S", 0.1)

    async def main():
        pool = await open_park(database)
        try:
            catalogue = Catalogue(pool)
            assert catalogue.at_hand() is None, "nothing has been read"
            first = await catalogue.current()
            await pool.execute("UPDATE site SET name = '改名景区'")
            async with asyncio.timeout(20):
                while (seen := catalogue.at_hand()) is first:  # noqa: ASYNC110 - no event tells it
                    await asyncio.sleep(0.01)
            return seen
        finally:
            await pool.close()

    seen = run(main())
    assert seen is not None, "somebody had to wait"
    assert [site.name for site in seen.sites.values()] == ["改名景区"]


def test_identifiers_are_fetched_before_they_run_out_and_are_all_different(database):
    async def main():
        pool = await open_park(database)
        try:
            ids = IdBlocks(pool)
            await ids.reserve(1)
            taken, waits = [], 0
            while len(taken) < 6_000:
                waits += not ids.at_hand(20)
                await asyncio.sleep(0.005)  # others are served
                await ids.reserve(20)
                taken += ids.take(20)
            return taken, waits
        finally:
            await pool.close()

    taken, waits = run(main())
    assert len(set(taken)) == len(taken)
    assert waits < 3, "fetched when there were none: six times"


def test_who_asks_ahead_in_vain_is_told_when_there_are_none(database):
    async def main():
        pool = await open_park(database)
        ids = IdBlocks(pool)
        await ids.reserve(1)
        await pool.close()
        assert ids.at_hand(1024)
        assert not ids.at_hand(1025)
        await asyncio.sleep(0)
        with pytest.raises(asyncpg.InterfaceError):
            await ids.reserve(1025)

    run(main())
