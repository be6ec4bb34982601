"""Each device tried with the technician: what drives it here is what drives it in the lane."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from menpiao.compose.devices import led_of, printer_of, reader_of
from menpiao.compose.lane import barrier_of
from menpiao.compose.setup.console import Console
from menpiao.domain.masking import mask_name, mask_number
from menpiao.terminals.devices import Led, Printer, Reader, own_file
from menpiao.terminals.gate.config import Barrier, ConfigError
from menpiao.terminals.parts.barrier.base import (
    Acknowledged,
    BarrierEvent,
    BarrierFault,
    BarrierReady,
    Direction,
    Opened,
    Opening,
    OpeningEnded,
    Passed,
)
from menpiao.terminals.parts.display.base import Signal, View
from menpiao.terminals.parts.printer.base import (
    Align,
    Cut,
    PrintStatus,
    QrCode,
    Rule,
    Slip,
    Text,
)
from menpiao.terminals.parts.reader.base import (
    CardPresented,
    CardRead,
    CardUnreadable,
    ReaderEvent,
    ReaderFault,
    ReaderReady,
)

TEST_CODE: Final = "MENPIAO-SETUP-TEST"
_READY_S: Final = 8.0
"""For a device to come into service: a silent board is asked three times."""
_WALK_S: Final = 10.0
_T = TypeVar("_T")


class Verdict(Enum):
    """How a trial ended."""

    PROVEN = auto()
    UNPROVEN = auto()
    """Nobody tried: the technician wants it so."""
    FAILED = auto()


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """A driver at work, and its port given free afterwards."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Trials:
    """The trials of one visit; ``wait_s`` is how long a person is waited for.

    Profiles of the site's own are looked for in ``folder``, that of the configuration.
    """

    def __init__(self, console: Console, wait_s: float, folder: Path) -> None:
        self._console = console
        self._wait_s = wait_s
        self._folder = folder

    async def reader(self, table: Reader, where: str) -> Verdict:
        """Lay a card: its masked name and number are shown, nothing else, and nothing is kept."""
        console = self._console
        try:
            reader = reader_of(table)
        except (ConfigError, OSError) as error:
            return self._failed(str(error))
        events: asyncio.Queue[ReaderEvent] = asyncio.Queue()
        async with _running(reader.run(events.put_nowait)):
            console.say("lay_card", where=where, wait=round(self._wait_s))
            # A converter that calls has not called yet when the trial begins.
            patient = table.kind == "listen"
            card = await console.unless_enter(self._card(events, patient=patient), self._wait_s)
        if isinstance(card, CardRead):
            name, number = mask_name(card.name), mask_number(card.number)
            console.say("card_read", name=name, number=number, kind=card.kind)
            right = await console.judged("card_right", default=True)
            return Verdict.PROVEN if right else Verdict.FAILED
        if isinstance(card, str):
            return self._failed(console.word(card))
        console.say("card_none")
        return Verdict.FAILED

    async def _card(self, events: asyncio.Queue[ReaderEvent], *, patient: bool) -> CardRead | str:
        """A card, or the code of what keeps the reader from reading."""
        while True:
            match await events.get():
                case CardPresented(card):
                    return card
                case CardUnreadable():
                    self._console.say("card_again")
                case ReaderReady(sam_id):
                    self._console.say("reader_ready", sam_id=sam_id or "-")
                case ReaderFault(code) if not patient:
                    return code.value
                case _:
                    pass

    async def printer(self, table: Printer, where: str) -> Verdict:
        """Print a slip with Chinese, rare characters and a code, and ask how it looks."""
        console = self._console
        try:
            profile = own_file(self._folder, table.profile)
            printer = printer_of(msgspec.structs.replace(table, profile=profile))
        except (ConfigError, OSError) as error:
            return self._failed(str(error))
        if printer is None:
            return Verdict.FAILED
        console.say("printing")
        outcome = await printer.print_slip(self._slip(where))
        if outcome.status is PrintStatus.FAILED:
            return self._failed(console.word(outcome.reason))
        done = outcome.status is PrintStatus.PRINTED
        console.say("print_done" if done else "print_unknown")
        right = await console.judged("slip_right", default=True)
        return Verdict.PROVEN if right else Verdict.FAILED

    def _slip(self, where: str) -> Slip:
        return Slip(
            (
                Text(self._console.word("slip_title"), size=2, align=Align.CENTRE),
                Rule(),
                Text("门票 menpiao ￥80.00"),
                Text(self._console.word("slip_rare")),
                Text(where),
                QrCode(TEST_CODE),
                Cut(),
            )
        )

    async def barrier(self, table: Barrier) -> Verdict:
        """Open once, when the technician says that nobody stands there, and ask whether it did."""
        console = self._console
        with tempfile.TemporaryDirectory(prefix="menpiao-setup-") as folder:
            try:
                barrier = barrier_of(table, Path(folder) / "counters.json")
            except (ConfigError, ImportError, OSError) as error:
                return self._failed(str(error))
            if barrier is None:
                return Verdict.FAILED
            events: asyncio.Queue[BarrierEvent] = asyncio.Queue()
            async with _running(barrier.run(events.put_nowait)):
                fault = await console.unless_enter(_in_service(events), _READY_S)
                if fault != "":
                    return self._failed(console.word(fault or "silent"))
                console.say("barrier_ready")
                if not await console.judged("pulse", default=True):
                    return Verdict.UNPROVEN
                ways = barrier.abilities.directions
                way = Direction.IN if Direction.IN in ways else Direction.OUT
                barrier.open(Opening("setup", 1, way, _WALK_S))
                await self._opened(events, counts=barrier.abilities.counts)
                opened = await console.judged("did_it_open", default=False)
                return Verdict.PROVEN if opened else Verdict.FAILED

    async def _opened(self, events: asyncio.Queue[BarrierEvent], *, counts: bool) -> None:
        console = self._console
        said = await console.unless_enter(_first(events, _acknowledgement), _READY_S)
        words = {Acknowledged.OPENED: "pulse_opened", Acknowledged.UNKNOWN: "pulse_unknown"}
        console.say(words.get(said or Acknowledged.FAILED, "pulse_failed"))
        if counts and said is not Acknowledged.FAILED:
            console.say("walk", wait=round(_WALK_S))
            passed = await console.unless_enter(_first(events, _passage), _WALK_S + 1)
            console.say("walked" if passed else "walked_not")

    async def led(self, table: Led) -> Verdict:
        """Send a text, and ask whether it is there."""
        console = self._console
        try:
            profile = own_file(self._folder, table.profile)
            line = led_of(msgspec.structs.replace(table, profile=profile))
        except (ConfigError, OSError) as error:
            return self._failed(str(error))
        if line is None:
            return Verdict.FAILED
        view = View(signal=Signal.ADMIT, state="setup", zh="门票测试", en="menpiao test")
        line.show(view)
        async with _running(line.run()):
            await asyncio.sleep(0.5)
            if line.trouble:
                return self._failed(console.word(line.trouble))
            console.say("led_shown", text=view.zh)
            right = await console.judged("led_right", default=True)
        return Verdict.PROVEN if right else Verdict.FAILED

    def _failed(self, why: str) -> Verdict:
        self._console.say("try_failed", why=why)
        return Verdict.FAILED


async def _in_service(events: asyncio.Queue[BarrierEvent]) -> str:
    """The code of what keeps the barrier out of service; empty once it is in service."""
    while True:
        match await events.get():
            case BarrierReady():
                return ""
            case BarrierFault(code):
                return code.value
            case _:
                pass


async def _first(
    events: asyncio.Queue[BarrierEvent], told: Callable[[BarrierEvent], _T | None]
) -> _T:
    while True:
        found = told(await events.get())
        if found is not None:
            return found


def _acknowledgement(event: BarrierEvent) -> Acknowledged | None:
    if isinstance(event, Opened):
        return event.acknowledged
    return Acknowledged.FAILED if isinstance(event, OpeningEnded | BarrierFault) else None


def _passage(event: BarrierEvent) -> bool | None:
    if isinstance(event, Passed):
        return True
    return False if isinstance(event, OpeningEnded | BarrierFault) else None
