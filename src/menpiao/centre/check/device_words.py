"""What the pages of terminals call states, tasks and settings, and how they mark them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from menpiao.centre.check.service.devices import DeviceNow, TaskLine
from menpiao.centre.check.service.states import CommandLine, version_alarms
from menpiao.centre.check.words import Sign, alarm, word
from menpiao.wire.fleet import SETTINGS

SETTING_WORDS: Final[Mapping[str, Any]] = {
    "hold_s": _("结果在屏上停留"),
    "least_show_s": _("下一位已有结果时，上一结果至少停留"),
    "ask_timeout_s": _("等中心答复的时限，之后转人工"),
    "checking_after_s": _("多久没有答复就显示“核验中”"),
    "same_card_s": _("同一张卡多久内算同一次"),
    "repeat_nonce_s": _("没有答复的卡多久内按同一次重问"),
    "pass_within_s": _("开闸后每人通过的时限"),
    "notice_s": _("“显示文字”停留"),
    "answer_within_s": _("中心多久没有答复就由本机核验"),
    "oldest_s": _("离线数据多旧就不再使用"),
    "check_s": _("多久查看一次规则有无变化"),
}
_TASKS: Final[Mapping[str, Any]] = {
    "roll_key": _("更换密钥"),
    "logs": _("取日志"),
    "revoke": _("停用终端"),
    "enrol_code": _("发放登记码"),
    "show": _("显示文字"),
    "reload": _("重新载入配置"),
}
_RESULTS: Final[Mapping[str, Any]] = {
    "done": _("已完成"),
    "failed": _("未成功"),
    "expired": _("超时未执行"),
    "device_revoked": _("终端已停用"),
    "not_supported": _("该终端没有此功能"),
    "not for this terminal": _("该终端不接受设置"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A line of the table of what was asked of a terminal; ``waited_s`` while it waits."""

    at: datetime
    action: str
    sign: Sign
    waited_s: int | None
    reason: str
    staff: str


def standing(device: DeviceNow) -> Sign:
    """How a terminal is, in a word."""
    if device.revoked_at is not None:
        return Sign("quiet", gettext("已停用"))
    if device.up:
        return Sign("good", gettext("在线"))
    if device.heard_at is None:
        return Sign("warn", gettext("从未上线"))
    return Sign("bad", gettext("离线"))


def alarms(device: DeviceNow) -> list[Sign]:
    """What is wrong because of the version that a terminal runs, while it is there."""
    return [alarm(code) for code in version_alarms(device.said)] if device.up else []


def setting(device: DeviceNow) -> Sign:
    """What a terminal made of what was pushed, and why where it did not take it."""
    answered = device.answered
    match device.setting:
        case "none":
            return Sign("quiet", gettext("没有推送过设置"))
        case "applied":
            return Sign("good", gettext("已采用"))
        case "refused":
            why = explained(answered.detail if answered else "")
            return Sign("bad", gettext("终端拒绝：{why}").format(why=why))
    if device.up:
        return Sign("quiet", gettext("已送出，等待终端回答"))
    return Sign("warn", gettext("终端离线，上线后送达"))


def explained(detail: str) -> str:
    """A terminal's own words, with the name of a setting as the form has it."""
    if detail in _RESULTS:
        return str(_RESULTS[detail])
    name, colon, rest = detail.partition(":")
    if name == "unknown":
        return gettext("终端不认识 {name}，它的软件可能较旧").format(name=rest.strip())
    known = SETTING_WORDS.get(name)
    return f"{known}:{rest}" if known and colon else detail


def asked(
    device: DeviceNow | None,
    tasks: Sequence[TaskLine],
    commands: Sequence[CommandLine],
    now: datetime,
    zone: str,
) -> list[Asked]:
    """Tasks and commands as one table, newest first."""
    told: list[tuple[datetime, Asked]] = []
    for task in tasks:
        action = str(_TASKS.get(task.action, task.action))
        if task.action == "logs":
            action = gettext("{action}（{n} 行）").format(action=action, n=task.detail)
        waits = task.state == "pending"
        sign = (
            _waiting(device, task.expires_at, zone) if waits else _result(task.state, task.outcome)
        )
        waited = max(0, round((now - task.made_at).total_seconds())) if waits else None
        line = Asked(task.made_at, action, sign, waited, task.reason, task.staff)
        told.append((task.made_at, line))
    for command in commands:
        waits = command.state in {"pending", "sent"}
        sign = Sign("quiet", word(command.state))
        if not waits:
            sign = _result(command.state, command.outcome)
        waited = max(0, round((now - command.made_at).total_seconds())) if waits else None
        action = str(_TASKS.get(command.action, command.action))
        line = Asked(command.made_at, action, sign, waited, command.reason, command.staff)
        told.append((command.made_at, line))
    return [line for _at, line in sorted(told, key=lambda one: one[0], reverse=True)]


def _waiting(device: DeviceNow | None, until: datetime, zone: str) -> Sign:
    if device is not None and device.up:
        return Sign("quiet", gettext("终端正在处理"))
    at = f"{until.astimezone(ZoneInfo(zone)):%m-%d %H:%M}"
    return Sign("warn", gettext("终端离线，等它上线（{until} 前有效）").format(until=at))


def _result(state: str, outcome: str) -> Sign:
    level = {"done": "good", "failed": "bad", "expired": "bad"}.get(state, "quiet")
    text = str(_RESULTS.get(state, state))
    if outcome and state == "failed":
        text = f"{text} · {explained(outcome)}"
    return Sign(level, text)


@dataclass(frozen=True, slots=True)
class Field:
    """A setting in the form; ``below``: what holds where it is left empty, set for the site."""

    name: str
    label: str
    least: str
    most: str
    value: str
    below: str
    error: str = ""


def fields(
    values: Mapping[str, str], below: Mapping[str, float], errors: Mapping[str, str]
) -> Iterator[Field]:
    """The form's fields in the order of the table."""
    for name, (least, most) in SETTINGS.items():
        site = f"{below[name]:g}" if name in below else ""
        yield Field(
            name,
            str(SETTING_WORDS[name]),
            f"{least:g}",
            f"{most:g}",
            values.get(name, ""),
            site,
            errors.get(name, ""),
        )


def read_settings(given: Callable[[str], str]) -> tuple[dict[str, float], dict[str, str]]:
    """What a form sets, and what is wrong with it by field; ``given`` gives a field's text."""
    settings: dict[str, float] = {}
    errors: dict[str, str] = {}
    for name, (least, most) in SETTINGS.items():
        text = given(name).strip()
        if not text:
            continue
        try:
            value = float(text)
        except ValueError:
            errors[name] = gettext("请填数字")
            continue
        if least <= value <= most:
            settings[name] = value
        else:
            errors[name] = gettext("须在 {least} 至 {most} 之间").format(
                least=f"{least:g}", most=f"{most:g}"
            )
    return settings, errors
