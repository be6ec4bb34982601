"""Visitors who do not exist, in believable proportions: where from, how old, with whom."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final

from menpiao.domain.document import resident_number

ORIGINS: Final[tuple[tuple[str, int], ...]] = (
    ("330106", 150), ("330203", 60), ("330302", 50), ("310104", 110), ("310115", 60),
    ("320102", 70), ("320505", 80), ("320305", 30), ("340104", 60), ("341002", 30),
    ("360103", 35), ("350102", 30), ("350203", 20), ("370102", 30), ("370203", 25),
    ("410102", 30), ("420106", 35), ("430102", 25), ("440106", 35), ("440305", 30),
    ("110105", 40), ("120101", 12), ("130102", 12), ("510104", 22), ("500103", 14),
    ("610103", 14), ("210102", 10), ("230102", 8), ("450103", 8), ("530102", 8),
)  # fmt: skip
"""Region code of first registration, and its share: neighbours come most."""
AGES: Final = ((3, 6, 5), (7, 17, 13), (18, 24, 16), (25, 34, 24), (35, 44, 18), (45, 59, 14),
               (60, 64, 5), (65, 69, 3), (70, 82, 2))  # fmt: skip
"""First and last age in years, and its share."""
_FAMILY_NAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗郑梁谢宋唐许邓冯韩曹"
_GIVEN_NAMES: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂宁欣雨晨浩宇轩梓"
PARTY_SIZES: Final = (1, 1, 2, 2, 2, 3, 3, 4)


@dataclass(frozen=True, slots=True)
class Person:
    """A synthetic visitor with a resident card."""

    name: str
    number: str = field(repr=False)
    age: int


def make_person(chance: Random, today: date, first: int, last: int) -> Person:
    """Somebody of ``first`` to ``last`` years."""
    age = chance.randint(first, last)
    born = today.replace(month=1, day=1) - timedelta(days=365 * age + 180 + chance.randrange(180))
    region = chance.choices([code for code, _ in ORIGINS], [share for _, share in ORIGINS])[0]
    name = chance.choice(_FAMILY_NAMES) + "".join(
        chance.choices(_GIVEN_NAMES, k=chance.choice((1, 2, 2)))
    )
    return Person(name, resident_number(region, born, chance.randrange(1, 999)), age)


def make_party(chance: Random, today: date) -> tuple[Person, ...]:
    """One order's visitors: the first is grown up, since children do not travel alone."""
    size = chance.choice(PARTY_SIZES)
    leader = make_person(chance, today, 19, 72)
    shares = [share for *_, share in AGES]
    others = []
    for _ in range(size - 1):
        first, last, _ = chance.choices(AGES, shares)[0]
        others.append(make_person(chance, today, first, last))
    return leader, *others


def telephone(chance: Random) -> str:
    """A mobile number of a range that only this simulation uses."""
    return f"1380000{chance.randrange(10_000):04d}"
