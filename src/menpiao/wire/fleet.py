"""Messages about a terminal itself: its key, how it is set, what it has logged.

Set-up goes over the link (``configure``, answered by ``configured``). A new key and log lines are
brought over HTTP, when a ``command`` of the centre asks for them.
"""

from typing import Annotated, Final

import msgspec

from menpiao.wire.check import Count, DeviceId, Key64, Message, ShortText, Told

SETTINGS: Final[dict[str, tuple[float, float]]] = {
    "hold_s": (0.1, 60.0),
    "least_show_s": (0.05, 10.0),
    "ask_timeout_s": (0.1, 30.0),
    "checking_after_s": (0.05, 10.0),
    "same_card_s": (0.1, 60.0),
    "repeat_nonce_s": (1.0, 3600.0),
    "pass_within_s": (1.0, 60.0),
    "notice_s": (0.1, 60.0),
    "answer_within_s": (0.05, 5.0),
    "oldest_s": (60.0, 172_800.0),
    "check_s": (0.1, 3600.0),
}
"""What may be set from the centre, each with its lowest and highest value. What belongs to one
computer (ports, addresses, keys) is in its own file alone."""
LINES_MOST: Final = 500
_HUB: Final = " hub"


class Configure(Told, frozen=True, kw_only=True, tag="configure", tag_field="type"):
    """How a terminal is to be set beyond its own file; each version is whole.

    Sent after every welcome and when it changes. Names and values are for the terminal to
    judge: it says what it made of them, and goes on as before where it cannot use them.
    """

    version: Count
    settings: dict[str, float]


class Configured(Message, frozen=True, kw_only=True, tag="configured", tag_field="type"):
    """What a terminal made of a version: ``applied``, or ``refused`` for the reason in ``text``."""

    version: Count
    outcome: ShortText
    text: ShortText = ""


class KeyRoll(Message, frozen=True, kw_only=True):
    """Body of ``POST /check/v1/keys``: from now on this terminal has another key.

    Both signatures are Ed25519 over :func:`roll_text`: ``signature`` by the key that the centre
    knows, ``new_signature`` by the new one, so that nobody else's key can be put in its place.
    """

    device_id: DeviceId
    challenge: Key64
    public_key: Key64
    """The new one: raw Ed25519, 32 octets, base64url."""
    signature: Key64
    new_signature: Key64


class KeyRolled(Told, frozen=True, kw_only=True):
    """The new key holds, and the one before does not."""

    device_id: int


class Lines(Message, frozen=True, kw_only=True):
    """Body of ``POST /check/v1/logs``: the last lines that a terminal has logged, oldest first.

    They have passed the terminal's own scrubber: no document or telephone number is in them.
    """

    id: Key64
    """Of the command that asked for them."""
    lines: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=2000)]], msgspec.Meta(max_length=LINES_MOST)
    ]


class LinesKept(Told, frozen=True, kw_only=True):
    """They are kept."""

    lines: int


def is_hub(software: str) -> bool:
    """Whether a terminal that names its software so is the hub of a site, and stands at no lane."""
    return software.endswith(_HUB)


def roll_text(device_id: int, challenge: str, public_key: str) -> bytes:
    """The octets that both keys sign."""
    parts = (b"menpiao-roll-v1", str(device_id).encode(), challenge.encode(), public_key.encode())
    return b"\0".join(parts)
