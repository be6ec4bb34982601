"""What the board of lanes calls the codes of lanes, commands and alarms, and how it marks them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from menpiao.centre.check.service.papers import PaperLine
from menpiao.centre.check.service.states import Board, CommandLine, Lane
from menpiao.centre.design.templatetags.design import is_english
from menpiao.domain.reasons import WORDINGS

LANE_ACTIONS: Final[Mapping[str, Any]] = {
    "open_once": _("开闸一次"),
    "hold_open": _("保持常开"),
    "hold_closed": _("关闭通道"),
    "release": _("恢复正常"),
}
SITE_ACTIONS: Final[Mapping[str, Any]] = {
    "release_all": _("全部放行"),
    "close_all": _("全部关闭"),
    "normal": _("全部恢复正常"),
}
_WORDS: Final[Mapping[str, Any]] = {
    **LANE_ACTIONS,
    **SITE_ACTIONS,
    "show": _("显示文字"),
    "reload": _("重新载入配置"),
    "pending": _("等待送达"),
    "sent": _("已送达，等待回应"),
    "done": _("通道已执行"),
    "failed": _("通道未能执行"),
    "expired": _("超时未执行"),
    "awaiting": _("等待第二人确认"),
    "confirmed": _("第二人已确认"),
    "not_supported": _("该通道没有此功能"),
    "idle": _("就绪"),
    "reading": _("读证中"),
    "asking": _("核验中"),
    "showing_admit": _("放行"),
    "showing_refuse": _("拒绝"),
    "held_open": _("常开"),
    "fault": _("故障"),
    "out_of_service": _("暂停服务"),
    "centre": _("联网"),
    "hub": _("景区节点"),
    "lane": _("单机"),
    "manual": _("转人工"),
    "ok": _("正常"),
    "low": _("将用完"),
    "out": _("缺纸"),
    "no_terminal": _("没有终端"),
    "offline": _("离线超过1分钟"),
    "paper_out": _("缺纸"),
    "paper_low": _("纸将用完"),
    "lane_fault": _("设备故障"),
    "data_old": _("本机数据过旧"),
    "clock_off": _("时钟偏差"),
    "rules_newer": _("规则太新，本机软件不认识：请更新软件"),
    "rules_unusable": _("收到的规则不能用：请取日志查看"),
    "lane_older": _("软件比中心旧：请更新软件"),
    "lane_newer": _("软件比中心新：请更新中心"),
    "barrier_open_failed": _("闸机打不开"),
    "barrier_reverse": _("有人逆行"),
    "barrier_tailgating": _("有人尾随"),
    "barrier_alarm": _("闸机报警"),
    "barrier_lost": _("闸机失联"),
}
_MILD: Final = frozenset(
    {"paper_low", "data_old", "clock_off", "no_terminal", "lane_older", "lane_newer"}
)
_GLYPHS: Final = {"good": "✔", "quiet": "○", "warn": "⚠", "bad": "✖"}


def word(code: str) -> str:
    """What the board calls a code; one that it does not know, as it is."""
    return str(_WORDS.get(code, code))


@dataclass(frozen=True, slots=True)
class Sign:
    """A glyph, a word and a colour (``level``: good, quiet, warn, bad): never the colour alone."""

    level: str
    word: str

    @property
    def glyph(self) -> str:
        """What is seen where colours are not."""
        return _GLYPHS[self.level]


def alarm(code: str) -> Sign:
    """An alarm in words."""
    return Sign("warn" if code in _MILD else "bad", word(code))


@dataclass(frozen=True, slots=True)
class Order:
    """A command in words; ``lane`` None: for all lanes."""

    line: CommandLine
    lane: Lane | None
    action: str
    result: Sign


@dataclass(frozen=True, slots=True)
class Card:
    """A lane in words; ``order``: the last that it was told."""

    lane: Lane
    standing: Sign
    state: str
    mode: str
    paper: str
    heard_s: int | None
    alarms: tuple[Sign, ...]
    order: Order | None

    @property
    def level(self) -> str:
        """The worst of what is said of the lane."""
        levels = {self.standing.level, *(sign.level for sign in self.alarms)}
        return next(level for level in ("bad", "warn", "quiet", "good") if level in levels)


def orders(board: Board, lines: Sequence[CommandLine]) -> list[Order]:
    """Commands to the lanes of a board in words, in the order given."""
    lanes = {lane.gate_id: lane for lane in board.lanes}
    return [
        Order(line, lanes.get(line.gate_id or 0), word(line.action), _result(line))
        for line in lines
    ]


def cards(board: Board, given: list[Order]) -> list[Card]:
    """The lanes of a board, in their order."""
    last: dict[int, Order] = {}
    for order in reversed(given):
        if order.lane is not None:
            last[order.lane.gate_id] = order
    return [_card(lane, board, last.get(lane.gate_id)) for lane in board.lanes]


def _card(lane: Lane, board: Board, order: Order | None) -> Card:
    said = lane.state if lane.up else {}
    heard = lane.heard_at
    return Card(
        lane=lane,
        standing=_standing(lane),
        state=word(str(said.get("state", ""))),
        mode=word(str(said.get("mode", ""))),
        paper=word(str(said.get("paper", ""))),
        heard_s=None if heard is None else max(0, round((board.at - heard).total_seconds())),
        alarms=tuple(alarm(code) for code in lane.alarms),
        order=order,
    )


def _standing(lane: Lane) -> Sign:
    if lane.heard_at is None:
        return Sign("quiet", str(_("未接入")))
    if not lane.up:
        return Sign("bad", str(_("离线")))
    if not lane.is_open:
        return Sign("quiet", str(_("已关闭")))
    return Sign("good", str(_("在线")))


def _result(line: CommandLine) -> Sign:
    level = {"done": "good", "confirmed": "good", "failed": "bad", "expired": "bad"}
    text = word(line.state)
    if line.outcome:
        text = f"{text} · {word(line.outcome)}" if line.state == "failed" else text
    return Sign(level.get(line.state, "quiet"), text)


_FAULTS: Final[Mapping[str, Any]] = {
    "fields": _("一行须写：时间, 闸机, 号码, 人数"),
    "time": _("时间看不懂，请写 09:31 或 2026-10-01 09:31"),
    "future": _("时间还没有到"),
    "old": _("超过7天，不能补录"),
    "gate": _("没有这个闸机"),
    "people": _("人数须为1至500"),
    "number": _("不是有效的订单号、票号或证件号"),
    "twice": _("与前面某一行相同"),
    "both": _("号码既像票号又像证件号，请换另一种号码"),
    "later": _("此票在之后的日期又用过，不能再补较早的一天"),
}
_LINES: Final[Mapping[str, tuple[str, Any]]] = {
    "good": ("good", _("可补录")),
    "entered": ("good", _("已补录")),
    "known": ("quiet", _("此前已补录，不重复计")),
    "refused": ("bad", _("不能补录")),
    "unread": ("warn", _("看不懂")),
}


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line of paper in words; ``why``: what is wrong with it, or what was waived."""

    line: PaperLine
    sign: Sign
    why: str


def shown_line(line: PaperLine) -> ShownLine:
    """What the page of back-entry says of a line."""
    level, text = _LINES[line.state]
    why = str(_FAULTS[line.fault]) if line.fault else ""
    reason = line.reason or line.forced
    if reason is not None:
        words = WORDINGS[reason]
        why = words.en if is_english() else words.zh
        why = why if line.reason else _("放行期间不查：{why}").format(why=why)
    return ShownLine(line, Sign(level, str(text)), why)
