"""Bring the schema up to date: Django's migrations; the hot tables are SQL files among them."""

from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection

SQL_FOLDER = Path(__file__).parent / "sql"
_LOCK = 0x6D656E70  # "menp": one migrator at a time


def known_migrations() -> frozenset[str]:
    """The names of the schema's steps that this program knows."""
    folder = Path(__file__).parent / "migrations"
    return frozenset(path.stem for path in folder.glob("[0-9]*.py"))


def migrate() -> None:
    """Apply what is missing. Safe to call from several processes at once, and again."""
    django.setup()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
