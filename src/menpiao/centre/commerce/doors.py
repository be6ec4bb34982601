"""The payment server's doors for machines, version 1 (patent part 705)."""

from menpiao.centre.doors.table import Door, Table
from menpiao.wire.commerce import NotificationRefused

_BASE = "/commerce/v1"
NOTIFICATIONS = f"{_BASE}/notifications/wechat"

WECHAT = Door(
    name="wechat",
    method="POST",
    path=NOTIFICATIONS,
    zh="微信支付的支付与退款通知；以请求头中的签名为凭",
    en="Payment and refund notifications of WeChat Pay, proved by the signature in their headers",
    body=bytes,
    longest=64 * 1024,
    status=204,
    others=dict.fromkeys((400, 401, 403, 503), NotificationRefused),
)

TABLE = Table(
    server="commerce",
    base=_BASE,
    zh="电子商务服务器（705）：支付平台的通知",
    en="E-commerce server (705): notifications of payment platforms",
    doors=(WECHAT,),
)
