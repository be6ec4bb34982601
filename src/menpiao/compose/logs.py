"""Logs of every process: JSON lines for machines, readable in a terminal, never with a number.

All goes to standard error. Whatever is logged, by us or by a library, passes the scrubber last, the
text of exceptions included: it is a net below the rule that nobody logs numbers.
"""

import io
import logging
import sys
from collections import deque
from collections.abc import Mapping, MutableMapping
from datetime import date
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

from menpiao.compose.earlier_lines import earlier_lines
from menpiao.domain.masking import scrub
from menpiao.settings import Log

_LONGEST: Final = 2000
_lines: deque[str] = deque(maxlen=500)
"""What this process has logged last: a terminal brings it to its centre when asked."""


def configure(settings: Log, output: TextIO | None = None) -> None:
    """Set up logging for this process; the last call counts.

    ``output``: where it goes; not given, to standard error.
    """
    output = cast("TextIO", _Kept(output or sys.stderr))
    level = getattr(logging, settings.level.upper())
    as_json = settings.format == "json" or (settings.format == "auto" and not output.isatty())
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=as_json),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    render: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=output.isatty())
    )
    structlog.configure(
        processors=[*before, clean, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(output),
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *before],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, clean, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries tell their own business at the level of warnings; ours is told by us.
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("menpiao").setLevel(level)


class _Kept(io.TextIOBase):
    """Passes on what is logged, scrubbed as it is, and keeps the last lines of it."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._rest = ""

    def write(self, text: str) -> int:
        """Pass it on; a line is kept once it has ended."""
        *whole, self._rest = (self._rest + text).split("\n")
        _lines.extend(line[:_LONGEST] for line in whole if line)
        return self._output.write(text)

    def flush(self) -> None:
        """Pass it on."""
        self._output.flush()

    def isatty(self) -> bool:
        """Whether somebody reads along."""
        return self._output.isatty()


def last_lines(most: int) -> list[str]:
    """So many of the last lines that this process has logged, oldest first.

    Where it has not logged so many, and a file or journald has those of earlier runs, these go
    before them. May take seconds then.
    """
    own = list(_lines)[-most:]
    if len(own) == most:
        return own
    kept = earlier_lines(most, _LONGEST)
    return kept if len(kept) > len(own) else own


def clean(logger: object, name: str, event: EventDict) -> EventDict:  # noqa: ARG001 - its shape
    """A processor: nothing in the event looks like a document or telephone number any more."""
    cleaned: MutableMapping[str, Any] = {scrub(key): _clean(value) for key, value in event.items()}
    return cleaned


def _clean(value: object) -> object:
    match value:
        case None | bool() | float() | date():
            return value
        case str():
            return scrub(value)
        case int():
            text = scrub(str(value))
            return value if text == str(value) else text
        case Mapping():
            return {scrub(str(key)): _clean(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(item) for item in value]
        case _:
            return scrub(repr(value))
