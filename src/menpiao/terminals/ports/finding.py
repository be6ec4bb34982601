"""What is plugged into this machine, by its names and descriptors: nothing is opened or asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serial.tools import list_ports

SERIAL_NAMES: Final = Path("/dev/serial/by-id")
INPUT_NAMES: Final = Path("/dev/input/by-id")
INPUT_TITLES: Final = Path("/sys/class/input")
USB_DEVICES: Final = Path("/sys/bus/usb/devices")
USB_PRINTERS: Final = Path("/dev/usb")


@dataclass(frozen=True, slots=True)
class SerialFound:
    """A serial port. ``path`` survives replugging where the system gives such a name."""

    path: str
    title: str = ""
    """What the USB device calls itself; "" for a port that tells nothing."""
    vendor: int | None = None
    product: int | None = None


@dataclass(frozen=True, slots=True)
class KeyboardFound:
    """Something that types."""

    path: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class UsbFound:
    """A USB device as its descriptors tell; ``classes`` are those of its interfaces."""

    vendor: int
    product: int
    classes: frozenset[int]
    title: str = ""


def serial_ports(names: Path = SERIAL_NAMES) -> tuple[SerialFound, ...]:
    """The serial ports of this machine, each once."""
    lasting = {link.resolve(): link for link in sorted(_entries(names))}
    return tuple(
        SerialFound(
            str(lasting.get(Path(port.device).resolve(), port.device)),
            " ".join(filter(None, (port.manufacturer, port.product))),
            port.vid,
            port.pid,
        )
        for port in sorted(list_ports.comports(), key=lambda port: port.device)
    )


def keyboards(names: Path = INPUT_NAMES, titles: Path = INPUT_TITLES) -> tuple[KeyboardFound, ...]:
    """The USB keyboards of this machine, among them scanners that type."""
    return tuple(
        KeyboardFound(str(link), _text(titles / link.resolve().name / "device" / "name"))
        for link in sorted(_entries(names))
        if link.name.endswith("-event-kbd")
    )


def usb_devices(folder: Path = USB_DEVICES) -> tuple[UsbFound, ...]:
    """The USB devices of this machine; no library and no right to open them is needed."""
    found = []
    for device in sorted(_entries(folder)):
        vendor, product = _number(device / "idVendor"), _number(device / "idProduct")
        if vendor is None or product is None:
            continue
        classes = (_number(one) for one in device.glob("*:*/bInterfaceClass"))
        title = " ".join(filter(None, (_text(device / "manufacturer"), _text(device / "product"))))
        known = frozenset(kind for kind in classes if kind is not None)
        found.append(UsbFound(vendor, product, known, title))
    return tuple(found)


def usb_printers(folder: Path = USB_PRINTERS) -> tuple[str, ...]:
    """The device files that the system made for USB printers."""
    return tuple(str(path) for path in sorted(_entries(folder)) if path.name.startswith("lp"))


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    try:
        return int(_text(path), 16)
    except ValueError:
        return None
