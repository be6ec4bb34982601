"""Payment service (收款与退款): collect, refund, listen to what platforms notify."""

from menpiao.centre.commerce.service.commerce import CommerceService, Verdict

__all__ = ["CommerceService", "Verdict"]
