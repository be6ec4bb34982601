"""The drivers of this part, as data for set-up pages and documents."""

from __future__ import annotations

from typing import Final

from menpiao.terminals.manifest import DriverManifest, Grade, Trial

_TEST: Final = "terminals/parts/scanner/test_scanner.py"

MANIFESTS: Final = (
    DriverManifest(
        driver="line",
        entry="menpiao.terminals.parts.scanner.driver:LineScanner",
        title_zh="二维码扫描器（串口或键盘）",
        title_en="QR and barcode scanner (serial or keyboard)",
        transports=("serial", "tcp_connect", "tcp_listen", "keyboard"),
        abilities=("prefix_suffix", "silence", "same_code", "utf8", "gb18030"),
        trials=(
            Trial("framing, repeats, garbage, replug", Grade.SIMULATED, _TEST),
            Trial("kernel input events over a terminal", Grade.SIMULATED, _TEST),
        ),
        unconfirmed=("taking a keyboard from everybody else: no input device was at hand",),
        twin="menpiao.simulation.scanner:SimulatedScanner",
    ),
)
