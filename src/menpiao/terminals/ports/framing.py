"""Lines of text in a stream of bytes: what scanners and passport readers send.

A line ends with CR, LF or Tab, or with a silence: some devices end it with nothing.
"""

from __future__ import annotations

import re
from typing import Final

_ENDS: Final = re.compile(rb"[\r\n\t\x03]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class LineFramer:
    """Cuts a stream into lines of at most `longest` bytes.

    What is longer is dropped whole, up to its end: half a code is no code.
    """

    def __init__(self, longest: int, prefix: bytes = b"", suffix: bytes = b"") -> None:
        """`prefix` and `suffix` are what the device adds to each code beside the line end."""
        self._longest = longest
        self._prefix = prefix
        self._suffix = suffix
        self._buffer = bytearray()
        self._overlong = False
        self.dropped = 0
        """How many lines were too long."""

    @property
    def waiting(self) -> bool:
        """Whether a line was begun and not ended."""
        return bool(self._buffer) or self._overlong

    def feed(self, data: bytes) -> list[bytes]:
        """Take more bytes; return the lines now complete, none of them empty."""
        lines = []
        *ended, rest = _ENDS.split(data)
        for piece in ended:
            self._take(piece)
            lines += self.flush()
        self._take(rest)
        return lines

    def flush(self) -> list[bytes]:
        """End the line that was begun, because of its end or of a silence."""
        line, self._buffer = bytes(self._buffer), bytearray()
        if self._overlong:
            self._overlong = False
            self.dropped += 1
            return []
        line = line.strip(b" \0")
        line = line.removeprefix(self._prefix) if self._prefix else line
        line = line.removesuffix(self._suffix) if self._suffix else line
        return [line] if line else []

    def discard(self) -> None:
        """Forget what was begun."""
        self._buffer.clear()
        self._overlong = False

    def _take(self, piece: bytes) -> None:
        if len(self._buffer) + len(piece) > self._longest:
            self._overlong = True
            self._buffer.clear()
        elif not self._overlong:
            self._buffer += piece


def decoded(line: bytes) -> str | None:
    """The text of a line in UTF-8 or GB18030, free of control characters; None if it is neither.

    Bytes that are valid UTF-8 are hardly ever meant as Chinese in GB18030.
    """
    for codec in ("utf-8", "gb18030"):
        try:
            return _CONTROL.sub("", line.decode(codec)).strip() or None
        except UnicodeDecodeError:
            continue
    return None
