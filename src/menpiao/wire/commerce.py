"""What the payment server (patent part 705) answers a payment platform's notification."""

from menpiao.wire.check import Message


class NotificationRefused(Message, frozen=True, kw_only=True):
    """Not taken: the shape that WeChat Pay asks for. It repeats the notification later."""

    code: str
    message: str
