"""Reports are matched to their messages by an index, however many messages there are."""

import pytest
from tests.support_db import FreshDatabase, run

from menpiao.storage.database import messages

ROWS = 100_000
FILL = """
INSERT INTO outbox (site_id, id, channel, kind, key, ref_id, payload, state, provider_ref, due_at,
    created_at)
SELECT 1, n, 'sms', 'order', 'k' || n, n, '{}', 'sent', ARRAY['cmpp:' || n, 'cmpp:' || n || '-2'],
    now(), now() FROM generate_series(1, $1::int) n
"""
KEEP = """
INSERT INTO outbox_receipt (site_id, id, channel, provider_ref, outcome, received_at)
SELECT 1, n, 'sms', 'cmpp:' || n * 100, 'delivered', now() FROM generate_series(1, 20) n
"""


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


def test_a_report_finds_its_message_without_reading_all_of_them(database):
    async def main():
        async with database.centre() as centre, centre.pool.acquire() as connection:
            await connection.execute(FILL, ROWS)
            await connection.execute(KEEP)
            await connection.execute("VACUUM ANALYZE outbox")
            await connection.execute("ANALYZE outbox_receipt")

            async def plan(statement, *values):
                await connection.execute("SET plan_cache_mode = force_generic_plan")
                rows = await connection.fetch(f"EXPLAIN {statement}", *values)
                return "\n".join(row[0] for row in rows)

            since = await connection.fetchval("SELECT now() - interval '1 day'")
            one = await plan(messages._OWNER, "sms", "cmpp:777", since)
            several = await plan(messages._OWNERS, 1, "sms", since)
            for told in (one, several):
                assert "outbox_provider_ref" in told, told
                assert "Seq Scan on outbox o" not in told, told
            found = await connection.fetch(messages._OWNER, "sms", "cmpp:777-2", since)
            assert [row["id"] for row in found] == [777]
            assert len(await connection.fetch(messages._OWNERS, 1, "sms", since)) == 20
            # Control: without the index all of them are read.
            await connection.execute("DROP INDEX outbox_provider_ref")
            assert "Seq Scan on outbox" in await plan(messages._OWNER, "sms", "cmpp:777", since)

    run(main())
