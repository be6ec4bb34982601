"""What travels over the link between a terminal and the check server, each way."""

from typing import Annotated, Final, get_args

import msgspec

from menpiao.wire.check import (
    Acknowledged,
    Answer,
    Ask,
    Change,
    Changes,
    Command,
    Fault,
    Follow,
    Heard,
    Heartbeat,
    Hello,
    Proof,
    Welcome,
)
from menpiao.wire.fleet import Configure, Configured
from menpiao.wire.unreadable import UNREADABLE

LinkUp = Proof | Ask | Heartbeat | Follow | Acknowledged | Configured
"""What a terminal sends over the link."""
LinkDown = Hello | Welcome | Answer | Heartbeat | Command | Change | Changes | Configure | Fault
"""What the centre sends over the link."""

TYPES: Final[frozenset[object]] = frozenset(
    kind.__struct_config__.tag for kind in (*get_args(LinkUp), *get_args(LinkDown), Heard)
)
"""Every type that this version knows of, whichever way it goes."""


class _Typed(msgspec.Struct):
    """What a message is, whatever else is in it."""

    type: Annotated[str, msgspec.Meta(pattern=r"^[a-z][0-9a-z_.-]{0,39}\Z")]


_typed = msgspec.json.Decoder(_Typed)


def unknown_type(frame: str | bytes) -> str:
    """The type of a message that only a newer version knows; empty: it is no such message.

    To be passed over and counted. What is of a known type and cannot be read is broken instead.
    """
    try:
        found = _typed.decode(frame).type
    except UNREADABLE:
        return ""
    return "" if found in TYPES else found
