"""What one counter is told from outside: a TOML file, read once at start."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from menpiao.terminals.devices import Port, Printer, Reader, Scanner, Table, own_file


class CounterConfigError(ValueError):
    """The configuration cannot be used; the message says which key, and what was expected."""


class CounterConfig(Table, frozen=True):
    """One counter. ``origins`` are the sites whose pages may see cards: ``https://host``."""

    origins: Annotated[
        list[Annotated[str, msgspec.Meta(pattern=r"^https?://[^/\s]+\Z")]],
        msgspec.Meta(min_length=1),
    ]
    reader: Reader
    printer: Printer = Printer()
    scanner: Scanner | None = None
    port: Port = 8751


def load_counter_config(path: Path) -> CounterConfig:
    """Read a counter's configuration.

    Raises:
        CounterConfigError: the file cannot be read, a key is unknown or has a wrong value.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        config = msgspec.convert(raw, CounterConfig)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CounterConfigError(f"{path}: {error}") from error
    except msgspec.ValidationError as error:
        raise CounterConfigError(f"{path}: {error}") from error
    profile = own_file(path.absolute().parent, config.printer.profile)
    return msgspec.structs.replace(
        config, printer=msgspec.structs.replace(config.printer, profile=profile)
    )
