"""Where the data store is, and connections to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from menpiao.settings import Settings
from menpiao.storage.database.closing import Closing
from menpiao.storage.database.embedded import EmbeddedServer

DATABASE = "menpiao"


_servers: dict[Path, EmbeddedServer] = {}


def _embedded(folder: Path) -> EmbeddedServer:
    if folder in _servers:
        return _servers[folder]
    server = EmbeddedServer(folder)
    server.ensure_database(DATABASE)
    _servers[folder] = server
    return server


def database_url(settings: Settings) -> str:
    """The URL of the data store; starts the embedded server when no URL is set."""
    if settings.database.url:
        return settings.database.url
    return _embedded((settings.data_dir / "postgres").resolve()).url(DATABASE)


def stop_embedded() -> None:
    """Let go of the embedded server, if this process uses one."""
    while _servers:
        _servers.popitem()[1].stop()


def django_database(settings: Settings) -> dict[str, Any]:
    """Django's ``DATABASES`` entry for the data store."""
    parts = urlsplit(database_url(settings))
    query = parse_qs(parts.query)
    host = unquote(parts.hostname or "") or query.get("host", [""])[0]
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or query.get("port", [""])[0]),
        "CONN_MAX_AGE": 60,
    }


async def _keep_session(connection: object) -> None:
    """Nothing to undo: no user of the pool changes its session, and a reset is a round trip.

    An open transaction is rolled back and listeners are removed before this is asked.
    """


async def open_pool(url: str, size: int, closings: Sequence[Closing] = ()) -> asyncpg.Pool:
    """A pool for the write side; statements are prepared once a connection.

    ``closings``: statements that transactions of its users end with.
    """

    async def prepare(connection: asyncpg.Connection) -> None:
        for closing in closings:
            await connection.execute(closing.prepare)

    pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        command_timeout=15,
        init=prepare,
        reset=_keep_session,
        server_settings={
            "application_name": "menpiao",
            "lock_timeout": "3000",
            "idle_in_transaction_session_timeout": "10000",
            "jit": "off",
            "standard_conforming_strings": "on",
            "plan_cache_mode": "force_generic_plan",
        },
    )
    assert pool is not None
    return pool
