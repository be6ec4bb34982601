"""Places: a slot of a product, and the site's ceiling for the day over all channels."""

from datetime import date, datetime
from typing import NamedTuple

from menpiao.domain.reasons import Reason, Refusal

LEVELS: tuple[tuple[int, str], ...] = ((95, "red"), (90, "orange"), (80, "yellow"))
"""Percent of the ceiling and level (LB/T 068-2017), highest first."""


class Slot(NamedTuple):
    """A stretch of time in which a number of people may enter."""

    id: int
    site_id: int
    product_id: int
    visit_date: date
    starts_at: datetime
    ends_at: datetime
    capacity: int
    sold: int


class Day(NamedTuple):
    """The ceiling of a site on a day (旅游法 art. 45), over all products and channels."""

    site_id: int
    visit_date: date
    capacity: int
    sold: int


def remaining(slot: Slot, day: Day) -> int:
    """How many places can still be sold; never negative."""
    return max(0, min(slot.capacity - slot.sold, day.capacity - day.sold))


def take(slot: Slot, day: Day, people: int) -> tuple[Slot, Day] | Refusal:
    """Take places from both, or say which of them is full."""
    if day.sold + people > day.capacity:
        return Refusal(Reason.DAY_FULL, str(max(0, day.capacity - day.sold)))
    if slot.sold + people > slot.capacity:
        return Refusal(Reason.SLOT_FULL, str(max(0, slot.capacity - slot.sold)))
    # By place, as `sold` is the last: this is done under the lock, for every sale.
    return Slot(*slot[:-1], slot.sold + people), Day(*day[:-1], day.sold + people)


def is_full(people: int, ceiling: int) -> bool:
    """Whether a place with so many people in it lets nobody else in."""
    return people >= ceiling


def level(count: int, ceiling: int) -> str:
    """The warning level of a count against its ceiling; empty below the lowest."""
    if ceiling <= 0:
        return "red"
    percent = count * 100 / ceiling
    return next((name for least, name in LEVELS if percent >= least), "")
