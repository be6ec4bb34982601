"""The payment server's service (patent part 705): collect, refund, listen."""

from menpiao.centre.commerce.service.commerce import CommerceService, Verdict

__all__ = ["CommerceService", "Verdict"]
