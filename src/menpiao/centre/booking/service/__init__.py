"""The booking service (订票服务): what is free, what it costs, an order, and giving it back."""

from menpiao.centre.booking.service.booking import BookingService, SiteInfo
from menpiao.centre.booking.service.cancelling import CancelService

__all__ = ["BookingService", "CancelService", "SiteInfo"]
