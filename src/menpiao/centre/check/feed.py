"""Fresh data for lanes: whoever follows a bundle hears within a second what has changed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date

import msgspec
import structlog

from menpiao.centre.check.service.bundles import BundleService
from menpiao.wire.check import Changes, Follow

log = structlog.get_logger(__name__)

EVERY_S = 0.5
QUIET_S = 2.0
"""When nothing changes, a lane hears that at least so often: it is how old its data is."""
_MOST_DAYS = 3


@dataclass(slots=True, eq=False)
class Follower:
    """A lane's link; ``days``: the horizon that it has of each day it follows.

    ``told``: what it was last told of each day that holds people back besides their tickets.
    """

    site_id: int
    send: Callable[[Changes], Awaitable[None]]
    days: dict[date, int]
    told: dict[date, Changes] = field(default_factory=dict)
    told_at: float = 0.0


class Feed:
    """Sends changes to followers; runs only while there are any."""

    def __init__(self, bundles: BundleService) -> None:
        """Read changes from this service."""
        self._bundles = bundles
        self._followers: set[Follower] = set()
        self._task: asyncio.Task[None] | None = None

    def follow(self, follower: Follower, wish: Follow) -> None:
        """Begin to send the changes of a day after a horizon."""
        if len(follower.days) >= _MOST_DAYS and wish.day not in follower.days:
            follower.days.pop(min(follower.days))
        follower.days[wish.day] = wish.horizon
        follower.told.pop(wish.day, None)
        follower.told_at = 0.0
        self._followers.add(follower)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="lane-feed")

    def leave(self, follower: Follower) -> None:
        """Send no more."""
        self._followers.discard(follower)

    async def close(self) -> None:
        """End the work."""
        self._followers.clear()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while self._followers:
            try:
                await self._turn()
            except Exception:  # a bad turn (the data store is away) must not end the feed
                log.exception("feed_turn_failed")
                await asyncio.sleep(QUIET_S)
            await asyncio.sleep(EVERY_S)

    async def _turn(self) -> None:
        """Followers with the same horizon, nearly all of them, cost one look together."""
        groups: dict[tuple[int, date, int], list[Follower]] = {}
        for follower in self._followers:
            for day, horizon in follower.days.items():
                groups.setdefault((follower.site_id, day, horizon), []).append(follower)
        now = asyncio.get_running_loop().time()
        for (site_id, day, since), members in groups.items():
            changes = await self._bundles.changes(site_id, day, since)
            quiet = not changes.tickets and not changes.zones
            waiting = [
                f
                for f in members
                if not quiet or _holds_otherwise(f, changes) or now - f.told_at >= QUIET_S
            ]
            await asyncio.gather(*(self._tell(f, day, changes, now) for f in waiting))

    async def _tell(self, follower: Follower, day: date, changes: Changes, now: float) -> None:
        try:
            async with asyncio.timeout(QUIET_S):
                await follower.send(_news(follower, changes))
        except Exception:  # noqa: BLE001 - a link that cannot take it has ended, and comes again
            self.leave(follower)
            return
        follower.days[day] = changes.horizon
        follower.told[day] = msgspec.structs.replace(changes, tickets="", zones="")
        follower.told_at = now


def _holds_otherwise(follower: Follower, changes: Changes) -> bool:
    told = follower.told.get(changes.day)
    return told is None or (told.barred, told.places) != (changes.barred, changes.places)


def _news(follower: Follower, changes: Changes) -> Changes:
    """Changes without the lists that this follower was told before."""
    told = follower.told.get(changes.day)
    if told is None:
        return changes
    return msgspec.structs.replace(
        changes,
        barred=None if told.barred == changes.barred else changes.barred,
        places=None if told.places == changes.places else changes.places,
    )
