"""Run servers of the centre in one process."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, cast

import asyncpg
import psycopg
import uvicorn
from a2wsgi import WSGIMiddleware
from django.db import OperationalError
from starlette.applications import Starlette
from starlette.types import ASGIApp

from menpiao.centre.doors.direct import DirectSocket
from menpiao.centre.doors.hot import HotProtocol
from menpiao.compose.centre import CentreApp
from menpiao.compose.heap import keep_loaded
from menpiao.compose.jobs import JOBS
from menpiao.compose.logs import configure
from menpiao.compose.probes import is_loopback
from menpiao.settings import Settings
from menpiao.storage.crypto import Vault
from menpiao.storage.database import key_marks
from menpiao.storage.database.connect import database_url, stop_embedded
from menpiao.storage.database.embedded import DatabaseFolderError
from menpiao.storage.database.key_marks import KeysDoNotFitError
from menpiao.storage.database.migrate import SchemaError
from menpiao.storage.keys import KeyFileError, load_keys

SETUP_ERRORS = (
    DatabaseFolderError,
    SchemaError,
    KeyFileError,
    KeysDoNotFitError,
    OperationalError,
    psycopg.OperationalError,
    OSError,
)
"""What is wrong with a machine or a centre's set-up: the text is for whoever runs it."""

_WITH_PAGES = {"booking", "counter"}


def prepare(settings: Settings) -> None:
    """Set up Django for this process, bring the schema up to date, see that the keys fit it.

    Raises:
        KeyFileError, KeysDoNotFitError: the keys are not those of the data.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "menpiao.compose.django_settings")
    os.environ["MENPIAO_DATA_DIR"] = str(settings.data_dir)
    from menpiao.storage.database.migrate import migrate

    migrate()
    asyncio.run(_keys_fit(settings))


async def _keys_fit(settings: Settings) -> None:
    connection = await asyncpg.connect(database_url(settings), timeout=15)
    try:
        await key_marks.hold_to(connection, Vault(load_keys(settings.key_file)))
    finally:
        await connection.close()


def _pages(servers: tuple[str, ...]) -> ASGIApp | None:
    """The pages for people (WSGI, in threads), where the chosen servers have any."""
    if servers and not _WITH_PAGES & set(servers):
        return None
    from django.core.wsgi import get_wsgi_application

    application = cast("Any", get_wsgi_application())
    return cast("ASGIApp", WSGIMiddleware(application, workers=10))


def centre_app(settings: Settings, servers: tuple[str, ...]) -> CentreApp:
    """The chosen servers with their pages."""
    http = settings.http
    alone = is_loopback(http.host) and not http.public_url
    return CentreApp(settings, servers, pages=_pages(servers), alone=alone)


def server_config(
    settings: Settings, servers: tuple[str, ...], application: CentreApp | None = None
) -> uvicorn.Config:
    """How uvicorn runs the chosen servers: fast parsers, plain frames, no access log."""
    app = (application or centre_app(settings, servers)).app
    http = settings.http
    return _config(app, http.host, http.port, http.trusted_proxies)


def _config(app: Starlette, host: str, port: int, proxies: str = "") -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=HotProtocol,
        ws=DirectSocket,
        ws_per_message_deflate=False,
        ws_max_size=64 * 1024,  # above what any link takes; octets beyond are never gathered
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        # Live figures stream for minutes: at a stop they are cut, the page comes back by itself.
        timeout_graceful_shutdown=10,
    )


def serve(settings: Settings, servers: tuple[str, ...]) -> None:
    """Serve until told to stop (SIGINT, SIGTERM); the embedded database is let go at the end."""
    configure(settings.log)
    prepare(settings)
    _run(server_config(settings, servers))


def work(settings: Settings, jobs: tuple[str, ...]) -> None:
    """Run background jobs until told to stop, with a private door for health and metrics."""
    configure(settings.log)
    prepare(settings)
    alone = is_loopback(settings.work.host)
    app = CentreApp(settings, ("work",), jobs=jobs or JOBS, alone=alone).app
    _run(_config(app, settings.work.host, settings.work.port))


def _run(config: uvicorn.Config) -> None:
    keep_loaded()
    # uvicorn ends its work on a signal and then sends it again: end in good order, not at once.
    signal.signal(signal.SIGTERM, _leave)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run()


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's shape
    sys.exit(0)


@contextlib.contextmanager
def hold_database(settings: Settings) -> Iterator[None]:
    """Be a user of the data store while the block runs; the last user stops an embedded one."""
    from menpiao.storage.database.connect import database_url, stop_embedded

    database_url(settings)
    try:
        yield
    finally:
        stop_embedded()


def leave_database() -> None:
    """Close this process's pages' connections and let go of the embedded database."""
    from django.db import connections

    connections.close_all()
    stop_embedded()
