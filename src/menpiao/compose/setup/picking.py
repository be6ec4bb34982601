"""One part after the other: which device, tried until it is right or left out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final, Literal

import msgspec

from menpiao.compose.setup.choosing import typed_device
from menpiao.compose.setup.codes import CodeHeard, hear_code, is_passport
from menpiao.compose.setup.console import Console
from menpiao.compose.setup.findings import Finding, Found, Part, Sure, Table, key_of, place_of, spot
from menpiao.compose.setup.trials import TEST_CODE, Trials, Verdict
from menpiao.terminals.devices import Led, Printer, Reader, Scanner
from menpiao.terminals.gate.config import Barrier
from menpiao.terminals.parts.printer.profiles import PROFILES, Profile

HEARD: Final = "how_heard"
State = Literal["state_proven", "state_unproven", "state_none", "state_old"]


class _Do(Enum):
    TYPE = auto()
    LISTEN = auto()
    OLD = auto()
    SKIP = auto()
    AGAIN = auto()
    PROFILE = auto()
    OTHER = auto()
    KEEP = auto()


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a part: its tables (none, or several scanners), and how they are known."""

    part: Part
    tables: tuple[Table, ...]
    state: State

    @property
    def where(self) -> str:
        """Where its devices are."""
        return ", ".join(map(place_of, self.tables)) or "-"


class Picking:
    """The choices and trials of one visit."""

    def __init__(self, console: Console, found: Found, wait_s: float, folder: Path) -> None:
        self._console = console
        self._found = found
        self._trials = Trials(console, wait_s, folder)
        self._wait_s = wait_s
        self._used: set[str] = set()
        """Places that have been given to a part: nothing else is offered there."""

    async def settle(self, part: Part, old: tuple[Table, ...] = ()) -> Settled:
        """Choose and try one part; ``old`` is what the file before had."""
        console = self._console
        console.line()
        console.say("part_head", part=console.word(f"part_{part}"))
        if part is Part.LED and not old:
            console.say("no_scan_for_led")
        kept: list[Table] = []
        state: State = "state_proven"
        while True:
            choice = await self._choose(part, () if kept else old)
            if choice is _Do.OLD:
                return self._settled(part, old, "state_old")
            if choice is _Do.SKIP:
                break
            device = await self._device(part, choice)
            if device is None:
                continue
            table, verdict = await self._prove(device)
            if table is not None:
                kept.append(table)
                self._used.add(key_of(table))
                if verdict is Verdict.UNPROVEN:
                    state = "state_unproven"
            elif verdict is Verdict.FAILED:
                continue
            if part is not Part.SCANNER or table is None:
                break
            if not await console.yes("another_scanner", default=False):
                break
        return self._settled(part, tuple(kept), state if kept else "state_none")

    def _settled(self, part: Part, tables: tuple[Table, ...], state: State) -> Settled:
        self._used |= set(map(key_of, tables))
        return Settled(part, tables, state)

    def _offered(self, part: Part, old: tuple[Table, ...]) -> list[Finding]:
        """What was found; with the settings that the file before had for the same place."""
        before = {(table.kind, key_of(table)): table for table in old}
        return [
            _with_table(one, before.get((one.table.kind, key_of(one.table)), one.table))
            for one in self._found.of(part)
            if key_of(one.table) not in self._used
        ]

    def _free(self) -> tuple[Scanner, ...]:
        free = (port for port in self._found.free if spot(port.path) not in self._used)
        return tuple(Scanner(port=port.path) for port in free)

    async def _choose(self, part: Part, old: tuple[Table, ...]) -> Finding | _Do:
        console = self._console
        devices = self._offered(part, old)
        options: list[tuple[str, str, Finding | _Do]] = [
            (str(number), described(console, one, with_part=False), one)
            for number, one in enumerate(devices, 1)
        ]
        default = "1" if devices and devices[0].sure >= Sure.LIKELY else ""
        there = {key_of(one.table) for one in self._found.devices}
        if console.assume and (part is Part.BARRIER or there & set(map(key_of, old))):
            default = ""  # nobody would see whether it opens; what is there still stays as it is
        free = self._free() if part is Part.SCANNER and not console.assume else ()
        if free:
            options.append(("l", console.word("listen_all", count=len(free)), _Do.LISTEN))
            default = default or "l"
        if old:
            where = ", ".join(map(place_of, old))
            options.append(("k", console.word("keep_old", where=where), _Do.OLD))
            default = default or "k"
        options.append(("t", console.word("type_address"), _Do.TYPE))
        options.append(("s", console.word("skip"), _Do.SKIP))
        return await console.pick(
            "choose", options, default or "s", part=console.word(f"part_{part}")
        )

    async def _device(self, part: Part, choice: Finding | _Do) -> Finding | None:
        if isinstance(choice, Finding):
            return choice
        if choice is _Do.TYPE:
            return await typed_device(self._console, part)
        heard = await hear_code(self._free(), self._console, self._wait_s)
        if isinstance(heard, str):
            self._console.say(heard)
            return None
        self._tell_code(heard)
        where = place_of(heard.scanner)
        return Finding(Part.SCANNER, heard.scanner, Sure.CERTAIN, where, HEARD)

    async def _prove(self, device: Finding) -> tuple[Table | None, Verdict]:
        """Try until it is right or given up: FAILED without a table means another is wanted."""
        console = self._console
        while True:
            if console.assume:
                console.say("assumed")
                return device.table, Verdict.UNPROVEN
            table, verdict = await self._try(device)
            if verdict is Verdict.PROVEN:
                return table, verdict
            do = await self._after_failure(device.part)
            match do:
                case _Do.KEEP:
                    return table, Verdict.UNPROVEN
                case _Do.OTHER:
                    return None, Verdict.FAILED
                case _Do.SKIP:
                    return None, Verdict.UNPROVEN
                case _Do.PROFILE if isinstance(table, Printer):
                    profile = await self._profile(table)
                    device = _with_table(device, msgspec.structs.replace(table, profile=profile))
                case _:
                    device = device if device.how != HEARD else _with_how(device, "how_typed")

    async def _try(self, device: Finding) -> tuple[Table, Verdict]:
        table = device.table
        if isinstance(table, Reader):
            return table, await self._trials.reader(table, device.where)
        if isinstance(table, Printer):
            return table, await self._trials.printer(table, device.where)
        if isinstance(table, Barrier):
            verdict = await self._trials.barrier(table)
            if verdict is Verdict.PROVEN:
                return await self._with_direction(table), verdict
            self._console.say("not_pulsed")
            return table, verdict
        if isinstance(table, Led):
            return table, await self._trials.led(table)
        return await self._scanner(device, table)

    async def _scanner(self, device: Finding, table: Scanner) -> tuple[Scanner, Verdict]:
        if device.how == HEARD:
            return table, Verdict.PROVEN  # its code is how it was found
        if table.kind == "keyboard":
            self._console.say("keyboard_taken", wait=round(self._wait_s))
        heard = await hear_code((table,), self._console, self._wait_s)
        if isinstance(heard, str):
            self._console.say(heard)
            return table, Verdict.FAILED
        self._tell_code(heard)
        return heard.scanner, Verdict.PROVEN

    def _tell_code(self, heard: CodeHeard) -> None:
        """How long it is and how it begins: it may be somebody's ticket."""
        console = self._console
        what = console.word("code_other", start=heard.text[:4])
        if TEST_CODE in heard.text:
            what = console.word("code_ours")
        elif is_passport(heard.text):
            what = console.word("code_passport")
        scanner = heard.scanner
        baud = scanner.baud if scanner.kind == "serial" else scanner.kind
        where = place_of(scanner)
        console.say("code_read", where=where, baud=baud, size=len(heard.text), what=what)

    async def _after_failure(self, part: Part) -> _Do:
        console = self._console
        options = [("a", console.word("again"), _Do.AGAIN)]
        if part is Part.PRINTER:
            options.append(("p", console.word("which_profile"), _Do.PROFILE))
        options.append(("o", console.word("other"), _Do.OTHER))
        if part is not Part.BARRIER:
            options.append(("k", console.word("keep_untested"), _Do.KEEP))
        options.append(("s", console.word("skip"), _Do.SKIP))
        return await console.pick("after_failure", options, "a")

    async def _profile(self, table: Printer) -> str:
        options = [
            (str(number), f"{one.name}  {self._title(one)}", one.name)
            for number, one in enumerate(PROFILES.values(), 1)
        ]
        known = {name: typed for typed, _, name in options}
        return await self._console.pick("which_profile", options, known.get(table.profile, "1"))

    def _title(self, profile: Profile) -> str:
        return profile.title_zh if self._console.language == "zh" else profile.title_en

    async def _with_direction(self, table: Barrier) -> Barrier:
        ways: tuple[Literal["in", "out", "both"], ...] = ("in", "out", "both")
        options = [
            (str(number), self._console.word(f"direction_{way}"), way)
            for number, way in enumerate(ways, 1)
        ]
        direction = await self._console.pick("direction", options, "1")
        return msgspec.structs.replace(table, direction=direction)


def described(console: Console, device: Finding, *, with_part: bool = True) -> str:
    """A finding in one line."""
    how = console.word(device.how, **device.values)
    sure = console.word(f"sure_{device.sure.value}")
    part = console.word(f"part_{device.part}") if with_part else ""
    text = console.word("found", part=part, where=device.where, sure=sure, how=how).strip()
    if device.trouble:
        return console.word("found_trouble", found=text, trouble=console.word(device.trouble))
    return text


def _with_table(device: Finding, table: Table) -> Finding:
    return dataclasses.replace(device, table=table)


def _with_how(device: Finding, how: str) -> Finding:
    return dataclasses.replace(device, how=how)
