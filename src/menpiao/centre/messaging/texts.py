"""The texts of short messages, as data: Chinese and English, without a link.

The identity card is the ticket, so a notice needs number, date, people and place, and nothing that
an operator's filter against links and telephone numbers could stop. The signature 【…】 stands in
front and is billed like the rest; up to 70 characters are one message.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from menpiao.domain.money import yuan

CONFIRMATION: Final = "order.confirmation"
REFUNDED: Final = "refund.done"
REFUND_FAILED: Final = "refund.failed"
"""The platform cannot deliver the money: the buyer must come to the desk."""

TEMPLATES: Final[dict[str, dict[str, str]]] = {
    CONFIRMATION: {
        "zh": "【{signature}】订单{order}已确认：{when}，{product}{people}。"
        "凭购票所用证件原件在{place}刷证入园，无需换票。",
        "en": "【{signature}】Order {order} confirmed: {when}, {product}, {people}."
        " Enter at {place} with the ID document used for booking. No paper ticket needed.",
    },
    REFUNDED: {
        "zh": "【{signature}】订单{order}退款{amount}元，{way}。",
        "en": "【{signature}】Order {order}: CNY {amount} refunded {way}.",
    },
    REFUND_FAILED: {
        "zh": "【{signature}】订单{order}退款{amount}元未能退回原付款账户，"
        "请携购票所用证件到售票窗口办理。",
        "en": "【{signature}】Order {order}: the refund of CNY {amount} could not be paid to the"
        " account you paid from. Please come to the ticket office with the ID document used"
        " for booking.",
    },
}
_WAYS: Final = {
    "zh": {True: "已现金退还", False: "已退回原付款账户"},
    "en": {True: "in cash", False: "to the account you paid from"},
}
_ANY_GATE: Final = {"zh": "任一入口", "en": "any entrance"}
# Longer names would push a notice into a second and third message that is paid for.
_NAME_MAX: Final = {"zh": 14, "en": 40}
_GATES_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a confirmation tells; times are the site's local time."""

    signature: str
    order: str
    product: str
    starts_at: datetime
    ends_at: datetime
    people: int
    gates: tuple[str, ...] = ()
    """Entrances that let the ticket in; none named: all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repayment:
    """What a message about a refund tells."""

    signature: str
    order: str
    amount_fen: int
    cash: bool = False
    """Paid back by hand instead of to the account that paid."""


def language_of(code: str) -> str:
    """``zh`` or ``en`` for an order's language; Chinese when in doubt."""
    return "en" if code.lower().startswith("en") else "zh"


def render(kind: str, language: str, told: Visit | Repayment) -> str:
    """The text of a message, ready to be sent.

    Raises:
        KeyError: there is no such template, or it is for something else.
    """
    template = TEMPLATES[kind][language]
    if isinstance(told, Repayment):
        return template.format(
            signature=_name(told.signature, language),
            order=told.order,
            amount=yuan(told.amount_fen),
            way=_WAYS[language][told.cash],
        )
    visit = told
    separator = "、" if language == "zh" else ", "
    gates = [_name(gate, language) for gate in visit.gates[:_GATES_MAX] if gate.strip()]
    if len(visit.gates) > _GATES_MAX:
        gates = []
    return template.format(
        signature=_name(visit.signature, language),
        order=visit.order,
        when=_WHEN[language](visit.starts_at, visit.ends_at),
        product=_name(visit.product, language),
        people=_people(visit.people, language),
        place=separator.join(gates) or _ANY_GATE[language],
    )


def _chinese_time(starts_at: datetime, ends_at: datetime) -> str:
    return f"{starts_at.month}月{starts_at.day}日{starts_at:%H:%M}-{ends_at:%H:%M}"


def _english_time(starts_at: datetime, ends_at: datetime) -> str:
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    month = months[starts_at.month - 1]
    return f"{starts_at.day} {month} {starts_at:%H:%M}-{ends_at:%H:%M}"


_WHEN: Final[dict[str, Callable[[datetime, datetime], str]]] = {
    "zh": _chinese_time,
    "en": _english_time,
}


def _people(count: int, language: str) -> str:
    if language == "zh":
        return f"{count}人"
    return "1 person" if count == 1 else f"{count} people"


def _name(text: str, language: str) -> str:
    """A name on one line, without brackets that would look like a second signature."""
    line = " ".join(text.split()).replace("【", "").replace("】", "")
    most = _NAME_MAX[language]
    return line if len(line) <= most else line[: most - 1] + "…"
