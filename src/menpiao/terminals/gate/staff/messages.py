"""Between the staff panel and its page: JSON text frames, told apart by their ``type``.

The page names every question by ``id``, and every act that may be recorded by a ``nonce`` that it
keeps until the act has an answer: pressed again, it is the same act.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from menpiao.wire.check import Message, Nonce, People, ShortText, StaffProof

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_-]+\Z")]
Number = Annotated[
    str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[0-9A-Za-z ()（）-]+\Z")
]
Field = Literal["", "pin", "supervisor", "note"]
"""What a refusal is about, where that is something that was typed."""
Note = Annotated[str, msgspec.Meta(max_length=30, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


class Question(Message, frozen=True, kw_only=True):
    """What every question has."""

    id: Key


class SignInPage(Question, frozen=True, kw_only=True, tag="sign_in"):
    """A badge and its PIN."""

    staff: StaffProof


class Resume(Question, frozen=True, kw_only=True, tag="resume"):
    """The line was cut: the same session goes on, if it has not ended."""

    session: Key


class Lock(Question, frozen=True, kw_only=True, tag="lock"):
    """The session ends."""


class Awake(Question, frozen=True, kw_only=True, tag="awake"):
    """Somebody is using the page."""


class Confirm(Question, frozen=True, kw_only=True, tag="confirm"):
    """The certificate that the scan ``of`` was refused for has been seen."""

    nonce: Nonce
    of: Nonce


class Force(Question, frozen=True, kw_only=True, tag="force"):
    """Let them in all the same; ``reason`` is one of `FORCE_REASONS`."""

    nonce: Nonce
    of: Nonce
    reason: ShortText
    note: Note = ""
    people: People | None = None
    supervisor: StaffProof | None = None


class Enter(Question, frozen=True, kw_only=True, tag="enter"):
    """A document's number typed by a supervisor; ``dry_run``: only say what it would get."""

    nonce: Nonce
    kind: ShortText
    number: Number
    people: People | None = None
    dry_run: bool = False
    supervisor: StaffProof | None = None

    def __repr__(self) -> str:
        """Never the number."""
        return f"Enter(kind={self.kind!r})"


class Find(Question, frozen=True, kw_only=True, tag="find"):
    """Tickets of today by order number, or by the last four digits of a telephone."""

    order_no: Annotated[str, msgspec.Meta(max_length=40, pattern=r"^[0-9 -]*\Z")] = ""
    phone_end: Annotated[str, msgspec.Meta(max_length=4, pattern=r"^([0-9]{4})?\Z")] = ""


class Choose(Question, frozen=True, kw_only=True, tag="choose"):
    """Ask for the ticket of this number; its holder has no document at hand."""

    nonce: Nonce
    ticket_no: Annotated[str, msgspec.Meta(max_length=40, pattern=r"^[0-9-]+\Z")]
    people: People | None = None
    evidence_seen: bool = False


class TakeBack(Question, frozen=True, kw_only=True, tag="take_back"):
    """Take the admission of the scan ``of`` back."""

    nonce: Nonce
    of: Nonce
    reason: Note = ""
    supervisor: StaffProof | None = None


class TryNext(Question, frozen=True, kw_only=True, tag="try_next"):
    """The next card is a dry run."""

    on: bool


FromPage = (
    SignInPage
    | Resume
    | Lock
    | Awake
    | Confirm
    | Force
    | Enter
    | Find
    | Choose
    | TakeBack
    | TryNext
)


class Shown(Message, frozen=True, kw_only=True):
    """A decision as the page shows it: masked, and without any document."""

    admitted: bool
    reason: str
    zh: str
    en: str
    zh_next: str
    en_next: str
    people: int = 0
    count: int = 0
    remaining: int = 0
    ticket_no: str = ""
    holder: str = ""
    product: str = ""
    product_en: str = ""
    since: str = ""
    since_place: str = ""
    missing: str = ""
    evidence: str = ""
    evidence_en: str = ""
    difference_fen: int = 0
    notice_zh: str = ""
    notice_en: str = ""
    source: str = ""


class Scan(Message, frozen=True, kw_only=True):
    """One of the last scans of this lane, and what can be done about it."""

    nonce: str
    at: str
    """Time of day at the site."""
    kind: str
    shown: Shown
    dry_run: bool
    undone: bool
    can_ask: bool
    """Its document is remembered: staff can ask for it again."""
    can_undo: bool


class Order(Message, frozen=True, kw_only=True):
    """What the centre had this lane do."""

    at: str
    """Time of day at the site."""
    newer: int
    """How many of the listed scans came after it."""
    action: str
    """As ``wire.check.Command`` has it."""
    text: str
    """Why, or what is to be shown."""
    by: str
    """Who ordered it; empty: the centre did not say."""
    done: bool


class Person(Message, frozen=True, kw_only=True):
    """Who is signed in."""

    badge: str
    supervisor: bool


class Why(Message, frozen=True, kw_only=True):
    """A word of a list to choose from, in both languages."""

    code: str
    zh: str
    en: str


class State(Message, frozen=True, kw_only=True, tag="state"):
    """How the lane is; scans and orders are told to who is signed in."""

    site: str
    site_en: str
    gate: str
    gate_en: str
    link: str
    mode: str
    lane: str
    utc_offset_s: int
    rules: str
    """``newer`` or ``unusable`` while the lane cannot go by the centre's newest rules."""
    person: Person | None
    dry_run_next: bool
    scans: list[Scan]
    orders: list[Order]
    """Newest first, as the scans are."""
    reasons: list[Why]
    kinds: list[Why]
    """Of documents that can be typed."""
    lock_after_s: int


class Ticket(Message, frozen=True, kw_only=True):
    """A ticket that was found; times are of the site."""

    ticket_no: str
    order_no: str
    holder: str
    product: str
    product_en: str
    people: int
    remaining: int
    status: str
    window: str


class Reply(Message, frozen=True, kw_only=True, tag="reply"):
    """The answer to a question. ``again``: it is not known what came of it; press again."""

    id: str
    ok: bool
    zh: str = ""
    en: str = ""
    code: str = ""
    again: bool = False
    shown: Shown | None = None
    tickets: list[Ticket] | None = None
    session: str = ""
    field: Field = ""


FORCE_REASONS = (
    Why(code="full", zh="满员，同意放行", en="Full: agreed to let in"),
    Why(code="family", zh="与已入园家人同行", en="With family already inside"),
    Why(code="late", zh="误时，同意放行", en="Late or early: agreed to let in"),
    Why(code="device", zh="证件或设备故障", en="Card or device fault"),
    Why(code="medical", zh="急救或救助", en="Medical help"),
    Why(code="duty", zh="公务或施工", en="On duty or at work"),
    Why(code="other", zh="其他（须注明）", en="Other (say what)"),
)
