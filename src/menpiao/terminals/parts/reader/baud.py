"""A serial reader whose rate nobody knows: each listed rate is tried until the module answers."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from menpiao.terminals.parts.reader import protocol
from menpiao.terminals.parts.reader.frame import FrameParser
from menpiao.terminals.ports.base import PortError, PortTrouble
from menpiao.terminals.ports.serial_port import SerialConnection, SerialTransport

log = structlog.get_logger(__name__)

BAUDS: Final = (115_200, 57_600, 38_400, 19_200, 9_600)
_ANSWER_S: Final = 0.3


class DetectingSerialTransport:
    """Asks after the module's health at each rate; the rate that worked last is tried first.

    A module's rate is found, never changed.
    """

    def __init__(
        self, port: str, bauds: tuple[int, ...] = BAUDS, answer_s: float = _ANSWER_S
    ) -> None:
        self._port = port
        self._bauds = bauds
        self._answer_s = answer_s
        self.baud: int | None = None
        """The rate at which the module answered last."""

    async def connect(self) -> SerialConnection:
        """Open at the right rate; PortError(SILENT) if the module answers at none."""
        known = [] if self.baud is None else [self.baud]
        for baud in (*known, *(one for one in self._bauds if one != self.baud)):
            connection = await SerialTransport(self._port, baud).connect()
            try:
                answered = await self._answers(connection)
            except BaseException:  # also cancelled: the port is given free
                connection.close()
                raise
            if answered:
                if baud != self.baud:
                    log.info("reader_baud_found", baud=baud)
                self.baud = baud
                return connection
            connection.close()
        raise PortError(PortTrouble.SILENT)

    async def _answers(self, connection: SerialConnection) -> bool:
        parser = FrameParser()
        connection.pending()
        connection.write(protocol.STATUS.frame)
        try:
            async with asyncio.timeout(self._answer_s):
                while not parser.feed(await connection.read()):
                    pass
        except TimeoutError:
            return False
        return True
