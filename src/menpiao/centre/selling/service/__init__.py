"""The face of the selling core (售票核心): sell, and change orders because of money."""

from menpiao.centre.selling.service.laying import SlotLayer
from menpiao.centre.selling.service.payments import PaymentCore, Settled
from menpiao.centre.selling.service.purchase import Purchase, Sold
from menpiao.centre.selling.service.refunds import (
    RefundAsked,
    RefundAsker,
    RefundCore,
    RefundTerms,
    would_return,
)
from menpiao.centre.selling.service.sell import Posted, SellingService

__all__ = [
    "PaymentCore",
    "Posted",
    "Purchase",
    "RefundAsked",
    "RefundAsker",
    "RefundCore",
    "RefundTerms",
    "SellingService",
    "Settled",
    "SlotLayer",
    "Sold",
    "would_return",
]
