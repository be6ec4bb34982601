"""Filters for what every page shows: money, dates and times of the site, texts by language."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from menpiao.domain import money

register = template.Library()


def is_english() -> bool:
    """Whether the page is being written in English."""
    return (get_language() or "").startswith("en")


@register.filter
def yuan(amount_fen: int) -> str:
    """An amount for people: ``¥120`` or ``¥60.50``."""
    return "¥" + money.yuan(amount_fen).removesuffix(".00")


@register.filter
def text_of(thing: object, attribute: str) -> str:
    """A text of a thing in the page's language; Chinese where there is no English one."""
    chinese = getattr(thing, attribute, None) or getattr(thing, f"{attribute}_zh", "")
    english = getattr(thing, f"{attribute}_en", "")
    return str(english if is_english() and english else chinese)


@register.filter
def clock(moment: datetime, zone: str) -> str:
    """The time of day at the site; the last second of an hour reads as the full hour."""
    local = moment.astimezone(ZoneInfo(zone))
    if (local.minute, local.second) == (59, 59):
        return f"{local.hour + 1:02d}:00"
    return f"{local:%H:%M}"


@register.filter
def clock_s(moment: datetime, zone: str) -> str:
    """The time of day at the site, with seconds."""
    return f"{moment.astimezone(ZoneInfo(zone)):%H:%M:%S}"


@register.filter
def clock_day(moment: datetime, zone: str) -> str:
    """Month, day and time of day at the site, with seconds: of a list that goes back days."""
    return f"{moment.astimezone(ZoneInfo(zone)):%m-%d %H:%M:%S}"


@register.filter
def ago(seconds: int) -> str:
    """How long ago something was; a script may count it on (``data-ago``)."""
    if seconds < 60:
        text = _("{n} 秒前").format(n=seconds)
    elif seconds < 3600:
        text = _("{n} 分钟前").format(n=seconds // 60)
    else:
        text = _("{n} 小时前").format(n=seconds // 3600)
    return format_html('<span data-ago="{}">{}</span>', seconds, text)


@register.filter
def day(value: date) -> str:
    """A date with its weekday, as people say it."""
    if is_english():
        return f"{value:%a}, {value.day} {value:%B %Y}"
    return f"{value.year}年{value.month}月{value.day}日 周{'一二三四五六日'[value.weekday()]}"


@register.filter
def moment(value: datetime, zone: str) -> str:
    """A day and a time of day at the site; midnight is the end of the day before."""
    local = value.astimezone(ZoneInfo(zone))
    if (local.hour, local.minute, local.second) == (23, 59, 59):
        local += timedelta(seconds=1)
    at = f"{local:%H:%M}"
    if at == "00:00":
        local, at = local - timedelta(days=1), "24:00"
    if is_english():
        return f"{at} on {local.day} {local:%B %Y}"
    return f"{local.year}年{local.month}月{local.day}日 {at}"


@register.filter
def month(value: date) -> str:
    """A month with its year."""
    return f"{value:%B %Y}" if is_english() else f"{value.year}年{value.month}月"


_STATES = {
    "awaiting_payment": lambda: _("待支付"),
    "paid": lambda: _("已支付"),
    "expired": lambda: _("已超时"),
    "held": lambda: _("待支付"),
    "valid": lambda: _("可使用"),
    "refunding": lambda: _("退款中"),
    "refunded": lambda: _("已退款"),
    "cancelled": lambda: _("已取消"),
    "blocked": lambda: _("已锁定"),
}


_REFUNDS = {
    "requested": lambda: _("退款中"),
    "submitted": lambda: _("退款中"),
    "done": lambda: _("已退回"),
    "abnormal": lambda: _("未到账，请联系服务电话"),
    "closed": lambda: _("未到账，请联系服务电话"),
}


@register.filter
def refund_word(state: str) -> str:
    """The word for a state of a refund."""
    word = _REFUNDS.get(state)
    return word() if word else state


@register.filter
def state_word(state: str) -> str:
    """The word for a state of an order or a ticket."""
    word = _STATES.get(state)
    return word() if word else state
