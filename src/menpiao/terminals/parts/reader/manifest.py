"""The drivers of this part, as data for set-up pages and documents."""

from __future__ import annotations

from typing import Final

from menpiao.terminals.manifest import DriverManifest, Grade, Trial

_READER: Final = "menpiao.terminals.parts.reader"
_TESTS: Final = "terminals/parts/reader"

MANIFESTS: Final = (
    DriverManifest(
        driver="sam_v",
        entry=f"{_READER}.sam_v:SamVReader",
        title_zh="二代身份证阅读器（SAM_V）",
        title_en="ID-card reader (SAM_V)",
        transports=("serial", "tcp_connect", "tcp_listen", "usb"),
        abilities=("resident", "hmt", "foreigner_2017", "foreigner_2023", "identity", "early"),
        trials=(
            Trial("frames and text blocks", Grade.DOCUMENTED, f"{_TESTS}/test_frame.py"),
            Trial("damaged answers", Grade.SIMULATED, f"{_TESTS}/test_damaged_answers.py"),
            Trial("heart-beats, hang-ups", Grade.SIMULATED, f"{_TESTS}/test_converter.py"),
            Trial("rates, each of the listed", Grade.SIMULATED, f"{_TESTS}/test_baud.py"),
            Trial("USB, split and whole, on pyusb", Grade.SIMULATED, f"{_TESTS}/test_usb.py"),
            Trial("text before the photo", Grade.SIMULATED, f"{_TESTS}/test_early.py"),
            Trial("unplugged and replugged", Grade.SIMULATED, f"{_TESTS}/test_unplug.py"),
        ),
        unconfirmed=(
            "whether a card that is not lifted is found again: both are handled",
            "the layout of the foreigner's card of 2023 comes from one source",
        ),
        twin="menpiao.simulation.reader:SimulatedReader",
    ),
    DriverManifest(
        driver="mrz",
        entry=f"{_READER}.mrz:MrzReader",
        title_zh="护照阅读器（机读码文本）",
        title_en="Passport reader (machine readable zone as text)",
        transports=("serial", "tcp_connect", "tcp_listen", "keyboard"),
        abilities=("passport_cn", "passport_foreign"),
        trials=(
            Trial("the specimen of ICAO 9303", Grade.DOCUMENTED, f"{_TESTS}/test_mrz.py"),
            Trial("line ends, keys, misreadings", Grade.SIMULATED, f"{_TESTS}/test_mrz.py"),
        ),
        twin="menpiao.simulation.scanner:SimulatedScanner",
    ),
    DriverManifest(
        driver="vendor",
        entry=f"{_READER}.vendor:VendorTransport",
        title_zh="厂家动态库（独立进程）",
        title_en="Vendor's library (sdtapi) in a process of its own",
        transports=("process",),
        abilities=("resident", "hmt", "foreigner_2017", "foreigner_2023", "identity"),
        trials=(
            Trial(
                "a stub library compiled by the test: reads, crashes, hangs, prints",
                Grade.SIMULATED,
                f"{_TESTS}/test_vendor.py",
            ),
        ),
        unconfirmed=("no vendor's library was at hand",),
    ),
    DriverManifest(
        driver="manual",
        entry=f"{_READER}.manual:ManualReader",
        title_zh="人工录入（主管口令）",
        title_en="Entry by hand with a supervisor's PIN",
        transports=("none",),
        abilities=("resident", "hmt", "foreigner_2023", "passport_cn", "passport_foreign"),
        trials=(Trial("PINs, locking", Grade.SIMULATED, f"{_TESTS}/test_manual.py"),),
    ),
)
