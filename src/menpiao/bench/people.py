"""Synthetic people: numbers that are valid, distinct, and nobody's."""

from collections.abc import Iterator
from datetime import date, timedelta

from menpiao.domain.document import resident_number

_FIRST = date(1950, 1, 1)
_DAYS = 18000


def numbers(start: int = 0) -> Iterator[str]:
    """Distinct resident numbers of adults, from the ``start``-th on; eighteen million of them."""
    for n in range(start, _DAYS * 999):
        yield resident_number("110105", _FIRST + timedelta(days=n % _DAYS), 1 + n // _DAYS)
