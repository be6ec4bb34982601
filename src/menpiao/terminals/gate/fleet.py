"""What the centre wants of the terminal itself: another key, its settings, its last log lines."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import structlog

from menpiao.terminals.gate.config import ConfigError, GateConfig, HubConfig
from menpiao.terminals.parts.link.base import Errands, Link, LinkEvent, RollingKeys
from menpiao.wire.check import Acknowledged, Challenge, Command
from menpiao.wire.fleet import (
    LINES_MOST,
    SETTINGS,
    Configure,
    Configured,
    Lines,
)
from menpiao.wire.unreadable import UNREADABLE

log = structlog.get_logger(__name__)

_C = TypeVar("_C")
_TASKS: Final = ("roll_key", "logs")
_RELOAD: Final = "reload"
_LINE_MOST: Final = 2000
_OK: Final = 200


def with_settings(config: GateConfig, settings: Mapping[str, float]) -> GateConfig:
    """A lane's configuration as the centre wants it, over what its own file says.

    Raises:
        ConfigError: a name is unknown, or a value is out of its range; the text says which.
    """
    return msgspec.structs.replace(
        config,
        delays=msgspec.structs.replace(config.delays, **_of(config.delays, settings)),
        offline=msgspec.structs.replace(config.offline, **_of(config.offline, settings)),
    )


def hub_with_settings(config: HubConfig, settings: Mapping[str, float]) -> HubConfig:
    """A hub's configuration as the centre wants it; what concerns lanes alone changes nothing.

    Raises:
        ConfigError: a name is unknown, or a value is out of its range; the text says which.
    """
    offline = msgspec.structs.replace(config.offline, **_of(config.offline, settings))
    return msgspec.structs.replace(config, offline=offline)


def _of(part: msgspec.Struct, settings: Mapping[str, float]) -> dict[str, float]:
    """Those settings that a table of a configuration has; all of them are looked at first."""
    for name, value in settings.items():
        least, most = SETTINGS.get(name, (1.0, 0.0))
        if least > most:
            raise ConfigError(f"unknown: {name[:40]}")
        if not least <= value <= most:
            raise ConfigError(f"{name}: {least:g} to {most:g}")
    return {name: value for name, value in settings.items() if name in part.__struct_fields__}


class LastGood:
    """The last version that could be used, in a file: a lane without the centre starts with it."""

    def __init__(self, path: Path) -> None:
        """Keep it in this file."""
        self._path = path

    def over(self, config: _C, put: Callable[[_C, Mapping[str, float]], _C]) -> _C:
        """The configuration with what is kept; as it is where nothing usable is kept.

        ``put`` puts settings over it; it raises ConfigError.
        """
        if not self._path.exists():
            return config
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=Configure)
            return put(config, kept.settings)
        except (OSError, ConfigError, *UNREADABLE) as error:
            log.warning("settings_unusable", kind=type(error).__name__)
            return config

    def keep(self, wish: Configure) -> None:
        """Write it, whole or not at all; raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(self._path.name + ".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(wish))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


class FleetTasks:
    """Does what the centre wants of this terminal, beside the lane's own work."""

    def __init__(
        self,
        link: Link,
        errands: Errands | None,
        keys: RollingKeys | None,
        lines: Callable[[int], Sequence[str]] | None,
        apply: Callable[[Configure], None] | None,
        reload: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """What is None this terminal does not support, and says so.

        ``apply`` puts settings in force; it raises ConfigError or OSError. ``reload`` fetches anew
        what a hub keeps; a lane's is its controller's, beside the barrier.
        """
        self._link = link
        self._errands = errands
        self._keys = keys
        self._lines = lines
        self._apply = apply
        self._reload = reload
        self._under_way: set[asyncio.Task[None]] = set()
        self._rolled: str = ""
        self._busy = asyncio.Lock()

    def took(self, event: LinkEvent) -> bool:
        """Take an event of the link; True: it was for the terminal itself. Never blocks."""
        match event:
            case Configure():
                self._configure(event)
            case Command(action=action) if action in _TASKS or self._is_reload(event):
                task = asyncio.create_task(self._do(event), name=action)
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            case _:
                return False
        return True

    def _is_reload(self, command: Command) -> bool:
        """One that names a gate is for the lane there, and a hub hears of that too."""
        here = command.action == _RELOAD and command.gate_id is None
        return here and self._reload is not None

    def _configure(self, wish: Configure) -> None:
        outcome, text = "refused", "not for this terminal"
        if self._apply is not None:
            try:
                self._apply(wish)
                outcome, text = "applied", ""
            except (ConfigError, OSError) as error:
                text = short(str(error))
        log.info("settings", version=wish.version, outcome=outcome, text=text)
        self._link.acknowledge(Configured(version=wish.version, outcome=outcome, text=text))

    async def _do(self, command: Command) -> None:
        """One task; the same one again, after a cut, does not do it twice."""
        async with self._busy:
            try:
                outcome, text = await self._outcome(command), ""
            except (OSError, *UNREADABLE) as error:
                outcome, text = "failed", short(str(error))
        log.info("task", action=command.action, id=command.id, outcome=outcome, text=text)
        self._link.acknowledge(Acknowledged(id=command.id, outcome=outcome, text=text))

    async def _outcome(self, command: Command) -> str:
        if command.action == _RELOAD and self._reload is not None:
            return "done" if await self._reload() else "failed"
        done = await (self._roll(command) if command.action == "roll_key" else self._bring(command))
        return "done" if done else "not_supported"

    async def _roll(self, command: Command) -> bool:
        """Make another key, have the centre take it, and keep it; either holds at any moment."""
        keys, errands = self._keys, self._errands
        if keys is None or errands is None:
            return False
        if self._rolled != command.id:
            after = await asyncio.to_thread(keys.begin)
            _, answer = await asyncio.to_thread(errands.call, "POST", "/challenges")
            challenge = msgspec.json.decode(answer, type=Challenge).challenge
            if keys.attempt().public_key != after.public_key:
                # Otherwise the session has found out that the centre holds the new one already.
                body = msgspec.json.encode(keys.roll(after, challenge))
                status, _ = await asyncio.to_thread(errands.call, "POST", "/keys", body)
                if status != _OK:
                    raise OSError(f"keys: status {status}")
                await asyncio.to_thread(keys.welcomed, after)
            self._rolled = command.id
        return True

    async def _bring(self, command: Command) -> bool:
        """Bring the last log lines to the centre."""
        if self._lines is None or self._errands is None:
            return False
        most = int(command.text) if command.text.isdecimal() else LINES_MOST
        # Not here: what was logged before this start is sought on the disk.
        found = await asyncio.to_thread(self._lines, min(most, LINES_MOST))
        lines = [line[:_LINE_MOST] for line in found]
        body = msgspec.json.encode(Lines(id=command.id, lines=lines))
        status, _ = await asyncio.to_thread(self._errands.call, "POST", "/logs", body)
        if status != _OK:
            raise OSError(f"logs: status {status}")
        return True


def short(text: str) -> str:
    """A text as messages take it: printable, and at most 64 characters."""
    return "".join(c if c.isprintable() else " " for c in text)[:64]
