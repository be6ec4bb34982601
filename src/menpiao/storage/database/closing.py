"""The last statement of a transaction, carried out in one message with its commit.

To wait for the data store costs as much as what it does: a statement and a commit that go there
together save a wait. Only the simple query protocol takes two statements in one message, and it
takes no parameters: so the statement is prepared once a connection, and called with its values
written out as literals. What such a statement returns is not seen; that it was carried out is.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, cast

_Render = Callable[[Sequence[Any]], str]


class Closing:
    """A prepared statement whose parameters are integers, dates and arrays."""

    def __init__(self, name: str, types: Sequence[str], sql: str) -> None:
        """Call it ``name``, as nothing else there is called; ``types``: of its parameters."""
        self.prepare = f"PREPARE {name} ({', '.join(types)}) AS {sql}"
        """To be carried out once a connection, before the first call."""
        self._name = name
        self._renders = [_RENDERS[kind] for kind in types]

    def call(self, values: Iterable[Any]) -> str:
        """The statement with these values.

        Raises:
            ValueError: a text with a NUL, which no text of the data store can hold.
        """
        given = [render(value) for render, value in zip(self._renders, values, strict=True)]
        text = f"EXECUTE {self._name} ({', '.join(given)})"
        if "\0" in text:
            msg = "a text with a NUL"
            raise ValueError(msg)
        return text


def _integer(value: int) -> str:
    return str(int(value))


def _day(value: date) -> str:
    return f"'{value.isoformat()}'"


def _numbers(values: Sequence[int | None]) -> str:
    if None in values:
        return f"'{{{','.join(['NULL' if v is None else str(int(v)) for v in values])}}}'"
    # One text of all of them: half the time of one text each.
    return f"'{{{str(list(map(int, cast('Sequence[int]', values))))[1:-1]}}}'"


def _flags(values: Iterable[bool | None]) -> str:
    words = {True: "t", False: "f", None: "NULL"}
    return f"'{{{','.join([words[v] for v in values])}}}'"


def _texts(values: Sequence[str | None]) -> str:
    if values and None not in values:
        given = '","'.join(cast("Sequence[str]", values))
        if given.count('"') == 2 * len(values) - 2 and "\\" not in given:
            return "'{\"" + given.replace("'", "''") + "\"}'"
    # Inside an array's quotes a backslash and a quote are escaped, then in SQL's the apostrophe.
    # No backslash counts outside the array's: the pool sets standard_conforming_strings.
    written = [
        "NULL" if v is None else '"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for v in values
    ]
    return "'{" + ",".join(written).replace("'", "''") + "}'"


def _octets(values: Sequence[bytes | None]) -> str:
    if values and None not in values:
        given = map(bytes.hex, cast("Sequence[bytes]", values))
        return "'{\"\\\\x" + '","\\\\x'.join(given) + "\"}'"
    written = ["NULL" if v is None else f'"\\\\x{v.hex()}"' for v in values]
    return "'{" + ",".join(written) + "}'"


def _moments(values: Iterable[datetime | date | None]) -> str:
    written = ["NULL" if v is None else f'"{v.isoformat()}"' for v in values]
    return "'{" + ",".join(written) + "}'"


_RENDERS: dict[str, _Render | Callable[[Any], str]] = {
    "bigint": _integer,
    "date": _day,
    **dict.fromkeys(("bigint[]", "int[]", "smallint[]"), _numbers),
    **dict.fromkeys(("text[]", "jsonb[]"), _texts),
    **dict.fromkeys(("timestamptz[]", "date[]"), _moments),
    "boolean[]": _flags,
    "bytea[]": _octets,
}
