"""What people of the house tell lanes to do: given, agreed to, delivered once, answered."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import structlog

from menpiao.domain.masking import mask_phone, scrub
from menpiao.domain.reasons import Reason, Refusal
from menpiao.storage.database import lanes
from menpiao.storage.database.catalogue import Catalogue, Device
from menpiao.storage.database.ids import IdBlocks
from menpiao.storage.database.lanes import NewCommand, Ordered
from menpiao.wire.check import Acknowledged

log = structlog.get_logger(__name__)

ACTIONS: Final = ("open_once", "hold_open", "hold_closed", "release", "show", "reload")
SITE_ACTIONS: Final = {"release_all": "hold_open", "close_all": "hold_closed", "normal": "release"}
"""What a command for a whole site tells each lane."""
REPEATABLE: Final = ("hold_open", "hold_closed", "release", "reload")
"""Twice is as once: told again to a link that comes back before the command expires."""
LIFE: Final = timedelta(seconds=15)
"""Whoever stood at the lane then may not stand there later: a command is not delivered after."""
SITE_LIFE: Final = timedelta(seconds=60)
AGREE_WITHIN: Final = timedelta(minutes=2)
_LONGEST_REASON = 64
_LONGEST_NAME = 30


class CommandService:
    """Commands to lanes. Every one is kept: who gave it and why, who agreed, what became of it."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        catalogue: Catalogue,
        ids: IdBlocks,
        clock: Callable[[], datetime],
    ) -> None:
        """Stand on the data store; ``clock`` gives the time in UTC."""
        self._pool = pool
        self._catalogue = catalogue
        self._ids = ids
        self._clock = clock

    async def order(
        self,
        site_id: int,
        staff_id: int,
        gate_id: int,
        action: str,
        reason: str,
        *,
        token: str | None = None,
    ) -> int | Refusal:
        """Tell one lane; the command's id. ``reason`` is the text where the action is ``show``.

        The same ``token`` again is the same command: nothing more is told.
        """
        gate = (await self._catalogue.current()).gates.get(gate_id)
        if gate is None or gate.site_id != site_id:
            return Refusal(Reason.NOT_PERMITTED, field="gate_id")
        refusal = _fault(action, ACTIONS, reason)
        if refusal is not None:
            return refusal
        now = self._clock()
        new = NewCommand(action, reason.strip(), staff_id, None, now, now + LIFE, token=token)
        await self._ids.reserve(1)
        [command_id] = self._ids.take(1)
        async with self._pool.acquire() as connection, connection.transaction():
            earlier = await lanes.command(connection, site_id, [(command_id, gate_id)], new)
            if earlier is not None:
                return earlier
            await _let(connection, site_id, [gate_id], action)
        log.info("lane_command", id=command_id, gate=gate_id, action=action, staff=staff_id)
        return command_id

    async def order_all(
        self, site_id: int, staff_id: int, action: str, reason: str, *, token: str | None = None
    ) -> int | Refusal:
        """Ask for a command to all lanes of a site: nothing happens until a second one agrees.

        The same ``token`` again is the same command.
        """
        refusal = _fault(action, SITE_ACTIONS, reason)
        if refusal is not None:
            return refusal
        now = self._clock()
        new = NewCommand(
            action, reason.strip(), staff_id, None, now, now + AGREE_WITHIN, "awaiting", token
        )
        await self._ids.reserve(1)
        [command_id] = self._ids.take(1)
        async with self._pool.acquire() as connection:
            earlier = await lanes.command(connection, site_id, [(command_id, None)], new)
        if earlier is not None:
            return earlier
        log.warning("site_command_asked", id=command_id, action=action, staff=staff_id)
        return command_id

    async def agree(self, site_id: int, staff_id: int, command_id: int) -> int | Refusal:
        """A second person agrees: every lane of the site is told; how many.

        The one who asked cannot agree, nor anybody after two minutes, nor twice.
        """
        gates = sorted(
            g.id for g in (await self._catalogue.current()).gates.values() if g.site_id == site_id
        )
        now = self._clock()
        await self._ids.reserve(len(gates))
        async with self._pool.acquire() as connection, connection.transaction():
            asked = await lanes.confirm(connection, site_id, command_id, staff_id, now)
            if asked is None:
                return Refusal(Reason.NOT_PERMITTED, "a second person agrees within two minutes")
            action = SITE_ACTIONS[asked["action"]]
            new = NewCommand(
                action, asked["reason"], asked["staff_id"], staff_id, now, now + SITE_LIFE
            )
            rows = list(zip(self._ids.take(len(gates)), gates, strict=True))
            await lanes.command(connection, site_id, rows, new)
            await _let(connection, site_id, gates, action)
        log.warning("site_command_agreed", id=command_id, staff=staff_id, lanes=len(gates))
        return len(gates)

    async def due(self, sites: Collection[int], gates: Collection[int]) -> list[Ordered]:
        """Commands that these gates are to be told now."""
        return await lanes.take(self._pool, sites, gates, self._clock(), REPEATABLE)

    async def answered(self, device: Device, said: Acknowledged) -> bool:
        """Keep what a terminal did; False: it was not told this."""
        if not said.id.isascii() or not said.id.isdigit() or len(said.id) > 18:
            return False
        shown = said.text or ("" if said.outcome == "done" else said.outcome)
        return await lanes.answer(
            self._pool,
            device.site_id,
            int(said.id),
            device.gate_ids,
            (said.outcome, shown),
            self._clock(),
        )


def ordered_by(order: Ordered) -> str:
    """Who ordered it, as a lane may show it to its staff: at most 64 characters.

    An account that is named by somebody's number is shown masked.
    """
    names = (_shown(name) for name in (order.staff, order.second) if name)
    return " + ".join(names)


def _shown(name: str) -> str:
    plain = name if scrub(name) == name else mask_phone(name)
    return "".join(c for c in plain if c.isprintable())[:_LONGEST_NAME]


def _fault(action: str, known: Collection[str], reason: str) -> Refusal | None:
    """What is wrong with a command: nobody commands a lane without saying why."""
    if action not in known:
        return Refusal(Reason.BAD_REQUEST, field="action")
    if not reason.strip() or len(reason) > _LONGEST_REASON or not reason.isprintable():
        return Refusal(Reason.BAD_REQUEST, "1 to 64 characters", "reason")
    return None


async def _let(
    connection: asyncpg.Connection, site_id: int, gates: Collection[int], action: str
) -> None:
    """A lane that is held closed admits nobody either; released, it does again."""
    if action in {"hold_closed", "hold_open", "release"}:
        await lanes.set_open(connection, site_id, gates, is_open=action != "hold_closed")
