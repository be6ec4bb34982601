"""Messages between a check terminal (patent part 3) and the check server (701), version 1.

Over HTTP they are request and answer bodies; over the persistent link they travel as JSON text
frames, told apart by their ``type``. Several asks may be in flight on one link: an answer names
its ask by ``nonce``. Times are RFC 3339 in UTC.
"""

from datetime import date, datetime
from typing import Annotated

import msgspec

from menpiao.domain.document_types import DocumentType

PROTOCOL_VERSION = 1
LINK_SUBPROTOCOL = "menpiao.check.v1"

Nonce = Annotated[str, msgspec.Meta(min_length=8, max_length=64, pattern=r"^[0-9A-Za-z_-]+\Z")]
DeviceId = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
People = Annotated[int, msgspec.Meta(ge=1, le=500)]
NO_CONTROLS = r"^[^\x00-\x1f\x7f]*\Z"
"""No control characters: a data store, a log and a printer each take some of them amiss."""
ShortText = Annotated[str, msgspec.Meta(max_length=64, pattern=NO_CONTROLS)]
Key64 = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[0-9A-Za-z_.-]+\Z")]
"""Base64url text without padding; a challenge is several, with dots between them."""
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time that says its offset from UTC."""


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every message keeps: unknown fields are refused, not ignored."""


class Told(Message, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """What the centre tells a terminal, which may be older: fields unknown to it are passed over.

    A field may be added only if a terminal that passes it over does nothing wrong. What it must
    not pass over has a new word in a field that it knows, which it refuses, or is named in
    ``wire.bundle.Manifest.needs``.
    """


class Credential(Message, frozen=True, kw_only=True):
    """What was laid or shown: ``kind`` is a document type of ``domain.document``.

    ``code``: a ticket's code (``domain.ticket_code``); ``ticket``: a ticket's number, by staff.
    """

    kind: Annotated[
        str,
        msgspec.Meta(max_length=64, pattern=NO_CONTROLS, examples=[*DocumentType, "ticket"]),
    ]
    number: Annotated[str, msgspec.Meta(min_length=1, max_length=192, pattern=NO_CONTROLS)]

    def __repr__(self) -> str:
        """Never the number: a message may end up in a log."""
        return f"Credential(kind={self.kind!r})"


class StaffProof(Message, frozen=True, kw_only=True):
    """Who of the house stands at the lane: a badge and its PIN."""

    badge: Annotated[str, msgspec.Meta(min_length=1, max_length=12, pattern=NO_CONTROLS)]
    pin: Annotated[str, msgspec.Meta(min_length=4, max_length=12, pattern=r"^[0-9]+\Z")]

    def __repr__(self) -> str:
        """Never the PIN."""
        return f"StaffProof(badge={self.badge!r})"


class Ask(Message, frozen=True, kw_only=True, tag="ask", tag_field="type"):
    """May the holder of this document pass? One nonce a presentation; repeats keep the nonce."""

    nonce: Nonce
    credential: Credential
    gate_id: DeviceId
    people: People | None = None
    at: Instant | None = None
    """The terminal's clock at the reading; kept beside the server's time, never used instead."""
    document_until: date | None = None
    """The last day on which the document itself is valid, where the card says so."""
    dry_run: bool = False
    """Say what would be decided; nothing is recorded and no ticket is used."""
    staff: StaffProof | None = None
    """Needed for what follows, and for credentials of kind ``ticket`` (a ticket number)."""
    evidence_seen: bool = False
    """The certificate that the price depends on has been seen."""
    force: ShortText = ""
    """Let them pass whatever the rules say, for this reason; a supervisor's."""
    by_hand: bool = False
    """The document was typed, not read: needs a supervisor's proof."""
    of_device: DeviceId | None = None
    """Set by a hub: the terminal of its site that it asks for, whose nonce this is."""


class Answer(Told, frozen=True, kw_only=True, tag="answer", tag_field="type"):
    """The decision. The patent's five facts are status, people, ticket_no, at and place."""

    nonce: str
    admitted: bool
    reason: str
    status: str
    """held, valid, used, refunding, refunded, cancelled or blocked; empty: no ticket."""
    people: int
    """How many may pass now (0 when refused)."""
    count: int
    """The ticket's number of people (the patent's ticket count)."""
    remaining: int
    """How many of them have not entered yet, after this decision."""
    ticket_no: str
    at: Instant
    place: str
    place_en: str
    zh: str
    en: str
    zh_next: str
    en_next: str
    voice: str
    product: str = ""
    product_en: str = ""
    holder: str = ""
    """The masked name, for display and slip."""
    since: Instant | None = None
    since_place: str = ""
    direction: str = "entry"
    utc_offset_s: int = 28800
    """The site's zone at ``at``: what a slip adds to show local time."""
    notice: str = ""
    """A code of the reason table that is to be told and stops nobody; its texts follow."""
    notice_zh: str = ""
    notice_en: str = ""
    missing: str = ""
    """What a repeat of the ask must bring: ``evidence`` or ``supervisor``; empty: nothing helps."""
    evidence: str = ""
    """The certificate to be seen, and what is owed without it."""
    evidence_en: str = ""
    difference_fen: int = 0
    source: str = "centre"
    """Who decided: ``centre``, ``hub`` or ``lane``."""
    data_at: Instant | None = None
    """How fresh the data was, where not the centre decided."""


class Hello(Told, frozen=True, kw_only=True, tag="hello", tag_field="type"):
    """First frame from the centre: sign ``challenge`` to go on."""

    challenge: str
    version: int = PROTOCOL_VERSION


class Proof(Message, frozen=True, kw_only=True, tag="proof", tag_field="type"):
    """The terminal's answer: Ed25519 over ``menpiao-link-v1`` NUL device NUL challenge."""

    device_id: DeviceId
    challenge: Key64
    signature: Key64
    software: ShortText = ""


class Welcome(Told, frozen=True, kw_only=True, tag="welcome", tag_field="type"):
    """The link stands: what the centre knows of this terminal."""

    device_id: int
    site_id: int
    site: str
    site_en: str
    gates: list["GateInfo"]
    heartbeat_s: int
    now: Instant
    utc_offset_s: int = 28800
    """The site's zone at ``now``: what a lane's clock adds to show local time."""
    bundle_key: str = ""
    """What day bundles are verified with: raw Ed25519, base64url."""


class GateInfo(Told, frozen=True, kw_only=True):
    """A gate that this terminal may ask for."""

    id: int
    name: str
    name_en: str
    direction: str


class Heartbeat(
    Told, frozen=True, kw_only=True, tag="heartbeat", tag_field="type", omit_defaults=True
):
    """Either side, at least every ``heartbeat_s``; ``at`` lets the other measure the clocks.

    What has nothing to say is left out: the other side may not know it yet.
    """

    at: Instant
    state: ShortText = ""
    """The lane's state: ``idle``, ``held_open``, ``fault`` and so on."""
    paper: ShortText = ""
    """``ok``, ``low`` or ``out``; empty: not known."""
    mode: ShortText = ""
    """Who decides at this lane at present: ``centre``, ``hub``, ``lane`` or ``manual``."""
    data_at: Instant | None = None
    """How fresh the data is that it would decide on without the centre; None: it has none."""
    tickets: Count | None = None
    """How many tickets that data has for today."""
    queue: Count | None = None
    """Scans that were decided without the centre and are not reported yet."""
    software: ShortText = ""
    rules: ShortText = ""
    """Why the centre's newest rules are not those it goes by: ``newer`` (than its program) or
    ``unusable``; empty: they are."""
    rules_why: ShortText = ""
    """What of them, in the terminal's own words."""
    unknown: Count | None = None
    """Messages of types unknown to it that it has passed over since it was started."""


class Acknowledged(Message, frozen=True, kw_only=True, tag="acknowledged", tag_field="type"):
    """What a terminal did about a command: ``done``, ``failed`` or ``not_supported``."""

    id: Key64
    outcome: ShortText
    text: ShortText = ""


class Command(Told, frozen=True, kw_only=True, tag="command", tag_field="type"):
    """The centre asks the terminal to act, now: nothing of it may be done later.

    ``open_once``, ``hold_open``, ``hold_closed``, ``release`` (back to opening for each person),
    ``show``, ``reload``; ``revoked``: the terminal is not let in any more and keeps nothing.
    The same ``id`` again is the same command.
    """

    id: str
    action: ShortText
    text: ShortText = ""
    gate_id: int | None = None
    """For a terminal with several gates: which one."""
    by: ShortText = ""
    """Who ordered it, as the centre's board names them; empty: not said."""


class Change(Told, frozen=True, kw_only=True, tag="change", tag_field="type"):
    """Something the terminal keeps has changed at the centre: ``gate``, ``site``."""

    what: ShortText
    id: int


class PlaceCount(Told, frozen=True, kw_only=True):
    """A place that holds people back when it is full; ``zone_id`` 0: the site.

    ``people`` are those inside as the centre last counted them: it is full at ``ceiling``.
    """

    zone_id: int
    ceiling: int
    people: int


class Follow(Message, frozen=True, kw_only=True, tag="follow", tag_field="type"):
    """A terminal has the bundle of this day as of ``horizon``: send it what changes after that."""

    day: date
    horizon: int


class Changes(Told, frozen=True, kw_only=True, tag="changes", tag_field="type"):
    """Rows of a bundle as they are at ``horizon``; each stands in the place of the one before.

    ``tickets`` and ``zones`` are packed rows as base64; both empty: nothing has changed, and the
    data is as young as ``at``. ``since`` is the horizon that they follow on: a terminal that has
    another one asks for the bundle again. ``barred`` (packed rows as base64) and ``places`` are
    whole lists as of ``at``; None: as this link last said, or else the manifest.
    """

    day: date
    since: int
    horizon: int
    at: Instant
    tickets: str = ""
    zones: str = ""
    barred: str | None = None
    places: list[PlaceCount] | None = None


class Heard(Message, frozen=True, kw_only=True, tag="heard", tag_field="type"):
    """A lane tells the hub of its site what the centre has admitted, so that the hub knows at once.

    ``remaining`` is that of the centre's answer: how many of the ticket have not entered yet.
    """

    nonce: Nonce
    gate_id: DeviceId
    ticket_no: ShortText
    people: People
    remaining: Annotated[int, msgspec.Meta(ge=0, le=500)]
    at: Instant


class Fault(Told, frozen=True, kw_only=True, tag="fault", tag_field="type"):
    """The other side's message could not be used; ``nonce`` when it was an ask."""

    code: str
    text: str
    nonce: str = ""


HubUp = Proof | Ask | Heartbeat | Heard
"""What a lane sends to the hub of its site."""


class Challenge(Told, frozen=True, kw_only=True):
    """Answer of ``POST /check/v1/challenges``: sign it within ``valid_s``."""

    challenge: str
    valid_s: int


class Session(Told, frozen=True, kw_only=True):
    """Answer of ``POST /check/v1/sessions``: send ``Authorization: Bearer <token>``."""

    token: str
    expires_at: Instant


class Enrolment(Message, frozen=True, kw_only=True):
    """Body of ``POST /check/v1/devices``: a one-time code buys a place for this key."""

    code: Annotated[str, msgspec.Meta(min_length=6, max_length=32, pattern=r"^[0-9A-Za-z -]+\Z")]
    public_key: Key64
    """Raw Ed25519 public key, 32 bytes, base64url."""
    name: ShortText = ""


class Enrolled(Told, frozen=True, kw_only=True):
    """The device is known now."""

    device_id: int
    site_id: int
    site: str
    gates: list[GateInfo]


class SignIn(Message, frozen=True, kw_only=True):
    """Body of ``POST /check/v1/staff``: who of the house stands at this lane?"""

    gate_id: DeviceId
    staff: StaffProof


class StaffKnown(Told, frozen=True, kw_only=True):
    """Badge and PIN are right. ``supervisor``: may force, type documents and undo any time."""

    badge: str
    role: str
    supervisor: bool


class Undo(Message, frozen=True, kw_only=True):
    """Body of ``POST /check/v1/undos``: take back the admission of this nonce.

    Within 15 minutes by the lane that made it; with a supervisor's proof later, and at any lane.
    """

    nonce: Nonce
    """Of the undo itself: asked again, it gives the same answer."""
    of_nonce: Nonce
    of_device: DeviceId | None = None
    """The lane that admitted; without it this one."""
    gate_id: DeviceId
    reason: ShortText = ""
    staff: StaffProof | None = None


class Undone(Told, frozen=True, kw_only=True):
    """The admission is taken back: the ticket as it is now."""

    ticket_no: str
    people: int
    remaining: int
    at: Instant


class Search(Message, frozen=True, kw_only=True):
    """Body of ``POST /check/v1/searches``: for people without a document, with a staff's proof."""

    staff: StaffProof
    gate_id: DeviceId
    order_no: ShortText = ""
    phone_end: Annotated[str, msgspec.Meta(max_length=4, pattern=r"^([0-9]{4})?\Z")] = ""


class Found(Told, frozen=True, kw_only=True):
    """A ticket of today that a search has found; no number, the name masked."""

    ticket_no: str
    order_no: str
    holder: str
    product: str
    product_en: str
    people: int
    remaining: int
    status: str
    opens_at: Instant
    closes_at: Instant


class FoundTickets(Told, frozen=True, kw_only=True):
    """Answer of ``POST /check/v1/searches``; at most 20."""

    tickets: list[Found]


class Problem(Told, frozen=True, kw_only=True):
    """Every error answer of the API: a code of the reason table, and what to do."""

    code: str
    zh: str
    en: str
    detail: str = ""
    field: str = ""


def proof_text(device_id: int, challenge: str) -> bytes:
    """The octets that a terminal signs to prove who it is."""
    return b"\0".join((b"menpiao-link-v1", str(device_id).encode(), challenge.encode()))
