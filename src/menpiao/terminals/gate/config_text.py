"""A lane's configuration as the text of its file: what is as shipped is left out."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from menpiao.terminals.devices import Table
from menpiao.terminals.gate.config import GateConfig

_NAMED: Final = frozenset({"kind", "centre", "gate_id", "data_dir"})
"""What is written also where it is as shipped."""


def config_text(config: GateConfig) -> str:
    """TOML that `read_config` reads to the same configuration."""
    tables: list[str] = []
    for name, value in _changed(config).items():
        if isinstance(value, Table):
            tables += _table(f"[{name}]", value)
        elif isinstance(value, tuple):
            for one in value:
                tables += _table(f"[[{name}]]", one)
    return "\n".join([*_lines(config), *tables]) + "\n"


def _changed(table: Table) -> dict[str, Any]:
    fields = msgspec.structs.fields(table)
    return {
        field.name: getattr(table, field.name)
        for field in fields
        if field.name in _NAMED or getattr(table, field.name) != field.default
    }


def _table(head: str, table: Table) -> list[str]:
    lines = _lines(table)
    return ["", head, *lines] if lines else []


def _lines(table: Table) -> list[str]:
    return [
        f"{name} = {_written(value)}"
        for name, value in _changed(table).items()
        if not isinstance(value, Table | tuple)
    ]


def _written(value: object) -> str:
    """A string, path, number or truth value; JSON's strings are TOML's but for one character."""
    plain = value if isinstance(value, bool | int | float) else str(value)
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f")
