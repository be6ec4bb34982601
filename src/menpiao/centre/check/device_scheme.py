"""How the check server's doors know a terminal."""

from menpiao.centre.doors.table import Scheme
from menpiao.domain.reasons import Reason

BASE = "/check/v1"
DEVICE = Scheme(
    key="device",
    place="bearer",
    parameter="",
    zh="设备会话令牌：先取挑战，签名后换取",
    en="A device's session token: take a challenge, sign it, exchange it",
)
DEVICE_REFUSED = (Reason.DEVICE_UNKNOWN, Reason.DEVICE_REVOKED)
