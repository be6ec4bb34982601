"""The clock of the site that a test has: every park of the tests is in China."""

import time
from datetime import date, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
LONGEST_S = 45.0
"""What a test may take that asks for the day more than once."""


def site_now() -> datetime:
    """The time at the site."""
    return datetime.now(ZONE)


def site_today() -> date:
    """The date at the site; it may be another one in the next test of the same file."""
    return site_now().date()


def stay_within_a_day() -> None:
    """Shortly before the site's midnight wait until it is past, so that a test has one day."""
    while (left_s := 86_400 - (time.time() + 8 * 3600) % 86_400) < LONGEST_S:
        time.sleep(left_s)
