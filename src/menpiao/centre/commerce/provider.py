"""What a payment platform promises to server 705: small interfaces, one for each capability.

A provider never writes our state. It answers with an :class:`Outcome` and tells what happened as
an :class:`Event`; one core function turns events into state, whether they came by notification, by
query or by bill. Amounts are integer fen, times are aware.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Standing(StrEnum):
    """How an operation stands. *Declined*, *not finished* and *nobody knows* are three things."""

    SUCCEEDED = "succeeded"
    """The provider confirmed it."""
    FAILED = "failed"
    """The provider said no, in an answer we verified; asking again will not help."""
    PENDING = "pending"
    """The provider accepted it, or waits for the visitor."""
    UNKNOWN = "unknown"
    """Bytes may have left and nothing reliable came back: ask again with the same number."""


class EventKind(StrEnum):
    """What can have happened to a payment or a refund at the provider."""

    PAID = "paid"
    CLOSED = "closed"
    """It can never be paid again, and no money stayed with us."""
    PAYMENT_FAILED = "payment_failed"
    REFUNDED = "refunded"
    REFUND_ABNORMAL = "refund_abnormal"
    """The money could not be returned to where it came from: a person decides."""
    REFUND_CLOSED = "refund_closed"
    """The refund ended without moving money; another one needs another number."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at the provider, verified to come from it.

    ``provider_event_id`` is the same for every copy of one event from one source.
    ``paid_fen`` and ``refunded_fen`` concern this payment or this refund alone.
    """

    kind: EventKind
    payment_ref: str
    provider_event_id: str
    provider_ref: str
    occurred_at: datetime
    paid_fen: int = 0
    refunded_fen: int = 0
    refund_ref: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one operation, with the provider's own code and text for people who must look.

    For a query ``standing`` is that of the payment or refund asked about: SUCCEEDED means paid or
    refunded, FAILED means that this will never be.
    """

    standing: Standing
    code: str = ""
    text: str = ""
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class QrOutcome:
    """The answer to creating a payment by QR code; ``code_url`` is empty unless it is payable."""

    outcome: Outcome
    code_url: str = ""


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """A payment to create. Repeating it is safe only with every field the same."""

    payment_ref: str
    amount_fen: int
    description: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class CodeCharge:
    """A charge of the code that the visitor shows at the till.

    ``device_ip`` is the till's address, ``store_ref`` our own name of the shop.
    """

    payment_ref: str
    amount_fen: int
    description: str
    auth_code: str
    device_ip: str = "127.0.0.1"
    store_ref: str = "menpiao"


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A refund. ``refund_ref`` returns money once however often it is asked."""

    refund_ref: str
    payment_ref: str
    refund_fen: int
    paid_fen: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification that is proved to come from the provider.

    ``event`` is None for a kind that concerns nothing we sell: it is accepted and put aside.
    """

    notice_id: str
    kind: str
    event: Event | None


class RejectionCode(StrEnum):
    """Why a notification was not believed."""

    PROBE = "probe"
    """The provider tests whether we check signatures. Counted apart, no reason for alarm."""
    UNSIGNED = "unsigned"
    STALE = "stale"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    MALFORMED = "malformed"
    UNDECIPHERABLE = "undecipherable"
    FOREIGN = "foreign"
    """Validly signed, and about another merchant or application: somebody must look."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A notification that must be answered with 4xx and must change nothing."""

    code: RejectionCode
    text: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, as data, for pages that offer it."""

    client_kinds: frozenset[str]
    currencies: frozenset[str] = frozenset({"CNY"})
    partial_refund: bool = False
    reverse: bool = False
    bill: bool = False


class Provider(Protocol):
    """Every provider."""

    @property
    def name(self) -> str:
        """The short name that stands in payment rows; never changed."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this account can do."""
        ...


class PaymentQueries(Protocol):
    """The truth about a payment: the provider's own record of it."""

    async def query(self, payment_ref: str) -> Outcome:
        """Ask how a payment stands."""
        ...


class QrPayments(PaymentQueries, Protocol):
    """Payments that a visitor makes by scanning a code we show."""

    async def create_qr(self, request: PaymentRequest) -> QrOutcome:
        """Create the payment, or get its code again."""
        ...

    async def close(self, payment_ref: str) -> Outcome:
        """Make a payment unpayable.

        SUCCEEDED: nobody can pay any more, inventory may be released. FAILED with
        :data:`ALREADY_PAID`: it is paid; query and settle. Anything else proves nothing.
        """
        ...


class CodePayments(PaymentQueries, Protocol):
    """Payments by the code that a visitor shows at the till. There is no notification of them."""

    async def charge_code(self, charge: CodeCharge) -> Outcome:
        """Charge once. PENDING or UNKNOWN: query, reverse when time is up; never charge anew."""
        ...

    async def reverse(self, payment_ref: str) -> Outcome:
        """Undo a charge of unknown outcome, paid or not; not earlier than 15 s after the charge."""
        ...


class Refunds(Protocol):
    """Money back to where it came from."""

    async def refund(self, request: RefundRequest) -> Outcome:
        """Ask for a refund. PENDING means accepted; the result comes later."""
        ...

    async def query_refund(self, refund_ref: str) -> Outcome:
        """Ask how a refund stands."""
        ...


class Notifications(Protocol):
    """Messages that the provider sends us."""

    def parse_notification(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Notice | Rejection:
        """Verify, then read. No input or output, no waiting: outsiders can call this."""
        ...


class QrProvider(Provider, QrPayments, CodePayments, Refunds, Notifications, Protocol):
    """What internet booking and the counter need of a provider."""


ALREADY_PAID = "ALREADY_PAID"
"""The code of a close that failed because the visitor was faster."""
NOT_FOUND = "NOT_FOUND"
"""The code of a query or close about a number the provider has never seen. It proves nothing while
a request that creates the number may still be on its way."""
NOT_ENOUGH = "NOT_ENOUGH"
"""The code of a refund for which our balance is too low: the same number, later."""
