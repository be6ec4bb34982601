"""What the clerk's page and the agent on the clerk's computer say to each other, as JSON.

Each message is told apart by its ``type``. They never leave the computer.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from menpiao.terminals.parts.printer.base import (
    Align,
    Cut,
    Feed,
    QrCode,
    Rule,
    Slip,
    SlipLine,
    Text,
)

_Short = Annotated[str, msgspec.Meta(max_length=64)]


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown fields are refused, not ignored."""


class Card(_Message, frozen=True, kw_only=True, tag="card", tag_field="type"):
    """A card was laid on the reader; ``kind`` is a document type."""

    kind: str
    number: str
    name: str

    def __repr__(self) -> str:
        """Never the number: a message may end up in a log."""
        return f"Card(kind={self.kind!r})"


class Unreadable(_Message, frozen=True, kw_only=True, tag="unreadable", tag_field="type"):
    """A card is there and could not be read."""

    reason: str


class Code(_Message, frozen=True, kw_only=True, tag="code", tag_field="type"):
    """A code was shown to the scanner."""

    text: str

    def __repr__(self) -> str:
        """Never the text: it may be a ticket."""
        return "Code()"


class State(_Message, frozen=True, kw_only=True, tag="state", tag_field="type"):
    """How reader and scanner are: sent on connecting and at each change."""

    reader: str
    scanner: str = ""


class Printed(_Message, frozen=True, kw_only=True, tag="printed", tag_field="type"):
    """How the print of this id ended: printed, unknown or failed with a reason."""

    id: str
    status: str
    reason: str = ""


class Fault(_Message, frozen=True, kw_only=True, tag="fault", tag_field="type"):
    """The page's message could not be used."""

    text: str


class TextLine(_Message, frozen=True, kw_only=True, tag="text", tag_field="line"):
    """A paragraph."""

    text: Annotated[str, msgspec.Meta(max_length=2000)]
    size: Literal[1, 2] = 1
    bold: bool = False
    align: Align = Align.LEFT


class RuleLine(_Message, frozen=True, kw_only=True, tag="rule", tag_field="line"):
    """A horizontal line."""


class QrLine(_Message, frozen=True, kw_only=True, tag="qr", tag_field="line"):
    """A QR code."""

    payload: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    module_dots: Annotated[int, msgspec.Meta(ge=1, le=16)] = 6


class FeedLine(_Message, frozen=True, kw_only=True, tag="feed", tag_field="line"):
    """Empty lines."""

    lines: Annotated[int, msgspec.Meta(ge=1, le=20)] = 1


class CutLine(_Message, frozen=True, kw_only=True, tag="cut", tag_field="line"):
    """Cut the paper."""


_Line = TextLine | RuleLine | QrLine | FeedLine | CutLine


class Paper(_Message, frozen=True, kw_only=True):
    """A slip, line by line."""

    lines: Annotated[list[_Line], msgspec.Meta(min_length=1, max_length=200)]


class Print(_Message, frozen=True, kw_only=True, tag="print", tag_field="type"):
    """Put this on paper; ``id`` comes back with the outcome."""

    slip: Paper
    id: _Short = ""


def slip_of(paper: Paper) -> Slip:
    """The slip as the printer takes it."""
    return Slip(tuple(_line(line) for line in paper.lines))


def _line(line: _Line) -> SlipLine:
    match line:
        case TextLine():
            return Text(line.text, line.size, line.bold, line.align)
        case RuleLine():
            return Rule()
        case QrLine():
            return QrCode(line.payload, line.module_dots)
        case FeedLine():
            return Feed(line.lines)
        case CutLine():
            return Cut()
