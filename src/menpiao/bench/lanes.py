"""Whole lanes to be measured: reader and relay on pseudo-terminals, the gate program between."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, Self

from menpiao.compose.devices import reader_of
from menpiao.compose.terminal import answer_slip
from menpiao.simulation.barrier import SimulatedLcus
from menpiao.simulation.cards import resident
from menpiao.simulation.reader import SimulatedReader
from menpiao.terminals.devices import Reader
from menpiao.terminals.gate.config import Delays, GateConfig
from menpiao.terminals.gate.program import GateParts, run_gate
from menpiao.terminals.parts.barrier.driver import BoardBarrier, Options
from menpiao.terminals.parts.barrier.lcus import LcusBoard
from menpiao.terminals.parts.display.base import Data, Signal, View
from menpiao.terminals.parts.display.kiosk import KioskDisplay
from menpiao.terminals.parts.link.errands import HttpErrands
from menpiao.terminals.parts.link.identity import Identity, save_identity
from menpiao.terminals.parts.link.websocket import WebSocketLink
from menpiao.terminals.ports.serial_port import SerialTransport

_CARD_OCTETS: Final = 1295
"""Text and photo: what the lane was waiting for."""
_TEXT_OCTETS: Final = 270
"""Of these, until the text is complete."""
_OCTET_S: Final = 10 / 115_200
WIRE_S: Final = _CARD_OCTETS * _OCTET_S
"""That a card is on the line."""
_OUT_OF_STEP_S: Final = 0.1
_PULSE = bytes.fromhex("A00101A2")
_WAIT_S = 10.0
_READY_S = 60.0


@dataclass(slots=True)
class Passage:
    """One card: seconds from its last octet on the line, and from its being laid.

    The latter without the time that the line takes for the card's octets, as they say.
    """

    number: str
    screen_s: float = 0.0
    pulse_s: float = 0.0
    laid_to_pulse_s: float = 0.0
    laid_at: float = 0.0
    ended_at: float = 0.0
    mode: str = ""
    """Who decided at this lane when the card was laid, as far as its screen knew."""
    admitted: bool = False
    said: str = ""


class _Reader(SimulatedReader):
    """Gives a card as a line of 115200 baud does; notes when its last octet left the first time.

    A card that lies there is read again and again while its answer is waited for.
    """

    read_at = 0.0

    async def _write_paced(self, data: bytes) -> None:
        if len(data) != _CARD_OCTETS:
            self._write(data)
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        for begin, end in ((0, _TEXT_OCTETS), (_TEXT_OCTETS, _CARD_OCTETS)):
            await asyncio.sleep(began + end * _OCTET_S - loop.time())
            self._write(data[begin:end])
        if not self.read_at:
            self.read_at = time.perf_counter()


class _Relay(SimulatedLcus):
    """Notes when it was told to pulse."""

    def __init__(self) -> None:
        super().__init__()
        self.pulsed_at = 0.0
        self.told = asyncio.Event()

    def _receive(self, data: bytes) -> None:
        before = len(self.frames)
        super()._receive(data)
        if _PULSE in self.frames[before:]:
            self.pulsed_at = time.perf_counter()
            self.told.set()
        del self.frames[:]


class _Screen(KioskDisplay):
    """Notes when a decision was shown."""

    def __init__(self) -> None:
        super().__init__(0)
        self.shown_at = 0.0
        self.view: View | None = None
        self.latest: View | None = None
        self.known = Data("")
        self.told = asyncio.Event()

    def show(self, view: View) -> None:
        super().show(view)
        self.latest = view
        if view.signal in {Signal.ADMIT, Signal.REFUSE}:
            self.shown_at = time.perf_counter()
            self.view = view
            self.told.set()

    def data(self, data: Data) -> None:
        super().data(data)
        self.known = data


@dataclass(slots=True)
class BenchLane:
    """One lane under measurement."""

    centre: str
    gate_id: int
    identity: Identity
    folder: Path
    poll_s: float
    gap_s: float
    passages: list[Passage] = field(default_factory=list)
    _reader: _Reader = field(default_factory=_Reader)
    _relay: _Relay = field(default_factory=_Relay)
    _screen: _Screen = field(default_factory=_Screen)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _task: asyncio.Task[None] | None = None
    link: WebSocketLink | None = None

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._reader)
        await self._stack.enter_async_context(self._relay)
        self.folder.mkdir(parents=True, exist_ok=True)
        config = GateConfig(
            centre=self.centre,
            gate_id=self.gate_id,
            reader=Reader(port=self._reader.port, poll_s=self.poll_s, gap_s=self.gap_s),
            data_dir=self.folder,
            delays=Delays(hold_s=1.0, least_show_s=0.01),
        )
        save_identity(config.key_path, self.identity)
        self.link = WebSocketLink(self.centre, self.identity)
        board = LcusBoard(SerialTransport(self._relay.port, 9600), pulse_s=0.2)
        parts = GateParts(
            reader=reader_of(config.reader, early=True),
            link=self.link,
            display=self._screen,
            make_slip=answer_slip,
            barrier=BoardBarrier(board, Options(unseen_s=0.5)),
            errands=HttpErrands(self.centre, self.identity),
        )
        self._task = asyncio.create_task(run_gate(config, parts))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._stack.aclose()

    async def ready(self) -> None:
        """Wait until the lane stands: link up, reader found, relay there, its bundle at hand.

        Raises:
            TimeoutError: it does not within a reasonable time.
        """
        async with asyncio.timeout(_READY_S):
            while not (self._screen.ready.is_set() and self._is_idle()):  # noqa: ASYNC110 - polled
                await asyncio.sleep(0.05)
        await self.decides("centre")

    async def decides(self, mode: str, queue: int | None = None) -> None:
        """Wait until this one decides at the lane, which has its bundle, and has reported so far.

        Raises:
            TimeoutError: it does not within a reasonable time.
        """
        async with asyncio.timeout(_READY_S):
            while True:
                known = self._screen.known
                reported = queue is None or known.queue == queue
                if known.mode == mode and known.tickets is not None and reported:
                    return
                await asyncio.sleep(0.1)

    def _is_idle(self) -> bool:
        shown = self._screen.latest
        return shown is not None and shown.signal is Signal.READY

    async def lay(self, number: str) -> Passage:
        """Lay a card, wait for screen and pulse, lift it."""
        self._relay.told.clear()
        self._screen.told.clear()
        laid_at = time.perf_counter()
        self._reader.read_at = 0.0
        self._reader.lay(resident(number, "李样例"))
        passage = Passage(number, laid_at=laid_at, mode=self._screen.known.mode)
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._screen.told.wait()
                view = self._screen.view
                passage.said = view.zh if view else ""
                passage.screen_s = self._screen.shown_at - self._reader.read_at
                if view is not None and view.signal is Signal.ADMIT:
                    await self._relay.told.wait()
                    passage.pulse_s = self._relay.pulsed_at - self._reader.read_at
                    passage.laid_to_pulse_s = self._relay.pulsed_at - laid_at - WIRE_S
                    passage.admitted = True
        except TimeoutError:
            passage.said = "no answer"
        passage.ended_at = time.perf_counter()
        self._reader.lift()
        self.passages.append(passage)
        return passage

    async def walk(self, numbers: Sequence[str], every_s: float, until: float) -> None:
        """One card after the other, one each ``every_s``, until then.

        Each a little later by chance: visitors are not in step with the reader's looking.
        """
        chance = Random(0)
        began = time.perf_counter()
        for turn, number in enumerate(numbers):
            at = began + turn * every_s + _OUT_OF_STEP_S * chance.random()
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            if time.perf_counter() >= until:
                return
            await self.lay(number)
