"""A year of believable visitor flow, made from a seed: the same seed and day, the same figures.

Seasons, weekends, public holidays and weather make a day's number; a mountain park's two waves,
and the few who climb at night for the sunrise, make its curve.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import Final

from menpiao.domain.document import DocumentType, resident_number
from menpiao.domain.document_facts import age_band, origin
from menpiao.domain.document_types import Document
from menpiao.simulation.demo.people import AGES, ORIGINS

SEED: Final = 20_260_101
STRETCHES: Final = 288
"""Five-minute stretches of a day."""
_BASE: Final = 4200
_SEASON: Final = (0.35, 0.55, 0.8, 1.15, 1.2, 0.85, 1.15, 1.2, 0.9, 1.2, 0.8, 0.4)
_WEEKDAY: Final = (0.8, 0.75, 0.78, 0.8, 1.0, 1.75, 1.5)
_NEW_YEAR: Final = {2024: (2, 10), 2025: (1, 29), 2026: (2, 17), 2027: (2, 6), 2028: (1, 26),
                    2029: (2, 13), 2030: (2, 3)}  # fmt: skip
"""First day of the lunar year."""
_WAVES: Final = ((0.62, 9.4, 1.1), (0.25, 13.4, 1.0), (0.08, 4.3, 0.9), (0.05, 16.0, 0.9))
"""Share, hour and spread in hours of each wave of arrivals."""
_STAY_H: Final = (4.2, 1.3)
_REFUSED: Final = 0.015
_REENTRIES: Final = 1.03
_GATE_SHARES: Final = (0.45, 0.3, 0.25)
_DAY_MAX: Final = 19_500


@dataclass(frozen=True, slots=True)
class DayOfFlow:
    """A local day.

    ``stretches``: (number from midnight, gate id, entries, exits, refused);
    ``visitors``: (province, city, age band, sex, people).
    """

    stretches: list[tuple[int, int, int, int, int]]
    visitors: list[tuple[str, str, str, str, int]]


def visitors_of_day(seed: int, day: date) -> int:
    """How many people come on a day."""
    chance = Random(f"{seed}:weather:{day}")
    weather = math.exp(chance.gauss(0, 0.13)) * (0.55 if chance.random() < 0.12 else 1.0)
    factor = _holiday(day) or _WEEKDAY[day.weekday()]
    return max(260, min(_DAY_MAX, round(_BASE * _SEASON[day.month - 1] * factor * weather)))


def _holiday(day: date) -> float | None:
    if day.month == 10 and day.day <= 7:
        return (3.0, 3.6, 3.4, 3.1, 2.6, 2.0, 1.3)[day.day - 1]
    if day.month == 5 and day.day <= 5:
        return (2.6, 2.9, 2.6, 2.0, 1.2)[day.day - 1]
    if day.month == 4 and 4 <= day.day <= 6:
        return 1.9
    if (day.month, day.day) == (1, 1):
        return 2.2
    if day.year in _NEW_YEAR:
        since = (day - date(day.year, *_NEW_YEAR[day.year])).days
        if 0 <= since <= 6:
            return (2.0, 4.0, 4.6, 4.4, 3.8, 3.0, 2.0)[since]
    return None


def make_day(
    seed: int, day: date, entry_gates: Sequence[int], exit_gates: Sequence[int], until: int
) -> DayOfFlow:
    """A day's flow up to the stretch ``until`` (288: the whole day)."""
    chance = Random(f"{seed}:{day}")
    total = visitors_of_day(seed, day)
    stretches: list[tuple[int, int, int, int, int]] = []
    entered = left = 0
    arrivals, departures = _curves()
    for number in range(until):
        expected = _about(chance, total * _REENTRIES * arrivals[number])
        by_gate = [
            (gate, round(expected * s)) for s, gate in zip(_GATE_SHARES, entry_gates, strict=False)
        ]
        came = sum(people for _, people in by_gate)
        went = _about(chance, total * _REENTRIES * departures[number])
        # Nobody leaves who has not come, and by midnight everybody has left.
        went = min(went, entered - left) if number < STRETCHES - 1 else entered + came - left
        entered, left = entered + came, left + went
        for gate, people in by_gate:
            refused = _about(chance, people * _REFUSED)
            if people or refused:
                stretches.append((number, gate, people, 0, refused))
        if went and exit_gates:
            stretches.append((number, exit_gates[0], 0, went, 0))
    came_in = sum(entries for _, _, entries, _, _ in stretches)
    return DayOfFlow(stretches, _described(chance, round(came_in / _REENTRIES)))


def _about(chance: Random, expected: float) -> int:
    """A number that scatters around what is expected, as counts do."""
    return max(0, round(chance.gauss(expected, math.sqrt(expected)))) if expected > 0.02 else 0


@cache
def _curves() -> tuple[list[float], list[float]]:
    """Shares of a day's arrivals and departures, by stretch."""
    arrivals = [
        sum(s / w * math.exp(-(((n / 12 - at) / w) ** 2) / 2) for s, at, w in _WAVES)
        for n in range(STRETCHES)
    ]
    departures = [0.0] * STRETCHES
    mean, spread = _STAY_H[0] * 12, _STAY_H[1] * 12
    stay = [math.exp(-(((lag - mean) / spread) ** 2) / 2) for lag in range(6, 130)]
    for at, share in enumerate(arrivals):
        for lag, likely in enumerate(stay, 6):
            departures[min(at + lag, STRETCHES - 1)] += share * likely
    return [a / sum(arrivals) for a in arrivals], [d / sum(departures) for d in departures]


@cache
def _places() -> list[tuple[str, str, float]]:
    """Province, city and share, as tickets of these registrations would have them."""
    whole = sum(share for _, share in ORIGINS)
    found: Counter[tuple[str, str]] = Counter()
    for code, share in ORIGINS:
        number = resident_number(code, date(1990, 1, 1), 1)
        home = origin(Document(DocumentType.RESIDENT, number))
        found[home.province_code or "", home.prefecture] += share
    return [(province, city, share / whole) for (province, city), share in found.items()]


def _described(chance: Random, people: int) -> list[tuple[str, str, str, str, int]]:
    bands = [(age_band(first), share / 100) for first, _, share in AGES]
    rows = []
    for province, city, here in [*_places(), ("", "", 0.012)]:
        for band, old in bands:
            for sex, half in (("female", 0.53), ("male", 0.47)):
                count = int(people * here * old * half + chance.random())
                if count:
                    rows.append((province, city, band, sex, count))
    return rows


def days_before(today: date, count: int = 365) -> list[date]:
    """The days of the history, today last."""
    return [today - timedelta(days=n) for n in range(count, -1, -1)]
