"""What stands on a slip, as a template in a data file that a site can change.

A template is TOML: a list of ``[[line]]`` tables, each with exactly one of `text`, `rule`, `qr`,
`feed` and `cut`. ``{name}`` in a text is a fact; a line whose facts are all empty is left out. A
fact is only ever text: whatever is in it, it is no command and no part of the template.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

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

FOLDER: Final = Path(__file__).parent / "templates"
_FACT: Final = re.compile(r"\{([a-z_]+)\}")


class TemplateError(ValueError):
    """A template cannot be used; the message says where and why."""


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str | None = None
    size: Literal[1, 2] = 1
    bold: bool = False
    align: Align = Align.LEFT
    qr: str | None = None
    module_dots: Annotated[int, msgspec.Meta(ge=3, le=16)] = 6
    rule: bool = False
    feed: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0
    cut: bool = False

    @property
    def pattern(self) -> str:
        """The text with facts in it."""
        return self.text if self.text is not None else self.qr or ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    line: Annotated[list[_Line], msgspec.Meta(min_length=1, max_length=100)]


@dataclass(frozen=True, slots=True)
class Template:
    """A slip without its facts."""

    lines: tuple[_Line, ...]

    @property
    def names(self) -> frozenset[str]:
        """The facts it asks for."""
        return frozenset(name for line in self.lines for name in _FACT.findall(line.pattern))

    def fill(self, facts: Mapping[str, str]) -> Slip:
        """The slip; raises KeyError for a fact that is not given, which `load` rules out."""
        return Slip(tuple(made for line in self.lines if (made := _made(line, facts)) is not None))


def load(path: Path, facts: frozenset[str]) -> Template:
    """Read a template that asks for no fact but these. Raises TemplateError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        lines = msgspec.convert(raw, _File).line
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise TemplateError(f"{path}: {error}") from error
    for number, line in enumerate(lines, 1):
        kinds = (line.text is not None, line.qr is not None, line.rule, line.feed > 0, line.cut)
        if sum(kinds) != 1:
            raise TemplateError(f"{path}: line {number} is not one of text, qr, rule, feed, cut")
    template = Template(tuple(lines))
    unknown = template.names - facts
    if unknown:
        raise TemplateError(f"{path}: no such fact: {', '.join(sorted(unknown))}")
    return template


def _made(line: _Line, facts: Mapping[str, str]) -> SlipLine | None:
    names = _FACT.findall(line.pattern)
    if names and not any(facts[name] for name in names):
        return None
    filled = _FACT.sub(lambda found: facts[found[1]], line.pattern)
    if line.text is not None:
        return Text(filled, line.size, line.bold, line.align)
    if line.qr is not None:
        return QrCode(filled, line.module_dots)
    if line.rule:
        return Rule()
    return Cut() if line.cut else Feed(line.feed)
