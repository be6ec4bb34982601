"""Reports and what they say about messages: pure rules, used wherever a report is matched."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from menpiao.centre.messaging.channel import Delivery, Receipt, plain_number

REPORT_WAIT: Final = timedelta(hours=48)
"""No report after this long: a message stays ``sent``, an unknown one stays unknown."""
CHINA: Final = ZoneInfo("Asia/Shanghai")
_NEAR: Final = timedelta(minutes=2)

# On the way: a final report follows.
_INTERMEDIATE: Final = {"", "ACCEPTD", "ENROUTE"}


def delivery_of(stat: str) -> Delivery | None:
    """What Stat means; None while the message is on its way.

    EXPIRED, DELETED, UNDELIV, REJECTD and UNKNOWN are failures; so is any other word: hops report
    as ``MA:0001``, makers add codes of their own, and none of them means success.
    """
    word = stat.strip().upper()
    if word in _INTERMEDIATE:
        return None
    return Delivery.DELIVERED if word == "DELIVRD" else Delivery.FAILED


def minute_of(text: str) -> datetime | None:
    """YYMMDDHHMM of a gateway in China; None when it is no time."""
    if len(text) != 10 or not text.isascii() or not text.isdigit():
        return None
    try:
        return datetime.strptime(text, "%y%m%d%H%M").replace(tzinfo=CHINA)
    except ValueError:
        return None


def settle(parts: int, deliveries: Mapping[str, Delivery]) -> Delivery | None:
    """The whole message: failed when one part failed, delivered when all are."""
    if Delivery.FAILED in deliveries.values():
        return Delivery.FAILED
    return Delivery.DELIVERED if len(deliveries) >= parts else None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A message of which it is not known whether the operator took it."""

    key: tuple[int, int]
    number: str
    tried_at: datetime
    parts: int
    refs: Collection[str]


def match_by_number(receipt: Receipt, unknown: Iterable[Unanswered]) -> Unanswered | None:
    """The one unknown message to this number submitted about that minute; None when in doubt."""
    if receipt.submitted_at is None:
        return None
    number = plain_number(receipt.number)
    near = [
        message
        for message in unknown
        if plain_number(message.number) == number
        and len(message.refs) < message.parts
        and abs(receipt.submitted_at - message.tried_at) < _NEAR
    ]
    return near[0] if len(near) == 1 else None
