"""Text on a slip: what is printable, how wide it is, where it wraps. No printer commands here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from menpiao.terminals.parts.printer.profiles import Charset

_REPLACED: Final = {
    0x00A5: 0xFFE5,  # the half-width yen sign has a four-byte code only; the full-width one prints
    0xE863: 0x4DAE,  # the private-use code of U+4DAE on older cards
    0x0009: 0x0020,
    0x00A0: 0x0020,
}
# Control characters, so that no name is a command; directions and joiners, which paper has not.
_UNPRINTABLE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    r"\ud800-\udfff]"
)
_WORD: Final = re.compile(r"[!-~]+| +|.")


def printable(text: str) -> list[str]:
    """The paragraphs of a text, free of everything that is not a glyph or a space."""
    clean = _UNPRINTABLE.sub("", re.sub(r"\r\n?", "\n", text).translate(_REPLACED))
    return clean.split("\n")


def columns_of(text: str) -> int:
    """How many half-width columns a text takes: one for ASCII, two for everything else."""
    return sum(1 if char.isascii() else 2 for char in text)


def wrap(text: str, columns: int) -> Iterator[str]:
    """Lines of at most `columns`, broken at spaces or between Chinese characters.

    A character is never split; a word longer than a line is broken. An empty text is one empty
    line. `columns` is at least 2.
    """
    line, used, broken = "", 0, False
    for word in _WORD.findall(text):
        width = columns_of(word)
        if used + width > columns and used:
            yield line.rstrip(" ")
            line, used, broken = "", 0, True
            if word.isspace():
                continue
        while width > columns:
            yield word[:columns]
            broken = True
            word = word[columns:]  # noqa: PLW2901  # the rest of a word longer than a line
            width = columns_of(word)
        line, used = line + word, used + width
    if line.strip(" ") or not broken:
        yield line.rstrip(" ")


def encoded(text: str, charset: Charset) -> bytes | None:
    """The bytes of a text in one- and two-byte codes; None if a character has none there."""
    pieces = []
    for char in text:
        if char.isascii():
            pieces.append(char.encode())
            continue
        if charset is Charset.NONE or "\ue000" <= char <= "\uf8ff":
            return None
        try:
            piece = char.encode(charset.value)
        except UnicodeEncodeError:
            return None
        if len(piece) != 2:
            return None
        pieces.append(piece)
    return b"".join(pieces)
