"""Facts about the data store for those who look after it."""

import time
from dataclasses import dataclass

import psycopg

from menpiao.settings import Settings
from menpiao.storage.database.connect import database_url, stop_embedded


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """``version`` as PostgreSQL numbers it (150018); ``durable``: commits survive a power cut.

    ``clock_ahead_s``: how far this machine's clock is ahead of the data store's.
    """

    version: int
    durable: bool
    clock_ahead_s: float


def database_facts(settings: Settings) -> DatabaseFacts:
    """Ask the data store about itself.

    Raises:
        psycopg.Error: it does not answer.
    """
    try:
        with psycopg.connect(database_url(settings), connect_timeout=5) as connection:
            row = connection.execute(
                "SELECT current_setting('fsync') = 'on'"
                " AND current_setting('synchronous_commit') <> 'off',"
                " extract(epoch FROM clock_timestamp())::float8"
            ).fetchone()
            assert row is not None
            ahead_s = time.time() - row[1]
            return DatabaseFacts(connection.info.server_version, bool(row[0]), ahead_s)
    finally:
        stop_embedded()
