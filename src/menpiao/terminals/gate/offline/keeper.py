"""Keeps the bundles: fetches them, follows what changes, wipes them on revocation."""

from __future__ import annotations

import asyncio
import contextlib
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import structlog

from menpiao.domain.reasons import Reason
from menpiao.terminals.gate.fleet import short
from menpiao.terminals.gate.offline.files import (
    BundleError,
    NewerBundleError,
    Signed,
    build,
    decoded,
    verify,
)
from menpiao.terminals.gate.offline.local import Local
from menpiao.terminals.parts.link.base import (
    ErrandRefusedError,
    Errands,
    Greeted,
    Link,
    LinkChanged,
    LinkEvent,
    LinkState,
)
from menpiao.wire.check import Change, Changes, Follow

log = structlog.get_logger(__name__)

_AGAIN_S: Final = 5.0
"""After a fetch that failed."""
_OK: Final = frozenset({200, 206})


class Keeper:
    """Keeps what a lane or a hub knows as young as its link allows."""

    def __init__(self, local: Local, link: Link, errands: Errands, check_s: float) -> None:
        """Look every ``check_s`` whether the rules have changed at the centre."""
        self._local = local
        self._link = link
        self._errands = errands
        self._check_s = check_s
        self._events: asyncio.Queue[LinkEvent] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._utc_offset_s = 28_800
        self._renewing = asyncio.Lock()

    def retime(self, check_s: float) -> None:
        """Look in another rhythm from now on."""
        self._check_s = check_s
        self._wake.set()

    def deliver(self, event: LinkEvent) -> None:
        """Take an event of the link; never blocks."""
        if isinstance(event, Greeted | Change | Changes | LinkChanged):
            self._events.put_nowait(event)

    async def run(self) -> None:
        """Keep until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._renew())

    async def _listen(self) -> None:
        while True:
            event = await self._events.get()
            try:
                await self._take(event)
            except OSError as error:
                log.warning("keeper_disk", text=str(error))

    async def _take(self, event: LinkEvent) -> None:
        match event:
            case Greeted():
                welcome = event.welcome
                self._utc_offset_s = welcome.utc_offset_s
                offset = welcome.now - (self._local.now() - self._local.offset)
                await self._local.run(lambda a: a.store.met(welcome.bundle_key, offset))
                if abs(offset) > timedelta(seconds=30):
                    log.warning("clock_off", seconds=round(offset.total_seconds(), 1))
            case LinkChanged(state=LinkState.UP):
                await self._follow()
                self._wake.set()
            case LinkChanged(state=LinkState.REFUSED, reason=Reason.DEVICE_REVOKED):
                await self._local.run(lambda a: a.store.wipe())
            case Changes():
                now = self._local.now()
                if not await self._local.run(lambda a: a.take(event, now)):
                    log.info("changes_do_not_follow", day=str(event.day))
                    await self._follow()
            case Change(what="site"):
                # Keys among them: a lane that has another one must not be a stranger for minutes.
                self._wake.set()
            case _:
                pass

    async def _follow(self) -> None:
        for wish in await self._local.run(lambda a: a.store.follows()):
            await self._send(wish)

    async def _send(self, wish: Follow) -> None:
        if not await self._link.send(wish):
            log.info("follow_not_sent", day=str(wish.day))

    async def _renew(self) -> None:
        while True:
            pause_s = self._check_s
            if self._link.state is LinkState.UP:
                try:
                    await self._renew_all()
                except (OSError, BundleError) as error:
                    if isinstance(error, ErrandRefusedError):
                        await self._refused(error.code)
                    log.warning("bundle_not_fetched", text=str(error))
                    if not isinstance(error, NewerBundleError):
                        pause_s = min(_AGAIN_S, self._check_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause_s)
            self._wake.clear()

    async def renew_now(self) -> bool:
        """Fetch today's and tomorrow's bundles anew, whatever is at hand; False: it failed."""
        try:
            await self._renew_all(anew=True)
        except (OSError, BundleError) as error:
            log.warning("bundle_not_fetched", text=str(error))
            return False
        return True

    async def _refused(self, code: str) -> None:
        if code == Reason.DEVICE_REVOKED:
            with contextlib.suppress(OSError):
                await self._local.run(lambda a: a.store.wipe())

    async def _renew_all(self, *, anew: bool = False) -> None:
        async with self._renewing:
            await self._renew_days(anew=anew)

    async def _renew_days(self, *, anew: bool) -> None:
        now = self._local.now()
        await self._local.run(lambda a: a.store.prune(now))
        today = self._local.today(self._utc_offset_s)
        for day in (today, today + timedelta(days=1)):
            if await self._renew_day(day, anew=anew):
                await self._follow()

    async def _renew_day(self, day: date, *, anew: bool) -> bool:
        """Fetch a day's bundle if the one at hand will not do, or it is to be done ``anew``."""
        signed = await self._rules(day)
        manifest = signed.manifest
        have = await self._local.run(lambda a: a.store.manifest(day))
        heavy = await self._local.run(lambda a: a.store.is_heavy(day))
        same = have is not None and have.settings == manifest.settings
        # The centre hands a young bundle out again: fetched anew, it would take nothing off.
        lighter = heavy and have is not None and have.horizon < manifest.horizon
        if same and not lighter and not anew:
            return False
        target = await self._local.run(lambda a: a.store.path_of(day))
        await asyncio.to_thread(self._content, signed, target)
        await self._local.run(lambda a: a.store.install(day))
        return True

    async def _rules(self, day: date) -> Signed:
        """The day's manifest, once it is believed and understood; otherwise that is kept in mind.

        What is newer than this program is refused before the bundle at hand goes.
        """
        key = await self._local.run(lambda a: a.store.key)
        try:
            signed = await asyncio.to_thread(self._manifest, day)
            verify(signed, key)
        except BundleError as error:
            if key:  # without one nothing can be believed, and nothing is wrong with it
                kind = "newer" if isinstance(error, NewerBundleError) else "unusable"
                why = short(str(error))
                await self._local.run(lambda a: a.store.refuse(day, kind, why))
            raise
        now = self._local.now()
        await self._local.run(lambda a: a.store.accept(day, now))
        return signed

    def _manifest(self, day: date) -> Signed:
        status, body = self._errands.call("GET", f"/bundles/{day}")
        if status not in _OK:
            raise OSError(f"bundle of {day}: status {status}")
        signed = decoded(body)
        if signed.manifest.day != day:
            raise BundleError("the manifest is of another day")
        return signed

    def _content(self, signed: Signed, target: Path) -> None:
        """Fetch, going on where a fetch of the same content was cut, and build the file."""
        manifest = signed.manifest
        part = target.with_suffix(f".{manifest.sha256[:16]}.part")
        for other in target.parent.glob(f"{target.stem}.*.part"):
            if other != part:
                other.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as out:
            begin = out.seek(0, os.SEEK_END)
            if begin > manifest.size:
                begin = 0
            if begin < manifest.size or begin == 0:

                def write(at: int, piece: bytes) -> None:
                    if at + len(piece) > manifest.size:
                        raise BundleError("the content is longer than its manifest says")
                    out.seek(at)
                    out.truncate()
                    out.write(piece)

                path = f"/bundles/{manifest.day}/{manifest.horizon}"
                status = self._errands.fetch(path, begin, write)
                if status not in _OK:
                    raise OSError(f"content of {manifest.day}: status {status}")
        try:
            build(signed, part, target)
        finally:
            part.unlink(missing_ok=True)
