"""Run servers of the centre in one process."""

import os
import socket

import uvicorn

from menpiao.compose.centre import CentreApp
from menpiao.settings import Settings


def prepare(settings: Settings) -> None:
    """Set up Django for this process and bring the schema up to date."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "menpiao.compose.django_settings")
    os.environ["MENPIAO_DATA_DIR"] = str(settings.data_dir)
    from menpiao.storage.database.migrate import migrate

    migrate()


def serve(settings: Settings, servers: tuple[str, ...], sockets: list[socket.socket] | None) -> None:
    """Serve until told to stop; ``sockets`` given: on those instead of host and port."""
    prepare(settings)
    config = uvicorn.Config(
        CentreApp(settings, servers).app,
        host=settings.http.host,
        port=settings.http.port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
    )
    uvicorn.Server(config).run(sockets=sockets)
