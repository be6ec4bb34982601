"""The door through which the board of lanes hears that there is something new to see."""

from menpiao.centre.check.device_scheme import BASE
from menpiao.centre.doors.table import EVENTS, Door, Scheme
from menpiao.domain.reasons import Reason

WATCH = Scheme(
    key="watch",
    place="query",
    parameter="ticket",
    zh="闸机看板页面发给浏览器的短期凭证",
    en="A pass of a short life that the board of lanes gives the browser",
)
BOARD = Door(
    name="board",
    method="GET",
    path=f"{BASE}/board",
    zh="看板有变化时推送事件 changed；凭证到期即止。事件只说有变化，内容由页面凭登录取得",
    en="Event `changed` whenever the board has, until the pass ends; what is on it the page fetches"
    " in the name of whoever is signed in",
    auth=WATCH,
    answer=str,
    media=EVENTS,
    refuses=(Reason.NOT_PERMITTED, Reason.SITE_UNKNOWN),
)
