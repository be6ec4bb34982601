"""The parts of a lane by name: which drivers a configuration means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from menpiao.compose.devices import printer_of, reader_of
from menpiao.terminals.devices import Printer as PrinterTable
from menpiao.terminals.devices import Reader as ReaderTable
from menpiao.terminals.gate.config import Barrier as BarrierConfig
from menpiao.terminals.gate.config import ConfigError
from menpiao.terminals.parts.barrier.base import Direction
from menpiao.terminals.parts.barrier.board import Board
from menpiao.terminals.parts.barrier.counters import TotalsFile
from menpiao.terminals.parts.barrier.driver import BoardBarrier, Options
from menpiao.terminals.parts.barrier.frame_board import FrameBoard
from menpiao.terminals.parts.barrier.lcus import LcusBoard
from menpiao.terminals.parts.barrier.templates import ProfileError, built_in
from menpiao.terminals.parts.reader.sam_v import SamVReader
from menpiao.terminals.ports.serial_port import SerialTransport
from menpiao.terminals.ports.tcp import TcpConnectTransport

if TYPE_CHECKING:  # drawing is heavy: only a lane that prints loads it
    from menpiao.terminals.parts.printer.driver import EscPosPrinter


def serial_reader(port: str) -> SamVReader:
    """A SAM_V reader on a serial port, at whatever rate it answers."""
    return reader_of(ReaderTable(port=port))


def network_printer(host: str, port: int, profile: str = "generic-80") -> EscPosPrinter:
    """An ESC/POS printer on the network."""
    printer = printer_of(PrinterTable(host=host, port=port, profile=profile))
    assert printer is not None, "a host was given"
    return printer


def barrier_of(config: BarrierConfig, counters: Path) -> BoardBarrier | None:
    """The barrier that a configuration means; ``counters``: the file of its last counters.

    Raises:
        ConfigError: its kind needs a port, a host or a profile that is not given.
    """
    if config.kind == "none":
        return None
    if config.kind != "modbus_tcp" and not (config.port or config.host):
        raise ConfigError(f"[barrier] kind = {config.kind!r} needs a port")
    if config.kind == "modbus_tcp" and not config.host:
        raise ConfigError("[barrier] kind = 'modbus_tcp' needs a host")
    one_way = None if config.direction == "both" else Direction(config.direction)
    options = Options(one_way=one_way)
    return BoardBarrier(_board(config), options, TotalsFile(counters))


def _board(config: BarrierConfig) -> Board:
    if config.kind == "lcus":
        return LcusBoard(SerialTransport(config.port, 9600))
    if config.kind in {"modbus_rtu", "modbus_tcp"}:
        # pymodbus is loaded where such a board is.
        from menpiao.terminals.parts.barrier.modbus import ModbusBoard, RtuWay, TcpWay

        rtu = config.kind == "modbus_rtu"
        return ModbusBoard(RtuWay(config.port) if rtu else TcpWay(config.host, config.tcp_port))
    try:
        profile = built_in(config.profile)
    except ProfileError as error:
        raise ConfigError(f"[barrier] profile {config.profile!r}: {error}") from error
    if config.host:
        return FrameBoard(TcpConnectTransport(config.host, config.tcp_port), profile)
    return FrameBoard(SerialTransport(config.port, profile.baud), profile)
