"""The statistics server's doors for machines, version 1 (patent part 2)."""

from menpiao.centre.doors.table import EVENTS, Door, Scheme, Table
from menpiao.domain.reasons import Reason
from menpiao.wire.statistics import LiveFigures

_BASE = "/statistics/v1"

LOOK = Scheme(
    key="look",
    place="query",
    parameter="ticket",
    zh="看板页面发给浏览器的短期凭证",
    en="A pass of a short life that the live page gives the browser",
)
LIVE = Door(
    name="live",
    method="GET",
    path=f"{_BASE}/live",
    zh="此刻的客流",
    en="The figures now",
    auth=LOOK,
    answer=LiveFigures,
    refuses=(Reason.NOT_PERMITTED, Reason.SITE_UNKNOWN),
)
STREAM = Door(
    name="stream",
    method="GET",
    path=f"{_BASE}/stream",
    zh="客流变化时推送；凭证到期即止。事件 figures 的数据同“此刻的客流”",
    en="The figures whenever they change, until the pass ends; event `figures` holds LiveFigures",
    auth=LOOK,
    answer=str,
    media=EVENTS,
    refuses=(Reason.NOT_PERMITTED, Reason.SITE_UNKNOWN),
)

TABLE = Table(
    server="statistics",
    base=_BASE,
    zh="客流统计：此刻的客流与来源",
    en="Statistics: live visitor flow and origin",
    doors=(LIVE, STREAM),
)
