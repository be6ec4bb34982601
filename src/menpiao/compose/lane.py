"""The parts of a lane by name: which drivers a configuration means."""

from menpiao.terminals.parts.printer.driver import EscPosPrinter
from menpiao.terminals.parts.printer.profiles import PROFILES
from menpiao.terminals.parts.printer.transport_network import NetworkTransport
from menpiao.terminals.parts.reader.baud import DetectingSerialTransport
from menpiao.terminals.parts.reader.sam_v import SamVReader


def serial_reader(port: str) -> SamVReader:
    """A SAM_V reader on a serial port, at whatever rate it answers."""
    return SamVReader(DetectingSerialTransport(port))


def network_printer(host: str, port: int, profile: str = "generic-80") -> EscPosPrinter:
    """An ESC/POS printer on the network."""
    return EscPosPrinter(NetworkTransport(host, port), PROFILES[profile])
