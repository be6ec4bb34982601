"""The drivers of this part, as data for set-up pages and documents."""

from __future__ import annotations

from typing import Final

from menpiao.terminals.manifest import DriverManifest, Grade, Trial

_TESTS: Final = "terminals/parts/printer"

MANIFESTS: Final = (
    DriverManifest(
        driver="escpos",
        entry="menpiao.terminals.parts.printer.driver:EscPosPrinter",
        title_zh="小票打印机（ESC/POS，58/80 毫米）",
        title_en="Slip printer (ESC/POS, 58 and 80 mm)",
        transports=("serial", "usb", "tcp_connect", "file"),
        abilities=("chinese", "rare_characters", "qr", "cut", "status", "templates"),
        trials=(
            Trial(
                "bytes of strings that must print right",
                Grade.DOCUMENTED,
                f"{_TESTS}/test_escpos.py",
            ),
            Trial("codes read back by zxing-cpp", Grade.INDEPENDENT, f"{_TESTS}/test_render.py"),
            Trial("network, serial, file", Grade.SIMULATED, f"{_TESTS}/test_driver.py"),
            Trial("USB pipes on pyusb", Grade.SIMULATED, f"{_TESTS}/test_usb.py"),
            Trial("paper out, cover open", Grade.SIMULATED, f"{_TESTS}/test_out_of_paper.py"),
            Trial("golden images", Grade.SIMULATED, f"{_TESTS}/test_golden.py"),
        ),
        unconfirmed=(
            "the bits of FS ! of a given model: a profile in data",
            "whether a model knows GB18030 or GBK: a profile in data",
        ),
        twin="menpiao.simulation.printer:SimulatedPrinter",
    ),
)
