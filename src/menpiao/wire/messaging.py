"""What the messaging server (patent part 707) tells a probe on the private network."""

from menpiao.wire.check import Message


class MessagingStatus(Message, frozen=True, kw_only=True):
    """The operator's link and the outbox; it names no person."""

    ready: bool
    """Whether the link to the operator stands."""
    last_error: str
    messages_per_second: float
    sending: int
    last_seven_days: dict[str, int]
    """Messages by state."""
