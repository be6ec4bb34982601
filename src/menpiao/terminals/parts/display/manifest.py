"""The drivers of this part, as data for set-up pages and documents."""

from __future__ import annotations

from typing import Final

from menpiao.terminals.manifest import DriverManifest, Grade, Trial

_TESTS: Final = "terminals/parts/display"

MANIFESTS: Final = (
    DriverManifest(
        driver="kiosk",
        entry="menpiao.terminals.parts.display.kiosk:KioskDisplay",
        title_zh="通道屏（浏览器）",
        title_en="Lane screen (a browser)",
        transports=("none",),
        abilities=("colour", "glyph", "sound", "english"),
        trials=(Trial("its doors", Grade.SIMULATED, f"{_TESTS}/test_kiosk.py"),),
    ),
    DriverManifest(
        driver="led",
        entry="menpiao.terminals.parts.display.led:LedDisplay",
        title_zh="LED 单行屏（串口）",
        title_en="LED line (serial)",
        transports=("serial", "tcp_connect", "tcp_listen"),
        abilities=("colour", "glyph"),
        trials=(Trial("frames, cutting, replug", Grade.SIMULATED, f"{_TESTS}/test_led.py"),),
        unconfirmed=("the frame of any maker's display: the shipped profile sends plain lines",),
        twin="menpiao.simulation.line:SimulatedLine",
    ),
)
