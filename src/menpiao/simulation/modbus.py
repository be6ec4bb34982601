"""A simulated Modbus relay and input board, by pymodbus' own server: needs pymodbus.

The server knows nothing of our driver: both have met only in the standard.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any, Final, Self

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from menpiao.simulation.barrier import Turnstile
from menpiao.simulation.line import SimulatedLine

PASSED_S: Final = 0.15
"""How long the input stays closed while somebody passes."""
_READ_INPUTS: Final = 2
_BITS: Final = 16


@dataclass(slots=True)
class ModbusTurnstile:
    """Coil 0 opens the entrance; input 0 closes for each passage, input 1 is the alarm."""

    turnstile: Turnstile = field(default_factory=Turnstile)
    coils: dict[int, bool] = field(default_factory=dict)
    refusing: bool = False
    writes: list[tuple[int, bool]] = field(default_factory=list)
    _passing: int = 0
    """People who have passed and whose contact nobody has seen closing yet."""
    _closed_until: float | None = None

    def __post_init__(self) -> None:
        """Watch the turnstile."""
        self.turnstile.on_passed = self._passed

    def device(self) -> SimDevice:
        """What the server serves."""

        def bits() -> list[SimData]:
            return [SimData(0, values=[False] * _BITS, datatype=DataType.BITS)]

        word = [SimData(0, values=0, datatype=DataType.REGISTERS)]
        return SimDevice(1, simdata=(bits(), bits(), word, word), action=self.act)

    def _passed(self, way: str) -> None:
        self._passing += way == "in"

    def _contact(self) -> bool:
        """Input 0 as it is read now.

        It stays closed for a while and until it was read so, and open until it was read so: whoever
        looks seldom sees every passage all the same.
        """
        now_s = asyncio.get_running_loop().time()
        if self._closed_until is not None:
            if now_s >= self._closed_until:
                self._closed_until = None
        elif self._passing:
            self._passing -= 1
            self._closed_until = now_s + PASSED_S
        return self._closed_until is not None

    async def act(
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Called by the server for each request."""
        del start, count
        if self.refusing:
            return ExcCodes.ILLEGAL_ADDRESS
        if values is not None:
            for at, value in enumerate(values, address):
                self._switch(at, on=bool(value))
        elif function == _READ_INPUTS:
            registers[0] = self._contact() | (self.turnstile.alarm << 1)
        return None

    def _switch(self, coil: int, *, on: bool) -> None:
        self.writes.append((coil, on))
        if on and not self.coils.get(coil) and coil == 0:
            self.turnstile.open_for("in")
        self.coils[coil] = on


class SimulatedModbusTcp:
    """The board on TCP."""

    def __init__(self) -> None:
        self.board = ModbusTurnstile()
        self.turnstile = self.board.turnstile
        self._server: Any = None
        self._port = 0

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self._port

    async def plug(self) -> None:
        """Listen, on the same port each time."""
        self._server = ModbusTcpServer(self.board.device(), address=self.address)
        await self._server.serve_forever(background=True)
        listening: Any = self._server.transport
        self._port = listening.sockets[0].getsockname()[1]

    async def unplug(self) -> None:
        """Vanish from the network."""
        server, self._server = self._server, None
        if server is not None:
            await server.shutdown()

    async def __aenter__(self) -> Self:
        await self.plug()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.unplug()


class SimulatedModbusRtu:
    """The board on a serial line: the server's port is the far end of ours, byte for byte."""

    def __init__(self) -> None:
        self.board = ModbusTurnstile()
        self.turnstile = self.board.turnstile
        self.sent: list[bytes] = []
        """What the host sent."""
        self.answered: list[bytes] = []
        self.line = SimulatedLine(self._from_host)
        self._far = SimulatedLine(self._from_board)
        self._server: Any = None

    @property
    def port(self) -> str:
        """The path to open."""
        return str(self.line.path)

    async def __aenter__(self) -> Self:
        self.line.plug()
        self._far.plug()
        self._server = ModbusSerialServer(
            self.board.device(), framer=FramerType.RTU, port=str(self._far.path), baudrate=9600
        )
        await self._server.serve_forever(background=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            with contextlib.suppress(OSError):
                await self._server.shutdown()
        self.line.clean()
        self._far.clean()

    def _from_host(self, data: bytes) -> None:
        self.sent.append(data)
        self._far.write(data)

    def _from_board(self, data: bytes) -> None:
        self.answered.append(data)
        self.line.write(data)
