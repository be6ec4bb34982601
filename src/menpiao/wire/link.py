"""What travels over the link between a terminal and the check server, each way."""

from menpiao.wire.check import (
    Acknowledged,
    Answer,
    Ask,
    Change,
    Changes,
    Command,
    Fault,
    Follow,
    Heartbeat,
    Hello,
    Proof,
    Welcome,
)
from menpiao.wire.fleet import Configure, Configured

LinkUp = Proof | Ask | Heartbeat | Follow | Acknowledged | Configured
"""What a terminal sends over the link."""
LinkDown = Hello | Welcome | Answer | Heartbeat | Command | Change | Changes | Configure | Fault
"""What the centre sends over the link."""
