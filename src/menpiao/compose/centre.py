"""The ticket centre put together: the one place that names pools, keys and services."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from menpiao.centre.booking.api import BookingApi
from menpiao.centre.booking.service import BookingService
from menpiao.centre.check.api import CheckApi
from menpiao.centre.check.identity import Identity
from menpiao.centre.check.service import CheckService
from menpiao.centre.selling.service import PaymentCore, SellingService
from menpiao.settings import Settings
from menpiao.storage.crypto import Vault
from menpiao.storage.database.catalogue import Catalogue
from menpiao.storage.database.connect import database_url, open_pool
from menpiao.storage.database.ids import IdBlocks
from menpiao.storage.keys import Keys, load_keys


def utc_now() -> datetime:
    """The clock of every server."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Centre:
    """The services of one process, on one event loop."""

    pool: asyncpg.Pool
    keys: Keys
    vault: Vault
    catalogue: Catalogue
    check: CheckService
    selling: SellingService
    payments: PaymentCore
    booking: BookingService


@contextlib.asynccontextmanager
async def open_centre(settings: Settings) -> AsyncIterator[Centre]:
    """Open the services on the data store; close the pool at the end."""
    keys = load_keys(settings.key_file)
    url = await asyncio.to_thread(database_url, settings)
    pool = await open_pool(url, settings.database.pool_size)
    try:
        vault, catalogue, ids = Vault(keys), Catalogue(pool), IdBlocks(pool)
        selling = SellingService(pool, vault, catalogue, ids, utc_now)
        booking = BookingService(pool, vault, catalogue, selling, keys.get("order_links"), utc_now)
        yield Centre(
            pool=pool,
            keys=keys,
            vault=vault,
            catalogue=catalogue,
            check=CheckService(pool, vault, catalogue, ids, utc_now),
            selling=selling,
            payments=PaymentCore(pool, vault, ids, utc_now),
            booking=booking,
        )
    finally:
        await pool.close()


class CentreApp:
    """The ASGI application of the chosen servers (``check``, ``booking``; empty: all)."""

    def __init__(self, settings: Settings, servers: tuple[str, ...] = ()) -> None:
        """Serve with these settings."""
        self._settings = settings
        self._servers = servers
        self.centre: Centre | None = None
        self.app = Starlette(routes=[], lifespan=self._lifespan)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with open_centre(self._settings) as centre:
            self.centre = centre
            app.router.routes.extend(self._routes(centre))
            yield
            self.centre = None

    def _routes(self, centre: Centre) -> list[BaseRoute]:
        routes: list[BaseRoute] = [
            Route("/healthz", _alive),
            Route("/readyz", self._ready),
        ]
        if not self._servers or "check" in self._servers:
            identity = Identity(centre.keys.get("device_tokens"))
            routes += CheckApi(centre.check, identity, utc_now).routes()
        if not self._servers or "booking" in self._servers:
            routes += BookingApi(centre.booking).routes()
        return routes

    async def _ready(self, request: Request) -> Response:  # noqa: ARG002 - a route's shape
        if self.centre is None:
            return JSONResponse({"ready": False}, 503)
        try:
            await asyncio.wait_for(self.centre.pool.fetchval("SELECT 1"), 2)
        except (asyncpg.PostgresError, OSError, TimeoutError):
            return JSONResponse({"ready": False, "database": "unreachable"}, 503)
        return JSONResponse({"ready": True})


async def _alive(request: Request) -> Response:  # noqa: ARG001 - a route's shape
    return JSONResponse({"alive": True})
