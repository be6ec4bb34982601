"""The booking server's doors for machines, version 1 (patent part 703)."""

from menpiao.centre.doors.table import Door, Table
from menpiao.domain.reasons import Reason
from menpiao.wire.booking import (
    Booked,
    BookingRequest,
    CancelAsked,
    DayAvailability,
    DaysQuery,
    OrderPath,
    OrderSecret,
    OrderView,
    ProductPath,
    QuoteResult,
    RefundQuote,
    SlotAvailability,
    SlotsQuery,
)

_BASE = "/booking/v1"
_LONGEST_BODY = 32 * 1024
# What the rules of a sale may refuse, whether it is only priced or made.
_RULES = (
    Reason.PRODUCT_UNKNOWN,
    Reason.SLOT_UNKNOWN,
    Reason.NOT_ON_SALE,
    Reason.SALE_ENDED,
    Reason.NO_VISITORS,
    Reason.ORDER_TOO_LARGE,
    Reason.DUPLICATE_IN_ORDER,
    Reason.DOCUMENT_INVALID,
    Reason.DOCUMENT_TYPE_NOT_ACCEPTED,
    Reason.NAME_INVALID,
    Reason.PHONE_INVALID,
    Reason.PEOPLE_INVALID,
    Reason.MINOR_ALONE,
    Reason.SALE_AT_DESK,
    Reason.PRICE_CHANGED,
)

DAYS = Door(
    name="days",
    method="GET",
    path=f"{_BASE}/products/{{product_id}}/days",
    zh="一种门票按日的余量",
    en="Places of a product by day",
    path_values=ProductPath,
    query=DaysQuery,
    answer=list[DayAvailability],
    refuses=(Reason.PRODUCT_UNKNOWN,),
)
SLOTS = Door(
    name="slots",
    method="GET",
    path=f"{_BASE}/products/{{product_id}}/slots",
    zh="一种门票某日各时段的余量",
    en="Places of a product by slot of a day",
    path_values=ProductPath,
    query=SlotsQuery,
    answer=list[SlotAvailability],
    refuses=(Reason.PRODUCT_UNKNOWN,),
)
QUOTE = Door(
    name="quote",
    method="POST",
    path=f"{_BASE}/quotes",
    zh="试算价格，不占余量",
    en="What a booking would cost; takes no places",
    body=BookingRequest,
    longest=_LONGEST_BODY,
    answer=QuoteResult,
    refuses=_RULES,
)
BOOK = Door(
    name="book",
    method="POST",
    path=f"{_BASE}/orders",
    zh="下单；同一 token 重复提交得到同一订单",
    en="Book; the same token again gives the same order",
    body=BookingRequest,
    longest=_LONGEST_BODY,
    answer=Booked,
    status=201,
    refuses=(
        *_RULES,
        Reason.SLOT_FULL,
        Reason.DAY_FULL,
        Reason.DUPLICATE_DOCUMENT,
        Reason.TOKEN_REUSED,
    ),
)
ORDER = Door(
    name="order",
    method="GET",
    path=f"{_BASE}/orders/{{order_no}}",
    zh="凭订单号与密钥查询订单",
    en="An order, for whoever has its number and its secret",
    path_values=OrderPath,
    headers=OrderSecret,
    answer=OrderView,
    refuses=(Reason.ORDER_UNKNOWN,),
)

_CANCEL_RULES = (
    Reason.ORDER_UNKNOWN,
    Reason.ORDER_PAID,
    Reason.UNPAID,
    Reason.REFUNDING,
    Reason.REFUNDED,
    Reason.CANCELLED,
    Reason.ORDER_CLOSED,
    Reason.ORDER_EXPIRED,
    Reason.BLOCKED,
    Reason.TICKET_IN_USE,
    Reason.NOT_REFUNDABLE,
    Reason.MINOR_ALONE,
)
REFUND_QUOTE = Door(
    name="refund_quote",
    method="POST",
    path=f"{_BASE}/orders/{{order_no}}/refund-quotes",
    zh="试算退款，不改变订单",
    en="What giving tickets back would return now; changes nothing",
    path_values=OrderPath,
    headers=OrderSecret,
    body=CancelAsked,
    answer=RefundQuote,
    refuses=_CANCEL_RULES,
)
CANCEL = Door(
    name="cancel",
    method="POST",
    path=f"{_BASE}/orders/{{order_no}}/cancellation",
    zh="取消未支付订单，或按退票规则退票；重复提交得到同一结果",
    en="Give an unpaid order up, or give tickets back by the refund rule; again: the same answer",
    path_values=OrderPath,
    headers=OrderSecret,
    body=CancelAsked,
    answer=OrderView,
    refuses=(*_CANCEL_RULES, Reason.REFUND_CHANGED),
)

TABLE = Table(
    server="booking",
    base=_BASE,
    zh="远程订票服务器（703）：余量、报价、下单、查询、退票",
    en="Booking server (703): places, quotes, orders, refunds",
    doors=(DAYS, SLOTS, QUOTE, BOOK, ORDER, REFUND_QUOTE, CANCEL),
)
