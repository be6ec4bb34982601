"""The tables of a terminal's configuration that say which device is where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Baud = Annotated[int, msgspec.Meta(ge=1200, le=921_600)]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


def _needs(kind: str, **given: object) -> None:
    """Raise ValueError for what a kind cannot do without; msgspec says in which table."""
    for key, value in given.items():
        if not value:
            raise ValueError(f"kind = '{kind}' needs {key}")


def own_file(folder: Path, profile: str) -> str:
    """A profile as it is named, or the file it is, which begins at the configuration's folder."""
    return str(folder / profile) if profile.endswith(".toml") else profile


def _way(kind: str, port: str, host: str, tcp_port: int) -> None:
    if kind in {"serial", "keyboard"}:
        _needs(kind, port=port)
    elif kind == "tcp":
        _needs(kind, host=host, tcp_port=tcp_port)
    elif kind == "listen":
        _needs(kind, tcp_port=tcp_port)


class Reader(Table, frozen=True):
    """The ID-card reader (301).

    ``kind``: serial (``port``, at whatever rate it answers), usb, tcp (a converter that is called:
    ``host`` and ``tcp_port``), listen (a converter that calls on ``tcp_port``; ``host`` is the
    only address that may), vendor (``library``, and ``python`` of the library's bits).
    ``poll_s`` is from the start of one look for a card to the next, ``gap_s`` between the commands
    of one: the defaults suit every reader seen, see ``docs/hardware.md`` for shorter ones.
    """

    kind: Literal["serial", "usb", "tcp", "listen", "vendor"] = "serial"
    port: str = ""
    host: str = ""
    tcp_port: Port = 0
    library: str = ""
    library_port: Port = 1001
    """As vendors count: 1 to 16 for COM1 to COM16, 1001 and up for USB."""
    python: str = ""
    poll_s: Annotated[float, msgspec.Meta(ge=0.002, le=1)] = 0.1
    gap_s: Annotated[float, msgspec.Meta(ge=0, le=0.2)] = 0.02

    def __post_init__(self) -> None:
        """Raise ValueError when the kind lacks something."""
        _way(self.kind, self.port, self.host, self.tcp_port)
        if self.kind == "vendor":
            _needs(self.kind, library=self.library)


class Scanner(Table, frozen=True):
    """A scanner: ``reads`` codes, or the machine readable zone of passports (mrz).

    ``prefix`` and ``suffix`` are what it adds to each code beside the end of the line; UTF-8 and
    GB18030 are told apart by themselves. ``port``: a serial port, or a device of /dev/input.
    """

    kind: Literal["serial", "keyboard", "tcp", "listen"] = "serial"
    port: str = ""
    host: str = ""
    tcp_port: Port = 0
    baud: Baud = 9600
    reads: Literal["codes", "mrz"] = "codes"
    prefix: str = ""
    suffix: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError when the kind lacks something."""
        _way(self.kind, self.port, self.host, self.tcp_port)


class Printer(Table, frozen=True):
    """The slip printer (305).

    ``kind``: network (``host``; an empty one: no slips), serial (``device``, ``baud``, ``flow``),
    usb (``device`` such as /dev/usb/lp0; an empty one: the first on the bus), file (``device``).
    ``profile`` is a shipped one, or the path of a file that ends in ``.toml``.
    """

    kind: Literal["network", "serial", "usb", "file"] = "network"
    host: str = ""
    port: Port = 9100
    device: str = ""
    baud: Baud = 9600
    flow: bool = False
    profile: str = "generic-80"

    def __post_init__(self) -> None:
        """Raise ValueError when the kind lacks something."""
        if self.kind in {"serial", "file"}:
            _needs(self.kind, device=self.device)


class Led(Table, frozen=True):
    """A line of LEDs over the lane; ``profile`` is a shipped one, or the path of a file."""

    kind: Literal["none", "serial", "tcp", "listen"] = "none"
    port: str = ""
    host: str = ""
    tcp_port: Port = 0
    profile: str = "plain"

    def __post_init__(self) -> None:
        """Raise ValueError when the kind lacks something."""
        _way(self.kind, self.port, self.host, self.tcp_port)
