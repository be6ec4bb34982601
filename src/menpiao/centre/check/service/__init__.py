"""The check service (检票服务): decides, takes back, finds, and knows the staff at a lane."""

from menpiao.centre.check.service.check import CLOCK_BOUND_S, CheckService
from menpiao.storage.database.combine import UnavailableError

__all__ = ["CLOCK_BOUND_S", "CheckService", "UnavailableError"]
