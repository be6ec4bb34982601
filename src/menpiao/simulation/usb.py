"""A simulated USB bus for pyusb: a backend that serves descriptors and bulk transfers.

Everything of pyusb above its backend runs as with libusb. Needs pyusb.
"""

from __future__ import annotations

import errno
import queue
from array import array
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, Final

import usb.core
from usb.backend import IBackend

_PACKET: Final = 64


class SimulatedUsb(IBackend):  # type: ignore[misc]  # pyusb has no types
    """One device with bulk endpoints. `take` gets what is written: endpoint and bytes."""

    def __init__(
        self,
        endpoints: tuple[int, ...],
        take: Callable[[int, bytes], None],
        *,
        ids: tuple[int, int] = (0x0400, 0xC35A),
        interface_class: int = 0xFF,
    ) -> None:
        super().__init__()
        self.plugged = True
        self.busy = False
        self.claims = 0
        self.kernel_driver = False
        self._endpoints = endpoints
        self._take = take
        self._ids = ids
        self._class = interface_class
        self._answers: dict[int, queue.Queue[bytes]] = {
            endpoint: queue.Queue() for endpoint in endpoints if endpoint & 0x80
        }

    def give(self, endpoint: int, data: bytes) -> None:
        """Put a transfer on an IN endpoint."""
        self._answers[endpoint].put(data)

    def enumerate_devices(self) -> Iterator[str]:
        """The bus."""
        return iter(["device"] if self.plugged else [])

    def get_device_descriptor(self, dev: Any) -> Any:
        """Descriptor."""
        del dev
        return SimpleNamespace(
            bLength=18,
            bDescriptorType=1,
            bcdUSB=0x0110,
            bDeviceClass=0,
            bDeviceSubClass=0,
            bDeviceProtocol=0,
            bMaxPacketSize0=64,
            idVendor=self._ids[0],
            idProduct=self._ids[1],
            bcdDevice=0x0100,
            iManufacturer=0,
            iProduct=0,
            iSerialNumber=0,
            bNumConfigurations=1,
            address=1,
            bus=1,
            port_number=1,
            port_numbers=(1,),
            speed=2,
        )

    def get_configuration_descriptor(self, dev: Any, config: int) -> Any:
        """Descriptor."""
        del dev
        if config:
            raise IndexError
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=2,
            wTotalLength=0,
            bNumInterfaces=1,
            bConfigurationValue=1,
            iConfiguration=0,
            bmAttributes=0x80,
            bMaxPower=50,
            extra_descriptors=[],
        )

    def get_interface_descriptor(self, dev: Any, intf: int, alt: int, config: int) -> Any:
        """Descriptor."""
        del dev, config
        if intf or alt:
            raise IndexError
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=4,
            bInterfaceNumber=0,
            bAlternateSetting=0,
            bNumEndpoints=len(self._endpoints),
            bInterfaceClass=self._class,
            bInterfaceSubClass=0,
            bInterfaceProtocol=0,
            iInterface=0,
            extra_descriptors=[],
        )

    def get_endpoint_descriptor(self, dev: Any, ep: int, intf: int, alt: int, config: int) -> Any:
        """Descriptor."""
        del dev, intf, alt, config
        return SimpleNamespace(
            bLength=7,
            bDescriptorType=5,
            bEndpointAddress=self._endpoints[ep],
            bmAttributes=2,
            wMaxPacketSize=_PACKET,
            bInterval=0,
            bRefresh=0,
            bSynchAddress=0,
            extra_descriptors=[],
        )

    def open_device(self, dev: Any) -> Any:
        """Open."""
        return dev

    def close_device(self, dev_handle: Any) -> None:
        """Close."""

    def set_configuration(self, dev_handle: Any, config_value: int) -> None:
        """Configure."""

    def get_configuration(self, dev_handle: Any) -> int:
        """The active configuration."""
        del dev_handle
        return 1

    def set_interface_altsetting(self, dev_handle: Any, intf: int, altsetting: int) -> None:
        """Configure."""

    def claim_interface(self, dev_handle: Any, intf: int) -> None:
        """Claim."""
        del dev_handle, intf
        if self.busy:
            raise usb.core.USBError("busy", errno=errno.EBUSY)
        self.claims += 1

    def release_interface(self, dev_handle: Any, intf: int) -> None:
        """Release."""
        del dev_handle, intf
        self.claims -= 1

    def is_kernel_driver_active(self, dev_handle: Any, intf: int) -> bool:
        """Whether the system has taken the device."""
        del dev_handle, intf
        return self.kernel_driver

    def detach_kernel_driver(self, dev_handle: Any, intf: int) -> None:
        """Take it from the system."""
        del dev_handle, intf
        self.kernel_driver = False

    def bulk_write(self, dev_handle: Any, ep: int, intf: int, data: Any, timeout: int) -> int:
        """OUT transfer."""
        del dev_handle, intf, timeout
        self._check()
        self._take(ep, bytes(data))
        return len(data)

    def bulk_read(self, dev_handle: Any, ep: int, intf: int, buff: array[int], timeout: int) -> int:
        """IN transfer."""
        del dev_handle, intf
        self._check()
        try:
            data = self._answers[ep].get(timeout=timeout / 1000)
        except queue.Empty:
            self._check()
            raise usb.core.USBTimeoutError("timed out", errno=errno.ETIMEDOUT) from None
        if len(data) > len(buff):
            raise usb.core.USBError("overflow", errno=errno.EOVERFLOW)
        buff[: len(data)] = array("B", data)
        return len(data)

    def _check(self) -> None:
        if not self.plugged:
            raise usb.core.USBError("no such device", errno=errno.ENODEV)
