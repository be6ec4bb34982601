"""What this part can do, as data for set-up pages and documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from menpiao.terminals.parts.reader.base import CardKind


@dataclass(frozen=True, slots=True)
class Manifest:
    """One driver's abilities. `tried_on_hardware` is False until somebody has."""

    driver: str
    title_zh: str
    title_en: str
    transports: tuple[str, ...]
    bauds: tuple[int, ...]
    card_kinds: tuple[CardKind, ...]
    tried_on_hardware: bool


SAM_V: Final = Manifest(
    driver="sam_v",
    title_zh="二代身份证阅读器（SAM_V）",
    title_en="ID-card reader (SAM_V)",
    transports=("serial", "tcp_connect", "tcp_listen"),
    bauds=(115_200, 57_600, 38_400, 19_200, 9_600),
    card_kinds=("resident", "hmt", "foreigner_2017", "foreigner_2023"),
    tried_on_hardware=False,
)
