"""Facts about the data store for those who look after it."""

from dataclasses import dataclass

import psycopg

from menpiao.settings import Settings
from menpiao.storage.database.connect import database_url, stop_embedded


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """``version`` as PostgreSQL numbers it (150018); ``durable``: commits survive a power cut."""

    version: int
    durable: bool


def database_facts(settings: Settings) -> DatabaseFacts:
    """Ask the data store about itself.

    Raises:
        psycopg.Error: it does not answer.
    """
    try:
        with psycopg.connect(database_url(settings), connect_timeout=5) as connection:
            row = connection.execute(
                "SELECT current_setting('fsync') = 'on'"
                " AND current_setting('synchronous_commit') <> 'off'"
            ).fetchone()
            return DatabaseFacts(connection.info.server_version, bool(row and row[0]))
    finally:
        stop_embedded()
