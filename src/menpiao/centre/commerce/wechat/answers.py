"""Bodies that WeChat Pay sends, and what they mean in our words.

Fields we do not use are let through, fields we use are checked. States and codes:
docs/protocols/payment-wechat.md.
"""

from datetime import UTC, datetime

import msgspec

from menpiao.centre.commerce.provider import (
    ALREADY_PAID,
    NOT_ENOUGH,
    NOT_FOUND,
    Event,
    EventKind,
    Outcome,
    Standing,
)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that says no."""

    code: str = ""
    message: str = ""


class CodeUrl(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a native order."""

    code_url: str


class TradeAmount(msgspec.Struct, frozen=True, kw_only=True):
    """Fen; ``total`` is the order's amount, whatever coupons of WeChat paid a part of it."""

    total: int
    currency: str = "CNY"


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as WeChat sees it, in a query, a codepay answer and a payment notification."""

    mchid: str
    out_trade_no: str
    trade_state: str
    appid: str = ""
    transaction_id: str = ""
    trade_state_desc: str = ""
    success_time: datetime | None = None
    amount: TradeAmount | None = None


class RefundAmount(msgspec.Struct, frozen=True, kw_only=True):
    """Fen; ``refund`` is what we asked to return."""

    total: int
    refund: int


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund in an answer (``status``) or in a notification (``refund_status``, ``mchid``)."""

    out_refund_no: str
    out_trade_no: str
    refund_id: str
    amount: RefundAmount
    status: str = ""
    refund_status: str = ""
    mchid: str = ""
    create_time: datetime | None = None
    success_time: datetime | None = None


_NOT_A_REFUSAL = frozenset(
    {
        "SYSTEM_ERROR",
        "SYSTEMERROR",
        "BANK_ERROR",
        "BANKERROR",
        "FREQUENCY_LIMITED",
        "FREQUENCY_LIMIT_EXCEED",
        "RATELIMIT_EXCEEDED",
        "BIZERR_NEED_RETRY",
    }
)
_OUR_CODES = {
    "ORDERPAID": ALREADY_PAID,
    "ORDER_PAID": ALREADY_PAID,
    "ORDERNOTEXIST": NOT_FOUND,
    "ORDER_NOT_EXIST": NOT_FOUND,
    "RESOURCE_NOT_EXISTS": NOT_FOUND,
    "NOT_ENOUGH": NOT_ENOUGH,
    "NOTENOUGH": NOT_ENOUGH,
}


def utc(moment: datetime | None, otherwise: datetime) -> datetime:
    """A moment in UTC; one without a zone breaks the protocol and is not guessed at."""
    if moment is None or moment.tzinfo is None:
        return otherwise
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # east of Greenwich the calendar's first day begins before it
        return otherwise


def refusal(status: int, problem: Problem) -> Outcome:
    """What a *verified* answer outside 2xx means."""
    code = _OUR_CODES.get(problem.code, problem.code)
    if problem.code in {"USERPAYING", "USER_PAYING"}:
        standing = Standing.PENDING
    elif status >= 500 or status in {408, 429} or problem.code in _NOT_A_REFUSAL:
        standing = Standing.UNKNOWN
    else:
        standing = Standing.FAILED
    return Outcome(standing, code=code or f"HTTP_{status}", text=problem.message)


def trade(
    answer: Transaction, *, now: datetime, event_id: str = "", refused_finally: bool = True
) -> Outcome:
    """What a payment's state means. REFUND means paid before: a refund, even a partial one, exists.

    ``refused_finally`` false: PAYERROR is asked about once more before it is believed.
    """
    state = answer.trade_state
    if state in {"SUCCESS", "REFUND"}:
        if answer.amount is None or answer.amount.currency != "CNY" or not answer.transaction_id:
            return Outcome(Standing.UNKNOWN, code="INCOMPLETE", text=state)
        kind, standing = EventKind.PAID, Standing.SUCCEEDED
    elif state in {"CLOSED", "REVOKED"}:
        kind, standing = EventKind.CLOSED, Standing.FAILED
    elif state == "PAYERROR" and refused_finally:
        kind, standing = EventKind.PAYMENT_FAILED, Standing.FAILED
    else:
        return Outcome(Standing.PENDING, code=state, text=answer.trade_state_desc)
    event = Event(
        kind=kind,
        payment_ref=answer.out_trade_no,
        provider_event_id=event_id or f"trade:{answer.out_trade_no}:{kind}",
        provider_ref=answer.transaction_id,
        occurred_at=utc(answer.success_time, now),
        paid_fen=answer.amount.total if answer.amount and kind is EventKind.PAID else 0,
    )
    return Outcome(standing, code=state, text=answer.trade_state_desc, event=event)


def refund(answer: Refund, *, now: datetime, event_id: str = "") -> Outcome:
    """What a refund's state means."""
    state = answer.status or answer.refund_status
    if state == "SUCCESS":
        kind, standing = EventKind.REFUNDED, Standing.SUCCEEDED
    elif state == "ABNORMAL":
        kind, standing = EventKind.REFUND_ABNORMAL, Standing.FAILED
    elif state in {"CLOSED", "CLOSE"}:
        kind, standing = EventKind.REFUND_CLOSED, Standing.FAILED
    else:
        return Outcome(Standing.PENDING, code=state)
    event = Event(
        kind=kind,
        payment_ref=answer.out_trade_no,
        refund_ref=answer.out_refund_no,
        provider_event_id=event_id or f"refund:{answer.out_refund_no}:{kind}",
        provider_ref=answer.refund_id,
        occurred_at=utc(answer.success_time, now),
        refunded_fen=answer.amount.refund if kind is EventKind.REFUNDED else 0,
    )
    return Outcome(standing, code=state, event=event)
