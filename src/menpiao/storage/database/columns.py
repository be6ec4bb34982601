"""Rows of a batch as the parameters of one statement.

To hand a value to the data store costs more than to write it there, and most values are the same
all over a batch. So a row's values are parted: its own, one array a column, and those that it
shares with others, handed over once for all rows that have them in common.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple


class Columns:
    """How rows of one type are handed over."""

    def __init__(self, row: type[NamedTuple], types: str, own: str, first: int) -> None:
        """Number the parameters from ``first``.

        ``types``: the SQL types of the row's fields, in their order; further fields are left out.
        ``own``: names of two or more fields that differ from row to row.
        """
        kinds = dict(zip(row._fields, types.split(), strict=False))
        mine = own.split()
        shared = [name for name in kinds if name not in mine]
        place = {name: first + n for n, name in enumerate([*mine, *shared])}
        self._own_of = itemgetter(*map(row._fields.index, mine))
        self._shared_of = itemgetter(*map(row._fields.index, shared))
        self._width = len(place) + 1
        self.names = tuple(kinds)
        """The fields, in the order in which ``select`` gives them."""
        self.types = [*(f"{kinds[name]}[]" for name in place), "int[]"]
        """The types of the parameters, in the order of their numbers."""
        self.next = first + self._width
        """The number of the first parameter after these."""
        arrays = [f"${place[name]}::{kinds[name]}[]" for name in mine]
        self._from = (
            f"unnest({', '.join(arrays)}, ${self.next - 1}::int[]) AS u({', '.join(mine)}, shared)"
        )
        self._values = [
            f"u.{name}" if name in mine else f"(${place[name]}::{kinds[name]}[])[u.shared]"
            for name in kinds
        ]

    def select(self, before: str = "") -> str:
        """``SELECT`` of the rows; ``before``: expressions ahead of their fields, with a comma."""
        return f"SELECT {before}{', '.join(self._values)} FROM {self._from}"

    def arguments(self, rows: Sequence[tuple[Any, ...]]) -> list[Sequence[object]]:
        """The parameters, in the order of their numbers."""
        if not rows:
            return [()] * self._width
        shared: dict[tuple[object, ...], int] = {}
        which = [shared.setdefault(has, len(shared) + 1) for has in map(self._shared_of, rows)]
        own = zip(*map(self._own_of, rows), strict=True)
        return [*own, *zip(*shared, strict=True), which]
