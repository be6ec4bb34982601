"""What a channel asks the selling core for, and what it gets."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from menpiao.domain.booking import SaleRequest


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a channel asks the core to sell.

    ``token`` is the channel's own key for this order: asking again with the same content gives the
    same order. ``provider``: who takes the money (``wechat``, ``cash``); cash is paid at once.
    ``auth_code``: the payment code that the visitor shows at the till, for the provider to charge.
    """

    site_id: int
    token: str
    channel: str
    request: SaleRequest
    provider: str = "wechat"
    language: str = "zh-hans"
    staff_id: int | None = None
    auth_code: str = field(default="", repr=False)


class Sold(NamedTuple):
    """An order that exists: new, or made by an earlier asking with the same token."""

    order_id: int
    total_fen: int
    state: str
    expires_at: datetime | None
