"""USB bulk pipes through pyusb: finding the device, claiming it, and its endpoints."""

from __future__ import annotations

import contextlib
import errno
from dataclasses import dataclass
from typing import Any, Final

import usb.core
import usb.util

from menpiao.terminals.ports.base import PortError, PortTrouble

_BULK: Final = 2
_TRANSFER_KIND: Final = 3
_IN: Final = 0x80
_CODES: Final = {
    errno.EACCES: PortTrouble.DENIED,
    errno.EPERM: PortTrouble.DENIED,
    errno.EBUSY: PortTrouble.BUSY,
    errno.ENODEV: PortTrouble.ABSENT,
}
TimedOut = usb.core.USBTimeoutError
Broken = usb.core.USBError


@dataclass(frozen=True, slots=True)
class UsbId:
    """Which device. `interface_class` 7 is a printer; None takes any with bulk pipes both ways."""

    vendor: int | None = None
    product: int | None = None
    interface_class: int | None = None


@dataclass(frozen=True, slots=True)
class Pipes:
    """The claimed device's bulk endpoints, by address, lowest first."""

    device: Any
    outs: tuple[int, ...]
    ins: tuple[int, ...]

    def write(self, endpoint: int, data: bytes, timeout_ms: int) -> None:
        """Send all bytes; raises TimedOut or Broken."""
        at = 0
        while at < len(data):
            at += self.device.write(endpoint, data[at:], timeout_ms)

    def read(self, endpoint: int, size: int, timeout_ms: int) -> bytes:
        """One transfer of at most `size` bytes; raises TimedOut or Broken."""
        return bytes(self.device.read(endpoint, size, timeout_ms))

    def close(self) -> None:
        """Release the device. Never raises."""
        with contextlib.suppress(Broken, NotImplementedError):
            usb.util.dispose_resources(self.device)


def open_pipes(wanted: UsbId, backend: Any = None) -> Pipes:
    """Find and claim; blocks for some milliseconds. Raises PortError."""
    ids = {"idVendor": wanted.vendor, "idProduct": wanted.product}
    try:
        devices = usb.core.find(
            find_all=True,
            backend=backend,
            **{name: value for name, value in ids.items() if value is not None},
        )
        for device in devices:
            pipes = _claim(device, wanted)
            if pipes is not None:
                return pipes
    except usb.core.NoBackendError as error:
        # libusb itself is missing on this machine.
        raise PortError(PortTrouble.DENIED) from error
    except Broken as error:
        raise PortError(_CODES.get(error.errno or 0, PortTrouble.ABSENT)) from error
    raise PortError(PortTrouble.ABSENT)


def _claim(device: Any, wanted: UsbId) -> Pipes | None:
    for configuration in device:
        for interface in configuration:
            kind = interface.bInterfaceClass
            if wanted.interface_class not in {None, kind}:
                continue
            bulk = sorted(
                endpoint.bEndpointAddress
                for endpoint in interface
                if endpoint.bmAttributes & _TRANSFER_KIND == _BULK
            )
            outs = tuple(address for address in bulk if not address & _IN)
            ins = tuple(address for address in bulk if address & _IN)
            if not outs or not ins:
                continue
            number = interface.bInterfaceNumber
            with contextlib.suppress(NotImplementedError):
                if device.is_kernel_driver_active(number):
                    device.detach_kernel_driver(number)
            device.set_configuration(configuration.bConfigurationValue)
            usb.util.claim_interface(device, number)
            return Pipes(device, outs, ins)
    return None
