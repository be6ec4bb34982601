"""What a door is: method, path, what goes in and what comes out. Values only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from menpiao.domain.reasons import Reason

JSON = "application/json"
EVENTS = "text/event-stream"

STATUS: Mapping[Reason, int] = {
    Reason.DEVICE_UNKNOWN: 401,
    Reason.DEVICE_REVOKED: 401,
    Reason.NOT_PERMITTED: 403,
    Reason.PRODUCT_UNKNOWN: 404,
    Reason.SLOT_UNKNOWN: 404,
    Reason.ORDER_UNKNOWN: 404,
    Reason.SITE_UNKNOWN: 404,
    Reason.NO_SUCH_ADDRESS: 404,
    Reason.METHOD_NOT_ALLOWED: 405,
    Reason.SLOT_FULL: 409,
    Reason.DAY_FULL: 409,
    Reason.DUPLICATE_DOCUMENT: 409,
    Reason.TOKEN_REUSED: 409,
    Reason.PRICE_CHANGED: 409,
    Reason.REFUND_CHANGED: 409,
    Reason.TOO_LONG: 413,
    Reason.CONTENT_TYPE: 415,
    Reason.RATE_LIMITED: 429,
    Reason.FAULT: 500,
    Reason.BUSY: 503,
}
UNREADABLE = 400
"""The status of a body that is not JSON in UTF-8 at all."""
UNFIT = 422
"""The status of whatever can be read and does not fit, and of every reason not in `STATUS`."""


def status_of(reason: Reason) -> int:
    """The HTTP status under which a reason is answered."""
    return STATUS.get(reason, UNFIT)


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a door knows who asks: a bearer token, or a parameter of this name."""

    key: str
    place: Literal["bearer", "header", "query"]
    parameter: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Door:
    """One method on one path.

    ``path_values``, ``query`` and ``headers`` are structs whose fields are the parameters; ``body``
    is what comes in (None: nothing is read; ``bytes``: raw octets of any type), at most
    ``longest`` octets. ``answer`` goes out under ``status`` as ``media`` (None: nothing).
    ``refuses``: reasons that this door itself may give; what every door may answer is not repeated.
    ``others``: further answers, by status, that are no `Problem`.
    """

    name: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    zh: str
    en: str
    answer: Any = None
    status: int = 200
    media: str = JSON
    path_values: type | None = None
    query: type | None = None
    headers: type | None = None
    body: type | None = None
    longest: int = 4096
    auth: Scheme | None = None
    refuses: Sequence[Reason] = ()
    others: Mapping[int, type] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Link:
    """A web socket: what the asker and the centre say on it, and how it is closed."""

    name: str
    path: str
    zh: str
    en: str
    subprotocol: str
    up: Any
    down: Any
    longest: int
    closes: Mapping[int, tuple[str, str]]
    """Close code: when, in Chinese and English."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """All doors of a server; ``base`` begins every path of it."""

    server: str
    base: str
    zh: str
    en: str
    doors: Sequence[Door]
    links: Sequence[Link] = ()
