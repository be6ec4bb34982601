"""The ticket centre put together: the one place that names pools, keys and services."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from menpiao.centre.booking.api import BookingApi
from menpiao.centre.booking.service import BookingService, CancelService
from menpiao.centre.check.api import CheckApi
from menpiao.centre.check.identity import Identity
from menpiao.centre.check.lanes import LaneServices
from menpiao.centre.check.service import CheckService
from menpiao.centre.check.service.bundles import BundleService
from menpiao.centre.check.service.commands import CommandService
from menpiao.centre.check.service.devices import DeviceService
from menpiao.centre.check.service.papers import PaperService
from menpiao.centre.check.service.reports import ReportService
from menpiao.centre.check.service.search import SearchService
from menpiao.centre.check.service.states import StateService
from menpiao.centre.check.service.terminals import TerminalService
from menpiao.centre.check.service.undo import UndoService
from menpiao.centre.commerce import jobs as commerce_jobs
from menpiao.centre.commerce.api import CommerceApi
from menpiao.centre.commerce.provider import QrProvider
from menpiao.centre.commerce.service import CommerceService
from menpiao.centre.commerce.wechat.client import WechatPay
from menpiao.centre.console import jobs as console_jobs
from menpiao.centre.console.service import ConsoleService
from menpiao.centre.counter.api import CounterApi
from menpiao.centre.counter.service import CounterService, ReturnService
from menpiao.centre.design import door
from menpiao.centre.design.service import AttemptService
from menpiao.centre.doors.hot import HotDoor, HotDoors
from menpiao.centre.messaging import jobs as messaging_jobs
from menpiao.centre.messaging.api import MessagingApi
from menpiao.centre.messaging.cmpp.channel import CmppChannel
from menpiao.centre.messaging.cmpp.dialect import Account
from menpiao.centre.messaging.service import MessagingService
from menpiao.centre.selling import jobs as selling_jobs
from menpiao.centre.selling.service import PaymentCore, RefundCore, SellingService, SlotLayer
from menpiao.centre.statistics import jobs as statistics_jobs
from menpiao.centre.statistics.api import StatisticsApi
from menpiao.centre.statistics.service import StatisticsService
from menpiao.compose.doors import described, exception_handlers, served_tables
from menpiao.compose.jobs import jobs_of, keep
from menpiao.compose.probes import Guard, Private, Probes
from menpiao.compose.requests import Names, RequestNames
from menpiao.compose.slip import slip_lines
from menpiao.settings import Settings, Sms
from menpiao.storage.crypto import Vault
from menpiao.storage.database import admissions, key_marks, sales
from menpiao.storage.database.catalogue import Catalogue
from menpiao.storage.database.connect import database_url, open_pool
from menpiao.storage.database.ids import IdBlocks
from menpiao.storage.keys import Keys, load_keys
from menpiao.storage.ticket_codes import TicketCodes

# What its transactions end with.
_CLOSINGS = (admissions.CLOSING, sales.HOLD, sales.CLOSING)


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
    lanes: LaneServices
    selling: SellingService
    payments: PaymentCore
    refunds: RefundCore
    booking: BookingService
    cancelling: CancelService
    counter: CounterService
    returns: ReturnService
    commerce: CommerceService
    statistics: StatisticsService
    layer: SlotLayer
    attempts: AttemptService
    console: ConsoleService
    messaging: MessagingService | None
    """None: no account at an operator is configured."""


def sms_account(sms: Sms) -> Account | None:
    """The operator's account that the settings name; None when they name none."""
    if not sms.host:
        return None
    return Account(
        host=sms.host,
        port=sms.port,
        sp_id=sms.sp_id,
        secret=sms.secret,
        src_id=sms.src_id,
        service_id=sms.service_id,
    )


@contextlib.asynccontextmanager
async def open_centre(settings: Settings) -> AsyncIterator[Centre]:
    """Open the services on the data store; close the pool at the end."""
    account = sms_account(settings.sms)
    keys = load_keys(settings.key_file)
    url = await asyncio.to_thread(database_url, settings)
    pool = await open_pool(url, settings.database.pool_size, _CLOSINGS)
    http = WechatPay.http_client()
    try:
        vault, catalogue, ids = Vault(keys), Catalogue(pool), IdBlocks(pool)
        await key_marks.hold_to(pool, vault)
        pay_within_s = settings.selling.pay_within_s
        selling = SellingService(pool, vault, catalogue, ids, utc_now, pay_within_s)
        codes = TicketCodes(keys.get("ticket_codes")) if settings.selling.ticket_codes else None
        links = keys.get("order_links")
        booking = BookingService(pool, vault, catalogue, selling, links, utc_now, codes)
        payments = PaymentCore(pool, vault, ids, utc_now)
        refunds = RefundCore(pool, vault, ids, utc_now)
        providers: dict[str, QrProvider] = {}
        if settings.wechat.mchid:
            providers["wechat"] = WechatPay(settings.wechat, http, utc_now)
        messaging = None
        if account is not None:
            channel, signature = CmppChannel(account), settings.sms.signature
            messaging = MessagingService(pool, vault, catalogue, ids, channel, utc_now, signature)
        yield Centre(
            pool=pool,
            keys=keys,
            vault=vault,
            catalogue=catalogue,
            lanes=_lanes(pool, vault, catalogue, ids, keys, codes),
            selling=selling,
            payments=payments,
            refunds=refunds,
            booking=booking,
            cancelling=CancelService(booking, payments, refunds, vault, utc_now),
            counter=CounterService(pool, catalogue, selling, ids, providers, utc_now),
            returns=ReturnService(pool, vault, catalogue, refunds, utc_now),
            commerce=CommerceService(pool, payments, refunds, catalogue, providers, utc_now),
            statistics=StatisticsService(pool, catalogue, utc_now),
            layer=SlotLayer(pool, utc_now),
            attempts=AttemptService(pool, keys.get("order_links"), utc_now),
            console=ConsoleService(pool, vault, ids, refunds, utc_now),
            messaging=messaging,
        )
    finally:
        await http.aclose()
        await pool.close()


def _lanes(
    pool: asyncpg.Pool,
    vault: Vault,
    catalogue: Catalogue,
    ids: IdBlocks,
    keys: Keys,
    codes: TicketCodes | None,
) -> LaneServices:
    """The check server's services."""
    check = CheckService(pool, vault, catalogue, ids, utc_now, codes)
    return LaneServices(
        check=check,
        bundles=BundleService(pool, vault, catalogue, keys.get("device_tokens"), utc_now, codes),
        reports=ReportService(pool, catalogue, ids, utc_now),
        undos=UndoService(pool, catalogue, ids, check.guards, utc_now),
        searches=SearchService(pool, vault, catalogue, check.guards, utc_now),
        states=StateService(pool, catalogue, utc_now),
        commands=CommandService(pool, catalogue, ids, utc_now),
        papers=PaperService(pool, vault, catalogue, ids, utc_now),
        terminals=TerminalService(pool, catalogue, ids, utc_now),
        devices=DeviceService(pool, catalogue, ids, utc_now),
    )


class CentreApp:
    """The ASGI application of the chosen servers; none chosen: all of them."""

    def __init__(
        self,
        settings: Settings,
        servers: tuple[str, ...] = (),
        *,
        jobs: tuple[str, ...] | None = None,
        pages: ASGIApp | None = None,
        alone: bool = False,
    ) -> None:
        """Serve with these settings; ``pages`` answers whatever is no machine's door.

        ``jobs``: what works behind the scenes; not given, what belongs to the servers.
        ``alone``: only this machine can ask, so that figures need no token.
        """
        self._guard = Guard(settings.metrics.token, alone=alone)
        self._jobs = jobs_of(servers) if jobs is None else jobs
        self._settings = settings
        self._pages = pages
        self._servers = servers
        self.centre: Centre | None = None
        self.check: CheckApi | None = None
        self._hot: list[HotDoor] = []
        names = Names()
        self.app = Starlette(
            routes=[],
            lifespan=self._lifespan,
            exception_handlers=exception_handlers(),
            middleware=[
                Middleware(RequestNames, names=names),
                Middleware(Private, guard=self._guard),
            ],
        )
        self.app.state.hot = HotDoors(names.of)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with open_centre(self._settings) as centre:
            self.centre = centre
            app.router.routes.extend(self._routes(centre))
            self.app.state.hot.stand_before(self._hot)
            door.bind(
                asyncio.get_running_loop(),
                {
                    BookingService: centre.booking,
                    CancelService: centre.cancelling,
                    AttemptService: centre.attempts,
                    ConsoleService: centre.console,
                    StateService: centre.lanes.states,
                    CommandService: centre.lanes.commands,
                    PaperService: centre.lanes.papers,
                    TerminalService: centre.lanes.terminals,
                    DeviceService: centre.lanes.devices,
                },
            )
            tasks = [
                asyncio.create_task(keep(name, job))
                for name in self._jobs
                if (job := _job(centre, name)) is not None
            ]
            try:
                yield
            finally:
                door.unbind()
                self.centre = None
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _runs(self, server: str) -> bool:
        return not self._servers or server in self._servers

    def _routes(self, centre: Centre) -> list[BaseRoute]:
        routes: list[BaseRoute] = [
            *Probes(centre.pool, utc_now).routes(),
        ]
        if self._runs("check"):
            identity = Identity(centre.keys.get("device_tokens"))
            self.check = CheckApi(centre.lanes, identity, centre.keys.get("lane_board"), utc_now)
            routes += self.check.routes()
            self._hot += self.check.hot()
        if self._runs("booking"):
            booking = BookingApi(centre.booking, centre.cancelling, centre.attempts)
            routes += booking.routes()
            self._hot += booking.hot()
        if self._runs("counter"):
            key = centre.keys.get("counter")
            routes += CounterApi(centre.counter, centre.returns, key, slip_lines).routes()
        if self._runs("commerce"):
            routes += CommerceApi(centre.commerce).routes()
        if self._runs("statistics"):
            key = centre.keys.get("live_figures")
            routes += StatisticsApi(centre.statistics, key).routes()
        if centre.messaging is not None and "messages" in self._jobs:
            routes += MessagingApi(centre.messaging).routes()
        routes += described(served_tables(routes))
        if self._pages is not None:
            routes.append(Mount("/", app=self._pages))
        return routes


def _job(centre: Centre, name: str) -> Callable[[], Awaitable[None]] | None:
    """A job by its name; None when this centre has nothing for it to do."""
    match name:
        case "payments":
            return lambda: commerce_jobs.work(centre.commerce)
        case "figures":
            return lambda: statistics_jobs.run(centre.statistics)
        case "slots":
            return lambda: selling_jobs.lay_slots(centre.layer)
        case "retention":
            return lambda: console_jobs.forget(centre.console)
        case "messages":
            messaging = centre.messaging
            return None if messaging is None else lambda: messaging_jobs.work(messaging)
        case _:
            msg = f"no such job: {name}"
            raise ValueError(msg)
