"""The statistics doors on a real server: tickets, figures, and the stream as it changes."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from tests.centre.statistics.gates import NOON, fold_to_the_end, pooled, scan, ticket
from tests.support_db import plant_park, run

from menpiao.centre.statistics import jobs
from menpiao.centre.statistics.api import StatisticsApi
from menpiao.centre.statistics.service import (
    StatisticsService,
    make_ticket,
    read_ticket,
)

KEY = b"k" * 32


class Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):
        yield


@contextlib.asynccontextmanager
async def served(database, clock=lambda: NOON + timedelta(minutes=30)):
    async with pooled(database) as (pool, catalogue):
        park = await plant_park(pool)
        service = StatisticsService(pool, catalogue, clock)
        app = Starlette(routes=StatisticsApi(service, KEY).routes())
        config = uvicorn.Config(
            app, host="127.0.0.1", port=0, log_level="warning", access_log=False
        )
        server = Quiet(config)
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            base = f"http://127.0.0.1:{port}/statistics/v1"
            async with httpx.AsyncClient(base_url=base, timeout=10, trust_env=False) as client:
                yield pool, park.site, service, client
        finally:
            server.should_exit = True
            server.force_exit = True
            await task


def test_live_figures_say_who_is_inside_and_where_from(database):
    async def main():
        async with served(database) as (pool, site, _, client):
            near = await ticket(pool, site)
            far = await ticket(pool, site, province="", city="", age="", sex="")
            await scan(pool, site, ticket=near, people=460)
            await scan(pool, site, ticket=far, people=3, minutes=6)
            await scan(pool, site, way="exit", people=8, minutes=7)
            await scan(pool, site, ok=False)
            await scan(pool, site, ticket=near, people=50, minutes=-24 * 60)  # yesterday
            await fold_to_the_end(pool, site)
            seal = make_ticket(KEY, site, NOON + timedelta(minutes=30))
            answer = await client.get("/live", params={"ticket": seal})
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "no-store"
            told = answer.json()
            assert (told["inside"], told["capacity"], told["level"]) == (455, 500, "orange")
            assert (told["entries"], told["exits"], told["refused"]) == (463, 8, 1)
            assert told["visitors"] == 463
            assert [b["entries"] for b in told["buckets"]] == [460, 3]
            assert [(p["code"], p["zh"], p["people"]) for p in told["provinces"]] == [
                ("51", "四川", 460),
                ("", "境外或未知", 3),
            ]
            assert [c["zh"] for c in told["cities"]] == ["成都市"]
            assert {a["code"]: a["people"] for a in told["age_bands"]}["25-34"] == 460
            assert sum(a["people"] for a in told["age_bands"]) == 463
            assert [(s["en"], s["people"]) for s in told["sexes"]] == [
                ("Male", 460),
                ("Not known", 3),
            ]

    run(main())


def test_the_stream_speaks_when_figures_change_and_not_otherwise(database):
    async def main():
        async with served(database) as (pool, site, service, client):
            job = asyncio.create_task(jobs.run(service))
            seal = make_ticket(KEY, site, NOON + timedelta(minutes=30))
            told = []
            try:
                async with client.stream("GET", "/stream", params={"ticket": seal}) as answer:
                    assert answer.headers["content-type"].startswith("text/event-stream")
                    async with asyncio.timeout(15):
                        async for line in answer.aiter_lines():
                            if not line.startswith("data: "):
                                continue
                            told.append(json.loads(line[6:])["inside"])
                            if told[-1] == 2:
                                break
                            await scan(pool, site, ticket=await ticket(pool, site), people=2)
            finally:
                job.cancel()
                await asyncio.gather(job, return_exceptions=True)
            assert told == [0, 2]

    run(main())


def test_a_stream_ends_with_its_ticket(database):
    async def main():
        async with served(database) as (_, site, _, client):
            # Issued so long ago that one second is left.
            seal = make_ticket(KEY, site, NOON + timedelta(minutes=20, seconds=1))
            async with asyncio.timeout(8):
                body = (await client.get("/stream", params={"ticket": seal})).text
            assert body.rstrip().endswith("event: end\ndata: {}")

    run(main())


def test_without_a_good_ticket_nothing_is_told(database):
    async def main():
        async with served(database) as (_, site, _, client):
            now = NOON + timedelta(minutes=30)
            bad = [
                "",
                "1.2",
                "票.票.票",
                make_ticket(KEY, site, now - timedelta(minutes=10)),
                make_ticket(b"a" * 32, site, now),
                make_ticket(KEY, site, now).replace(f"{site}.", f"{site + 1}.", 1),
            ]
            for door in ("/live", "/stream"):
                assert (await client.get(door)).status_code == 403
                for seal in bad:
                    assert (await client.get(door, params={"ticket": seal})).status_code == 403
                unknown = make_ticket(KEY, 99999, now)
                assert (await client.get(door, params={"ticket": unknown})).status_code == 404

    run(main())


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (599, True), (600, False)])
def test_a_ticket_lives_ten_minutes(seconds, good):
    made = datetime(2026, 5, 2, tzinfo=UTC)
    seal = make_ticket(KEY, 3, made)
    assert (read_ticket(KEY, seal, made + timedelta(seconds=seconds)) is not None) is good
