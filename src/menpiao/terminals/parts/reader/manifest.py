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
        transports=("serial", "tcp_connect", "tcp_listen"),
        abilities=("resident", "hmt", "foreigner_2017", "foreigner_2023", "identity"),
        trials=(
            Trial("frames and text blocks", Grade.DOCUMENTED, f"{_TESTS}/test_frame.py"),
            Trial("damaged answers", Grade.SIMULATED, f"{_TESTS}/test_damaged_answers.py"),
            Trial("heart-beats, hang-ups", Grade.SIMULATED, f"{_TESTS}/test_converter.py"),
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
)
