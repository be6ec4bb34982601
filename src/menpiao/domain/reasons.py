"""The one table of reasons: why a person is let in, sent away, or asked to do something.

Display, voice, slip, SMS, API, pages and documentation read this table and no other. The first
line on a lane's screen holds at most eight Chinese characters (patent part 304); what the person
must do next stands beside it.
"""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Codes are part of the published API: they are never renamed and never given a new meaning."""

    # admission: let in or out
    PASS = "pass"  # noqa: S105 - not a password
    EXIT_OK = "exit_ok"
    # admission: refused because of the ticket
    NO_TICKET = "no_ticket"
    UNPAID = "unpaid"
    CANCELLED = "cancelled"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    BLOCKED = "blocked"
    ALREADY_USED = "already_used"
    ALREADY_INSIDE = "already_inside"
    NO_REENTRY = "no_reentry"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    SLOT_EARLY = "slot_early"
    SLOT_LATE = "slot_late"
    WRONG_GATE = "wrong_gate"
    WRONG_SITE = "wrong_site"
    TOO_MANY_PEOPLE = "too_many_people"
    SITE_FULL = "site_full"
    SITE_CLOSED = "site_closed"
    DAILY_USED = "daily_used"
    VISITS_USED_UP = "visits_used_up"
    PASSBACK = "passback"
    CONCESSION_CHECK = "concession_check"
    ZONE_FULL = "zone_full"
    ZONE_NOT_INCLUDED = "zone_not_included"
    ZONE_USED_UP = "zone_used_up"
    NOT_INSIDE = "not_inside"
    LEAVE_FIRST = "leave_first"
    BARRED = "barred"
    DOCUMENT_EXPIRED = "document_expired"
    # admission: let in by a person of the house, or let through without a decision
    FORCED = "forced"
    WALK_THROUGH = "walk_through"
    # admission: taken back
    UNDONE = "undone"
    UNDO_TOO_LATE = "undo_too_late"
    UNDO_NOT_POSSIBLE = "undo_not_possible"
    # admission: refused because of the reading or the machine
    DOCUMENT_INVALID = "document_invalid"
    CODE_INVALID = "code_invalid"
    REREAD = "reread"
    NEEDS_STAFF = "needs_staff"
    MANUAL_LANE = "manual_lane"
    DEVICE_UNKNOWN = "device_unknown"
    DEVICE_REVOKED = "device_revoked"
    # sale
    SOLD = "sold"
    PRODUCT_UNKNOWN = "product_unknown"
    SLOT_UNKNOWN = "slot_unknown"
    NOT_ON_SALE = "not_on_sale"
    SALE_ENDED = "sale_ended"
    SLOT_FULL = "slot_full"
    DAY_FULL = "day_full"
    NO_VISITORS = "no_visitors"
    ORDER_TOO_LARGE = "order_too_large"
    DUPLICATE_DOCUMENT = "duplicate_document"
    DUPLICATE_IN_ORDER = "duplicate_in_order"
    DOCUMENT_TYPE_NOT_ACCEPTED = "document_type_not_accepted"
    NAME_INVALID = "name_invalid"
    PHONE_INVALID = "phone_invalid"
    PEOPLE_INVALID = "people_invalid"
    MINOR_ALONE = "minor_alone"
    EVIDENCE_NEEDED = "evidence_needed"
    SALE_AT_DESK = "sale_at_desk"
    PRICE_CHANGED = "price_changed"
    TOKEN_REUSED = "token_reused"  # noqa: S105 - not a password
    # orders and money
    ORDER_UNKNOWN = "order_unknown"
    ORDER_EXPIRED = "order_expired"
    ORDER_PAID = "order_paid"
    ORDER_CLOSED = "order_closed"
    PAYMENT_REFUSED = "payment_refused"
    PAYMENT_PENDING = "payment_pending"
    AMOUNT_DIFFERS = "amount_differs"
    NOT_REFUNDABLE = "not_refundable"
    TICKET_IN_USE = "ticket_in_use"
    REFUND_CHANGED = "refund_changed"
    # anywhere
    BAD_REQUEST = "bad_request"
    SITE_UNKNOWN = "site_unknown"
    NO_SUCH_ADDRESS = "no_such_address"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_LONG = "too_long"
    CONTENT_TYPE = "content_type"
    RATE_LIMITED = "rate_limited"
    FAULT = "fault"
    NOT_PERMITTED = "not_permitted"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Wording:
    """What one reason says.

    ``zh`` is the first line of a display (at most 8 Chinese characters) and, without figures, the
    spoken text; ``zh_next``/``en_next`` say what the person must do next (empty: nothing);
    ``voice`` is the key of the recorded clip.
    """

    zh: str
    en: str
    zh_next: str = ""
    en_next: str = ""
    voice: str = "refused"


_WINDOW = ("请到售票窗口", "Please go to the ticket window")
_STAFF = ("请到服务台", "Please see the staff")
_AGAIN = ("请修改后再提交", "Correct it and submit again")
_OTHER = ("请选择其他时段或日期", "Choose another slot or date")
_REBOOK = ("请重新预订", "Please book again")

WORDINGS: dict[Reason, Wording] = {
    Reason.PASS: Wording("请通行", "Please enter", voice="pass"),
    Reason.EXIT_OK: Wording("欢迎再次光临", "Come again", voice="thanks"),
    Reason.NO_TICKET: Wording("未查到订单", "No booking found", *_WINDOW, "no_order"),
    Reason.UNPAID: Wording(
        "订单未支付", "Not paid yet", "请先完成支付", "Please pay first", "unpaid"
    ),
    Reason.CANCELLED: Wording("门票已取消", "Ticket cancelled", *_WINDOW, "expired"),
    Reason.REFUNDING: Wording("退票处理中", "Refund in progress", *_STAFF, "needs_staff"),
    Reason.REFUNDED: Wording("门票已退款", "Ticket refunded", *_WINDOW, "expired"),
    Reason.BLOCKED: Wording("门票已锁定", "Ticket blocked", *_STAFF, "needs_staff"),
    Reason.ALREADY_USED: Wording("票已使用", "Already used", *_STAFF, "already_used"),
    Reason.ALREADY_INSIDE: Wording("已在园内", "Already inside", *_STAFF, "already_used"),
    Reason.NO_REENTRY: Wording("不可再次入园", "No re-entry", *_STAFF, "already_used"),
    Reason.NOT_YET: Wording(
        "未到使用日期", "Not valid yet", "请按票面日期入园", "Come on the date booked", "not_yet"
    ),
    Reason.EXPIRED: Wording("门票已过期", "Expired", *_WINDOW, "expired"),
    Reason.SLOT_EARLY: Wording(
        "未到入园时段", "Too early", "请稍候再来", "Please wait for your slot", "slot_early"
    ),
    Reason.SLOT_LATE: Wording("已过入园时段", "Slot has passed", *_STAFF, "expired"),
    Reason.WRONG_GATE: Wording(
        "请走其他入口", "Wrong entrance", "请按票面入口入园", "Use the gate named", "wrong_gate"
    ),
    Reason.WRONG_SITE: Wording("非本景点门票", "Not valid here", *_STAFF, "wrong_site"),
    Reason.TOO_MANY_PEOPLE: Wording(
        "人数超过票数", "More people than tickets", *_WINDOW, "too_many"
    ),
    Reason.SITE_FULL: Wording("园内人数已满", "Site is full", "请稍候", "Please wait", "full"),
    Reason.SITE_CLOSED: Wording("景区未开放", "Closed", *_STAFF, "closed"),
    Reason.DAILY_USED: Wording("今日已入园", "Used today", *_STAFF, "already_used"),
    Reason.VISITS_USED_UP: Wording("次数已用完", "No visits left", *_WINDOW, "already_used"),
    Reason.PASSBACK: Wording(
        "请勿重复刷证", "Just used", "请稍候再来", "Please wait a moment", "already_used"
    ),
    Reason.CONCESSION_CHECK: Wording(
        "请出示优惠证件",
        "Show your certificate",
        "由工作人员核验",
        "Staff will check it",
        "show_certificate",
    ),
    Reason.ZONE_FULL: Wording("本区人数已满", "Area is full", "请稍候", "Please wait", "full"),
    Reason.ZONE_NOT_INCLUDED: Wording("门票不含此景点", "Not included", *_WINDOW, "wrong_site"),
    Reason.ZONE_USED_UP: Wording("此景点次数已用完", "Entries used up", *_WINDOW, "already_used"),
    Reason.NOT_INSIDE: Wording(
        "请先入园", "Enter the park first", "请先从大门入园", "Pass a park gate first", "wrong_gate"
    ),
    Reason.LEAVE_FIRST: Wording(
        "请先离开前区",
        "Leave the other area",
        "请先刷证离开",
        "Check out there first",
        "wrong_gate",
    ),
    # Said in public: it must not tell those around why.
    Reason.BARRED: Wording("请联系工作人员", "Please contact staff", *_STAFF, "needs_staff"),
    Reason.DOCUMENT_EXPIRED: Wording("证件已过有效期", "Document expired", *_STAFF, "needs_staff"),
    Reason.FORCED: Wording("请通行", "Please enter", voice="pass"),
    Reason.WALK_THROUGH: Wording("请直接通行", "Please walk through", voice="walk_through"),
    Reason.UNDONE: Wording("已撤销", "Taken back", voice="thanks"),
    Reason.UNDO_TOO_LATE: Wording("已过撤销时限", "Too late to undo", *_STAFF),
    Reason.UNDO_NOT_POSSIBLE: Wording("无法撤销", "Cannot be undone", *_STAFF),
    Reason.DOCUMENT_INVALID: Wording("证件号码有误", "Number not valid", *_AGAIN, "needs_staff"),
    Reason.CODE_INVALID: Wording(
        "无法识别此码", "Unknown code", "请刷身份证或护照", "Use your ID card or passport"
    ),
    Reason.REREAD: Wording(
        "请重放身份证", "Place the card again", "平放至提示音", "Hold it until the tone", "reread"
    ),
    Reason.NEEDS_STAFF: Wording("请到服务台", "Please see staff", voice="needs_staff"),
    Reason.MANUAL_LANE: Wording(
        "请走人工通道", "Use the staffed lane", "网络异常", "Connection problem", "manual_lane"
    ),
    Reason.DEVICE_UNKNOWN: Wording("设备未登记", "Device not enrolled", *_STAFF, "manual_lane"),
    Reason.DEVICE_REVOKED: Wording("设备已停用", "Device revoked", *_STAFF, "manual_lane"),
    Reason.SOLD: Wording("订票成功", "Booked", voice="pass"),
    Reason.PRODUCT_UNKNOWN: Wording("无此票种", "No such product", *_AGAIN),
    Reason.SLOT_UNKNOWN: Wording("无此时段", "No such slot", *_OTHER),
    Reason.NOT_ON_SALE: Wording("尚未开售", "Not on sale yet", *_OTHER),
    Reason.SALE_ENDED: Wording("已停止销售", "Sale has ended", *_OTHER),
    Reason.SLOT_FULL: Wording("本时段已约满", "Slot is full", *_OTHER),
    Reason.DAY_FULL: Wording("当日已约满", "Day is full", *_OTHER),
    Reason.NO_VISITORS: Wording("请填写游客", "No visitors given", *_AGAIN),
    Reason.ORDER_TOO_LARGE: Wording("超过每单人数", "Too many in one order", *_AGAIN),
    Reason.DUPLICATE_DOCUMENT: Wording("该证件已预订", "Document already booked", *_OTHER),
    Reason.DUPLICATE_IN_ORDER: Wording("证件号码重复", "Document given twice", *_AGAIN),
    Reason.DOCUMENT_TYPE_NOT_ACCEPTED: Wording("证件类型不适用", "Document not accepted", *_AGAIN),
    Reason.NAME_INVALID: Wording("姓名有误", "Name not valid", *_AGAIN),
    Reason.PHONE_INVALID: Wording("手机号有误", "Phone not valid", *_AGAIN),
    Reason.PEOPLE_INVALID: Wording("人数有误", "People count not valid", *_AGAIN),
    Reason.MINOR_ALONE: Wording(
        "儿童须成人陪同", "Child needs an adult", "请添加成人游客", "Add an adult visitor"
    ),
    Reason.EVIDENCE_NEEDED: Wording("须验证优惠证件", "Certificate needed", *_WINDOW),
    # Neither code nor text tells those who book for others that a document is barred.
    Reason.SALE_AT_DESK: Wording("请到服务台办理", "Please go to the service desk"),
    Reason.PRICE_CHANGED: Wording(
        "价格已变动", "Price has changed", "请核对后再提交", "Check again"
    ),
    Reason.TOKEN_REUSED: Wording("订单内容不一致", "Order token reused", *_REBOOK),
    Reason.ORDER_UNKNOWN: Wording("未查到订单", "Order not found", *_AGAIN),
    Reason.ORDER_EXPIRED: Wording("订单已超时", "Order has expired", *_REBOOK),
    Reason.ORDER_PAID: Wording("订单已支付", "Order is paid"),
    Reason.ORDER_CLOSED: Wording("订单已关闭", "Order is closed", *_REBOOK),
    Reason.PAYMENT_REFUSED: Wording(
        "支付未成功", "Payment refused", "请换一种方式支付", "Pay in another way"
    ),
    Reason.PAYMENT_PENDING: Wording("等待支付", "Waiting for payment", "请完成支付", "Please pay"),
    Reason.AMOUNT_DIFFERS: Wording("金额不一致", "Amount differs", *_STAFF),
    Reason.NOT_REFUNDABLE: Wording("不可退票", "Not refundable", *_STAFF),
    Reason.TICKET_IN_USE: Wording("门票已使用", "Ticket was used", *_STAFF),
    Reason.REFUND_CHANGED: Wording(
        "退款金额已变动", "Refund has changed", "请核对后再提交", "Check again"
    ),
    Reason.BAD_REQUEST: Wording("请求有误", "Bad request", *_AGAIN),
    Reason.SITE_UNKNOWN: Wording("无此景区", "No such site", *_AGAIN),
    Reason.NO_SUCH_ADDRESS: Wording("无此地址", "No such address", *_AGAIN),
    Reason.METHOD_NOT_ALLOWED: Wording("不支持此操作", "Method not allowed", *_AGAIN),
    Reason.TOO_LONG: Wording("内容过长", "Too long", *_AGAIN),
    Reason.CONTENT_TYPE: Wording("内容类型不符", "Wrong content type", *_AGAIN),
    Reason.RATE_LIMITED: Wording(
        "请求过于频繁", "Too many requests", "请稍候再试", "Please try again shortly"
    ),
    Reason.FAULT: Wording("系统故障", "Internal error", *_STAFF),
    Reason.NOT_PERMITTED: Wording("无此权限", "Not permitted", *_STAFF),
    Reason.BUSY: Wording("系统繁忙", "Busy", "请稍候再试", "Please try again shortly"),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal is a value: a code, and the field or fact that it is about.

    ``detail`` is for the one who can act (a field name, a time, a gate); it never holds a
    document number.
    """

    reason: Reason
    detail: str = ""
    field: str = ""

    @property
    def wording(self) -> Wording:
        """The texts of this refusal's reason."""
        return WORDINGS[self.reason]
