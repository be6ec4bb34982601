"""Values that are written out arrive as they are, whatever is in them."""

import asyncio
from datetime import UTC, date, datetime, timedelta, timezone

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support_db import FreshDatabase

from menpiao.storage.database.closing import Closing

# No clock that is put forward and back: which moment such a time means is the zone's to say.
ZONES = st.integers(-839, 839).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TYPES = {
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "date": st.dates(),
    "bigint[]": st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)),
    "text[]": st.lists(st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8"))),
    "bytea[]": st.lists(st.none() | st.binary()),
    "boolean[]": st.lists(st.none() | st.booleans()),
    "date[]": st.lists(st.none() | st.dates()),
    "timestamptz[]": st.lists(
        st.none() | st.datetimes(datetime(1900, 1, 2), datetime(2200, 1, 1), timezones=ZONES)
    ),
}
NASTY = [
    "NULL",
    "",
    " ",
    "'",
    "''",
    '"',
    "\\",
    "\\'",
    "{a,b}",
    "$1",
    "x'); DROP TABLE t; --",
    "𠮷\n",
]
_names = ", ".join(f"v{n}" for n in range(len(TYPES)))
_values = ", ".join(f"${n + 1}" for n in range(len(TYPES)))
CLOSING = Closing("given", list(TYPES), f"INSERT INTO seen ({_names}) SELECT {_values}")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """What a call wrote, read back."""
    database = FreshDatabase(tmp_path_factory.mktemp("closing"))
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(database.url))
    columns = ", ".join(f"v{n} {kind}" for n, kind in enumerate(TYPES))
    for text in (f"CREATE TEMP TABLE seen ({columns})", CLOSING.prepare):
        loop.run_until_complete(connection.execute(text))

    async def there_and_back(values):
        async with connection.transaction():
            await connection.execute(f"{CLOSING.call(values)};SELECT 1")
            row = await connection.fetchrow("DELETE FROM seen RETURNING *")
        return list(row)

    yield lambda values: loop.run_until_complete(there_and_back(values))
    loop.run_until_complete(connection.close())
    loop.close()
    database.drop()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(*TYPES.values()))
def test_every_value_comes_back(kept, values):
    assert kept(values) == list(values)


def test_texts_that_look_like_sql_are_texts(kept):
    values = [7, date(2026, 1, 1), [], NASTY, [], [], [], [datetime(2026, 1, 1, tzinfo=UTC)]]
    assert kept(values) == values


def test_a_text_with_a_nul_is_refused():
    values = [7, date(2026, 1, 1), [], ["a\0b"], [], [], [], []]
    with pytest.raises(ValueError, match="NUL"):
        CLOSING.call(values)
