"""The board reads the last scans of a lane, however many a season has left."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.support_db import FreshDatabase, run

from menpiao.storage.database import lanes

ROWS = 100_000
FILL = """
INSERT INTO admission (site_id, id, device_id, nonce, digest, gate_id, direction, at, admitted,
    reason, people, first_entry, answer)
SELECT 1, n, 1, 'n' || n, '', n % 40, 'entry', now() - make_interval(secs => n), true, 'pass', 1, 1,
    '' FROM generate_series(1, $1::int) n
"""
GATES = list(range(40))


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


def test_the_board_does_not_walk_over_all_admissions(database):
    async def main():
        async with database.centre() as centre, centre.pool.acquire() as connection:
            await connection.execute(FILL, ROWS)
            await connection.execute("VACUUM ANALYZE admission")
            now = datetime.now(UTC)

            async def plan(statement, *values):
                rows = await connection.fetch(f"EXPLAIN {statement}", *values)
                return "\n".join(row[0] for row in rows)

            asks = (
                (lanes._SCANS, 1, GATES, now - timedelta(hours=24), 3),
                (lanes._PEOPLE, 1, GATES, now - timedelta(minutes=5)),
            )
            for ask in asks:
                told = await plan(*ask)
                assert "admission_of_gate" in told, told
                assert "Seq Scan on admission" not in told, told
            found = await lanes.scans(centre.pool, 1, GATES, now - timedelta(hours=24), 3)
            assert len(found) == 3 * len(GATES)
            people = await lanes.people(centre.pool, 1, GATES, now - timedelta(minutes=5))
            assert 290 <= sum(people.values()) <= 300
            # Control: without the index all of them are read.
            await connection.execute("DROP INDEX admission_of_gate")
            assert "Seq Scan on admission" in await plan(*asks[1])

    run(main())
