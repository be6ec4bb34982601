"""Bring the schema up to date: Django's migrations; the hot tables are SQL files among them.

Each migration is one transaction: a process that is killed leaves the ones that were finished and
nothing of the one it was at; the next start goes on from there.
"""

from pathlib import Path

import django
import structlog
from django.core.management import call_command
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.migrations.loader import MigrationLoader

SQL_FOLDER = Path(__file__).parent / "sql"
_LOCK = 0x6D656E70  # "menp": one migrator at a time
_OLDEST = 150000

log = structlog.get_logger(__name__)


class SchemaError(RuntimeError):
    """The database is not one this program can use; the message is one line for an operator."""


def known_migrations() -> frozenset[str]:
    """The names of the schema's steps that this program knows."""
    folder = Path(__file__).parent / "migrations"
    return frozenset(path.stem for path in folder.glob("[0-9]*.py"))


def migrate() -> None:
    """Apply what is missing. Safe to call from several processes at once, and again.

    Raises:
        SchemaError: the database is too old, or a newer menpiao has been at it.
        django.db.OperationalError: it does not answer.
    """
    django.setup()
    with connection.cursor() as cursor:
        _await_turn(cursor)
        try:
            _refuse_strangers()
            call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _await_turn(cursor: CursorWrapper) -> None:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
    if cursor.fetchone() == (True,):
        return
    log.info("migration_waits", why="another process brings the schema up to date")
    cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])


def _refuse_strangers() -> None:
    version = int(connection.pg_version)  # type: ignore[attr-defined]
    if version < _OLDEST:
        msg = f"PostgreSQL {version // 10000} is too old: 15 or newer is needed"
        raise SchemaError(msg)
    loader = MigrationLoader(connection, ignore_no_migrations=True)
    unknown = sorted(set(loader.applied_migrations) - set(loader.disk_migrations))
    if unknown:
        names = ", ".join(f"{app}.{name}" for app, name in unknown)
        msg = f"a newer menpiao has changed this database ({names}): run that version"
        raise SchemaError(msg)
