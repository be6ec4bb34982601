"""The messaging server's doors for machines (patent part 707)."""

from menpiao.centre.doors.table import Door, Table
from menpiao.domain.reasons import Reason
from menpiao.wire.messaging import MessagingStatus

_BASE = "/internal/messaging"

STATUS = Door(
    name="status",
    method="GET",
    path=f"{_BASE}/status",
    zh="运营商连接与各状态短信的数量；未连接时为 503",
    en="The operator's link and messages by state; 503 while the link is down",
    answer=MessagingStatus,
    others={503: MessagingStatus},
    refuses=(Reason.BUSY,),
)

TABLE = Table(
    server="messaging",
    base=_BASE,
    zh="通信接口服务器（707）：内网探测",
    en="Messaging server (707): for probes on the private network",
    doors=(STATUS,),
)
