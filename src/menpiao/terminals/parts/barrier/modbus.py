"""Relay and input boards that speak Modbus, RTU on a serial line or TCP: needs pymodbus.

A coil opens each direction, discrete inputs report passages and the alarm. The board's echo is
its acknowledgement. Facts: frames of manuals and programs; no board tried yet.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol

from pymodbus import ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from menpiao.terminals.parts.barrier.base import Abilities, Acknowledged, Direction
from menpiao.terminals.parts.barrier.board import BoardRefused, Observation
from menpiao.terminals.ports.base import PortError, PortTrouble

BAUD: Final = 9600
TCP_PORT: Final = 502
COIL_IN: Final[Mapping[Direction, int]] = MappingProxyType({Direction.IN: 0})
INPUT_IN: Final[Mapping[Direction, int]] = MappingProxyType({Direction.IN: 0})


class Client(Protocol):
    """The part of a pymodbus client that is used here."""

    async def connect(self) -> bool:
        """Whether the way is open."""
        ...

    def close(self) -> None:
        """Close."""
        ...

    def write_coil(
        self,
        address: int,
        value: bool,  # noqa: FBT001 - as pymodbus has it
        *,
        device_id: int = 1,
    ) -> Awaitable[ModbusPDU]:
        """Function 05."""
        ...

    def read_discrete_inputs(
        self, address: int, *, count: int = 1, device_id: int = 1
    ) -> Awaitable[ModbusPDU]:
        """Function 02."""
        ...


class Way(Protocol):
    """Makes a fresh client for each connection."""

    def client(self) -> Client:
        """A client that is not connected yet."""
        ...


@dataclass(frozen=True, slots=True)
class RtuWay:
    """A serial line, 8N1."""

    port: str
    baud: int = BAUD
    answer_s: float = 0.3

    def client(self) -> Client:
        """One try for each question: the loop above asks again by itself."""
        return AsyncModbusSerialClient(
            self.port, baudrate=self.baud, timeout=self.answer_s, retries=0, reconnect_delay=0
        )


@dataclass(frozen=True, slots=True)
class TcpWay:
    """A board, or a converter that translates, on the network."""

    host: str
    port: int = TCP_PORT
    answer_s: float = 0.3

    def client(self) -> Client:
        """One try for each question: the loop above asks again by itself."""
        return AsyncModbusTcpClient(
            self.host, port=self.port, timeout=self.answer_s, retries=0, reconnect_delay=0
        )


@dataclass(frozen=True, slots=True)
class Wiring:
    """What is connected where, counted from 0; `passed` empty: nothing reports passages."""

    coils: Mapping[Direction, int] = field(default_factory=lambda: COIL_IN)
    passed: Mapping[Direction, int] = field(default_factory=lambda: INPUT_IN)
    alarm: int | None = 1
    device_id: int = 1
    pulse_s: float = 0.5
    gap_s: float = 0.1
    """Between two pulses: a gate opens when the contact closes, not while it is closed."""
    silences_max: int = 3
    """Questions without an answer in a row after which the board is out of service."""


class ModbusBoard:
    """Coils and inputs of one device."""

    def __init__(self, way: Way, wiring: Wiring | None = None) -> None:
        self._way = way
        self._wiring = wiring or Wiring()
        self._client: Client | None = None
        self._off_at: float | None = None
        self._inputs: dict[int, bool] = {}
        self._silences = 0
        watched = [*self._wiring.passed.values()]
        watched += [] if self._wiring.alarm is None else [self._wiring.alarm]
        self._watched = sorted(watched)
        directions = frozenset(self._wiring.coils)
        self.abilities = Abilities(
            acknowledges=True,
            counts=bool(self._wiring.passed),
            alarms=self._wiring.alarm is not None,
            directions=directions,
            hold_open=directions,
        )

    async def connect(self) -> None:
        """Reach the board and switch every coil off."""
        self._client = self._way.client()
        self._inputs = {}
        self._silences = 0
        try:
            connected = await self._client.connect()
        except (ModbusException, OSError) as error:
            raise PortError(PortTrouble.ABSENT) from error
        if not connected:
            raise PortError(PortTrouble.ABSENT)
        if await self.close() is Acknowledged.UNKNOWN:
            raise PortError(PortTrouble.SILENT)

    async def open_for(self, direction: Direction, people: int) -> Acknowledged:
        """Begin a pulse."""
        assert people == 1
        if self._off_at is not None:
            await self.close()
            await asyncio.sleep(self._wiring.gap_s)
        # Also without an answer: the coil may be on.
        self._off_at = asyncio.get_running_loop().time() + self._wiring.pulse_s
        return await self._write(self._wiring.coils[direction], on=True)

    async def hold_open(self, direction: Direction) -> Acknowledged:
        """Switch on and leave on."""
        self._off_at = None
        return await self._write(self._wiring.coils[direction], on=True)

    async def close(self) -> Acknowledged:
        """Switch every coil off."""
        self._off_at = None
        answers = [
            await self._write(coil, on=False) for coil in sorted(set(self._wiring.coils.values()))
        ]
        unknown = Acknowledged.UNKNOWN in answers
        return Acknowledged.UNKNOWN if unknown else Acknowledged.OPENED

    async def observe(self) -> Observation:
        """End a pulse that is over and look at the inputs: one passage for each rising edge."""
        if self._off_at is not None and asyncio.get_running_loop().time() >= self._off_at:
            off_at = self._off_at
            if await self.close() is Acknowledged.UNKNOWN:
                self._off_at = off_at  # until the board says that it is off
        if not self._watched:
            return Observation()
        first, count = self._watched[0], self._watched[-1] - self._watched[0] + 1
        answer = await self._ask(first, count)
        if answer is None:
            return Observation()
        before, self._inputs = self._inputs, {at: answer[at - first] for at in self._watched}
        passed = tuple(
            direction
            for direction, at in self._wiring.passed.items()
            if self._inputs[at] and not before.get(at, True)
        )
        alarm = None if self._wiring.alarm is None else self._inputs[self._wiring.alarm]
        return Observation(passed=passed, alarm=alarm)

    def disconnect(self) -> None:
        """Give the port free."""
        if self._client is not None:
            with contextlib.suppress(ModbusException, OSError):
                self._client.close()
            self._client = None

    async def _write(self, coil: int, *, on: bool) -> Acknowledged:
        assert self._client is not None, "connect comes first"
        try:
            answer = await self._client.write_coil(coil, on, device_id=self._wiring.device_id)
        except (ModbusException, OSError) as error:
            self._note_silence(error)
            return Acknowledged.UNKNOWN
        self._silences = 0
        if answer.isError():
            raise BoardRefused
        return Acknowledged.OPENED

    async def _ask(self, first: int, count: int) -> Sequence[bool] | None:
        assert self._client is not None, "connect comes first"
        try:
            answer = await self._client.read_discrete_inputs(
                first, count=count, device_id=self._wiring.device_id
            )
        except (ModbusException, OSError) as error:
            self._note_silence(error)
            return None
        self._silences = 0
        if answer.isError() or len(answer.bits) < count:
            raise BoardRefused
        return answer.bits

    def _note_silence(self, error: Exception) -> None:
        self._silences += 1
        if not getattr(self._client, "connected", True):
            raise PortError(PortTrouble.LOST) from error
        if self._silences >= self._wiring.silences_max:
            raise PortError(PortTrouble.SILENT) from error
