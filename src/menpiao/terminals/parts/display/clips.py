"""Recorded voices for a lane: a folder of the operator's own, by reason or by voice.

A file is called ``KEY.zh.EXT`` or ``KEY.en.EXT``: `KEY` is a reason (``slot_early``) or the voice
that several reasons share (``expired``); a reason's own clip goes before its voice's. Both
languages are played, Chinese first. What has no clip has its tones.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType
from typing import Final

import structlog

from menpiao.domain.reasons import WORDINGS, Reason

log = structlog.get_logger(__name__)

KINDS: Final = MappingProxyType(
    {"ogg": "audio/ogg", "opus": "audio/ogg", "mp3": "audio/mpeg", "m4a": "audio/mp4"}
    | {"wav": "audio/wav"}
)
LARGEST: Final = 2 << 20
"""Bytes; a longer clip is no word to somebody who walks."""
_LANGUAGES: Final = ("zh", "en")
_NAME: Final = re.compile(rf"([a-z_]+)\.({'|'.join(_LANGUAGES)})\.({'|'.join(KINDS)})")
KEYS: Final = frozenset(Reason) | {words.voice for words in WORDINGS.values()}


class Clips:
    """The clips of one lane, as they were when its program started; none without a folder."""

    def __init__(self, folder: Path | None) -> None:
        """Look into the folder; what is no clip there is said once, and passed over."""
        self._folder = folder
        found: dict[str, dict[str, str]] = {}
        for path in self._files():
            key = _key_of(path)
            if key is not None:
                found.setdefault(key[0], {}).setdefault(key[1], path.name)
        self.by_key: dict[str, list[str]] = {
            key: [names[one] for one in _LANGUAGES if one in names] for key, names in found.items()
        }
        """File names in the order of playing, by reason or voice."""
        self._names = {name for names in self.by_key.values() for name in names}

    def _files(self) -> list[Path]:
        if self._folder is None:
            return []
        try:
            return sorted(path for path in self._folder.iterdir() if path.is_file())
        except OSError as error:
            log.warning("clips_unreadable", folder=str(self._folder), text=error.strerror)
            return []

    def read(self, name: str) -> tuple[bytes, str] | None:
        """A clip and its kind of content; None: there is none of this name."""
        if self._folder is None or name not in self._names:
            return None
        try:
            return (self._folder / name).read_bytes(), KINDS[name.rpartition(".")[2]]
        except OSError:
            return None


def _key_of(path: Path) -> tuple[str, str] | None:
    shape = _NAME.fullmatch(path.name)
    fault = "name" if shape is None else "key" if shape[1] not in KEYS else ""
    if not fault and path.stat().st_size > LARGEST:
        fault = "size"
    if fault or shape is None:
        log.warning("clip_unusable", file=path.name, fault=fault)
        return None
    return shape[1], shape[2]
