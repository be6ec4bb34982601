"""The counter's service (现场售票服务): sells, gives back, and looks after a clerk's day."""

from menpiao.centre.counter.service.counter import CounterService, SaleSlip
from menpiao.centre.counter.service.desk import ROLES, Clerk, make_ticket, read_ticket
from menpiao.centre.counter.service.returns import RefundSlip, ReturnService

__all__ = [
    "ROLES",
    "Clerk",
    "CounterService",
    "RefundSlip",
    "ReturnService",
    "SaleSlip",
    "make_ticket",
    "read_ticket",
]
